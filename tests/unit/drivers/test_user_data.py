# SPDX-License-Identifier: Apache-2.0
import subprocess

import pytest
import yaml

from magnum.core.errors import Invalid
from magnum.drivers import user_data
from magnum.drivers.user_data import NodeConfig, NodeFile
from tests.drivers import checks


@pytest.mark.parametrize(
    "value",
    ["plain", "it's", "$HOME `id` $(id)", 'a "b" \\ c', "two\nlines", "", "%%NODE_PASSWORD%%", "ü"],
)
def test_env_file_gives_a_shell_the_very_value(tmp_path, value):
    file = tmp_path / "env"
    file.write_text(user_data.env_file({"A": value, "B": "end"}))
    script = f'. {file}; printf "%s|%s" "$A" "$B"'
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == f"{value}|end"


def test_cloud_config_packs_all_but_what_heat_fills_in():
    files = (
        NodeFile("/a", 0o600, "text with %%NODE_IP%%\n"),
        NodeFile("/b", 0o644, "NODE_IP='%%NODE_IP%%'\nB='2'\n", has_placeholders=True),
    )
    text = user_data.cloud_config(NodeConfig(files, "/run-me", None))
    config = yaml.safe_load(text)
    packed, plain = config["write_files"]
    assert text.startswith("#cloud-config\n")
    assert text.count("%%NODE_IP%%") == 1
    assert (packed["permissions"], checks.content(packed)) == ("0600", "text with %%NODE_IP%%\n")
    assert (plain["permissions"], plain["content"]) == ("0644", files[1].content)
    assert config["runcmd"] == [["/run-me"]]
    assert "ssh_authorized_keys" not in config


def test_authorized_key_drops_the_comment_that_may_be_any_text():
    assert user_data.authorized_key("ssh-rsa AAAA me %%X%%\n- evil: yes") == "ssh-rsa AAAA"


@pytest.mark.parametrize(
    "text", ["", "ssh-rsa", "ssh-rsa ä", "-----BEGIN CERTIFICATE-----\nAAAA", "a: b AAAA"]
)
def test_authorized_key_when_it_is_none_is_refused(text):
    with pytest.raises(Invalid, match="no SSH public key"):
        user_data.authorized_key(text)


def test_every_step_has_one_script():
    scripts = user_data.step_scripts()
    assert scripts["swarm_init"] == "swarm/swarm_init.sh"
    assert not {"run-steps", "signal", "json"} & set(scripts)
