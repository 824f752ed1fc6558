# SPDX-License-Identifier: Apache-2.0
import json
import string
import subprocess

import pytest
import yaml

from magnum.core.errors import Invalid
from magnum.drivers import formats
from magnum.drivers.user_data import NodeConfig, NodeFile
from tests.drivers import reader

KEY = "ssh-ed25519 AAAA"
FILES = (
    NodeFile("/a", 0o600, "text with %%NODE_IP%%\n"),
    NodeFile("/b", 0o644, "NODE_IP='%%NODE_IP%%'\nB='2'\n", has_placeholders=True),
)
each_format = pytest.mark.parametrize("name", formats.FORMATS)


@each_format
def test_formats_pack_all_but_what_heat_fills_in(name):
    text = formats.FORMATS[name].write(NodeConfig(FILES, "/run-me", None))
    found = reader.read(text)
    assert text.count("%%NODE_IP%%") == 1
    assert found.files == {file.path: file.content for file in FILES}
    assert found.modes == {"/a": 0o600, "/b": 0o644}
    assert found.commands == ["/run-me"]
    assert found.ssh_keys == []


@each_format
def test_formats_let_the_key_s_owner_in(name):
    text = formats.FORMATS[name].write(NodeConfig(FILES, "/run-me", f"{KEY} me %%NODE_IP%%"))
    assert reader.read(text).ssh_keys == [KEY]
    assert text.count("%%NODE_IP%%") == 1


@each_format
def test_escapes_keep_any_value_whole_on_its_way_to_the_shell(name, tmp_path):
    value = string.printable.partition("\t")[0] + "%41%zz%%NODE_IP%%#?"
    escapes = formats.FORMATS[name].escapes
    filled = "".join(escapes.get(letter, letter) for letter in value)
    text = formats.FORMATS[name].write(NodeConfig(FILES, "/run-me", None))
    file = tmp_path / "env"
    file.write_text(reader.read(text.replace("%%NODE_IP%%", filled)).files["/b"])
    script = f'. {file}; printf "%s|%s" "$NODE_IP" "$B"'
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == f"{value}|2"


def test_ignition_runs_the_command_until_the_node_has_signalled_and_reboots_for_nobody():
    text = formats.ignition(NodeConfig(FILES, "/run-me", None))
    units = {unit["name"]: unit for unit in json.loads(text)["systemd"]["units"]}
    contents = units.pop("magnum-node.service")["contents"]
    assert "ConditionPathExists=!/var/lib/magnum/signalled\n" in contents
    assert "Type=oneshot\n" in contents
    assert units == {
        name: {"name": name, "mask": True} for name in ("locksmithd.service", "zincati.service")
    }


def test_cloud_config_is_what_cloud_init_knows_it_by():
    text = formats.cloud_config(NodeConfig(FILES, "/run-me", None))
    assert text.startswith("#cloud-config\n")
    assert yaml.safe_load(text)["runcmd"] == [["/run-me"]]


def test_authorized_key_drops_the_comment_that_may_be_any_text():
    assert formats.authorized_key("ssh-rsa AAAA me %%X%%\n- evil: yes") == "ssh-rsa AAAA"


@pytest.mark.parametrize(
    "text", ["", "ssh-rsa", "ssh-rsa ä", "-----BEGIN CERTIFICATE-----\nAAAA", "a: b AAAA"]
)
def test_authorized_key_when_it_is_none_is_refused(text):
    with pytest.raises(Invalid, match="no SSH public key"):
        formats.authorized_key(text)
