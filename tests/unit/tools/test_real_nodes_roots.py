# SPDX-License-Identifier: Apache-2.0
"""What real nodes boot from: the root, and the layer of those without an engine."""

import dataclasses
import pathlib
import subprocess

import pytest

from minicloud import commands, facts, settings
from minicloud.progress import Progress
from minicloud.real_nodes import bare, cgroups, provision, root, servers
from minicloud.real_nodes.machine import Machine
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.servers import Server

SERVER = Server("server-1", "bay-master", 512)
MOUNT = "local-fs.target.wants/var-lib-docker.mount"


@pytest.fixture
def places(tmp_path: pathlib.Path) -> Places:
    return Places(settings.resolve(tmp_path, {}))


TARGETS = """\
http://mirror.test/debian/ bookworm Debian main
http://mirror.test/debian/ bookworm Debian contrib
http://mirror.test/debian/ bookworm-updates Debian main
http://security.test/ bookworm-security Debian main
http://mirror.test/debian/ trixie Debian main
http://elsewhere.test/ nodistro . main
"""


def test_root_comes_from_the_mirrors_that_apt_uses() -> None:
    lines = root.sources(TARGETS)

    assert lines == [
        "deb http://mirror.test/debian/ bookworm main",
        "deb http://mirror.test/debian/ bookworm-updates main",
        "deb http://security.test/ bookworm-security main",
    ]
    assert provision.mirror_hosts(lines) == "^mirror\\.test$\n^security\\.test$\n"


def test_root_without_a_mirror_of_its_release_is_refused() -> None:
    with pytest.raises(root.RootError, match="no mirror of Debian's bookworm"):
        root.sources("http://mirror.test/debian/ trixie Debian main\n")


def test_root_is_built_with_apts_proxy_and_with_what_nodes_need() -> None:
    dump = 'APT "";\nAcquire::http::Proxy "http://proxy.test:1";\nAcquire::Retries "3";\n'
    options = root.apt_options(dump)
    words = root.command(pathlib.Path("/root-of-nodes"), ["deb x"], options)

    assert '--aptopt=Acquire::http::Proxy "http://proxy.test:1";' in words
    assert words[-3:] == ["bookworm", "/root-of-nodes", "deb x"]
    (include,) = (word for word in words if word.startswith("--include="))
    assert {"cloud-init", "docker.io", "systemd"} <= set(include.partition("=")[2].split(","))


def test_bare_root_becomes_one_whose_every_boot_is_a_first_one(tmp_path: pathlib.Path) -> None:
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "docker.service").symlink_to("/lib/systemd/system/docker.service")
    (tmp_path / "etc/ssh").mkdir()
    (tmp_path / "etc/ssh/ssh_host_rsa_key").write_text("of all nodes")
    (tmp_path / "etc/machine-id").write_text("of all nodes")

    root.finish(tmp_path)
    root.finish(tmp_path)  # and again does no harm

    units = tmp_path / "etc/systemd/system"
    assert (tmp_path / "etc/machine-id").read_text() == ""
    assert list((tmp_path / "etc/ssh").iterdir()) == []
    assert list(wants.iterdir()) == []
    assert (units / "systemd-udevd.service").readlink() == pathlib.Path("/dev/null")
    for wanted in ("sysinit.target.wants/cgroups-writable.service", MOUNT):
        assert (tmp_path / (units / wanted).readlink().relative_to("/")).is_file()
    assert (tmp_path / "etc/cloud/cloud.cfg.d/90-minicloud.cfg").exists()


def test_node_without_an_engine_has_another_layer_below(places: Places) -> None:
    assert places.layers(servers.WHOLE) == f"{places.root}"
    assert places.layers(servers.BARE) == f"{places.bare_layer}:{places.root}"


def test_node_boots_from_the_root_that_its_image_names(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(cgroups, "create", lambda name, memory_mib: [])
    monkeypatch.setattr(subprocess, "run", lambda words, **rest: started.append(words))

    for kind in (servers.WHOLE, servers.BARE):
        Machine(places, SERVER.id).start(dataclasses.replace(SERVER, root=kind))

    for words, kind in zip(started, (servers.WHOLE, servers.BARE), strict=True):
        assert places.layers(kind) in words


def test_image_names_the_root_of_its_servers() -> None:
    for image in servers.REAL_IMAGES.values():
        assert servers.root_of({servers.IMAGE_PROPERTY: image.root}) == image.root
    assert servers.root_of({"os_distro": "ubuntu"}) == servers.STAND_IN
    assert servers.root_of({servers.IMAGE_PROPERTY: "another"}) == servers.STAND_IN
    assert facts._images(servers.BARE) == {"ubuntu": "ubuntu-bare-real"}
    assert facts._images(servers.WHOLE)["ubuntu"] == "ubuntu-real"


def test_layer_is_built_once_for_each_root(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[list[str]] = []
    monkeypatch.setattr(commands, "run", lambda words, log: built.append(words))
    stamp = places.settings.prefix / "installed/node-root"
    stamp.parent.mkdir()

    for made_of in ("this", "this", "that"):
        stamp.write_text(made_of)
        bare.build(places.settings, Progress())

    assert len(built) == 2
    assert {"docker.io", "containerd", "runc"} <= set(built[0])
    assert str(places.root) in built[0]
    left = {path.name for path in places.settings.prefix.iterdir()}
    assert left == {"installed", "node-root-bare"}


def test_layer_that_failed_half_way_is_built_again(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(words: list[str], log: pathlib.Path) -> None:
        raise commands.CommandError("no")

    (places.settings.prefix / "installed").mkdir()
    (places.settings.prefix / "installed/node-root").write_text("this")
    monkeypatch.setattr(commands, "run", fail)
    with pytest.raises(commands.CommandError):
        bare.build(places.settings, Progress())
    assert not places.bare_layer.exists()

    monkeypatch.setattr(commands, "run", lambda words, log: None)
    bare.build(places.settings, Progress())

    assert places.bare_layer.is_dir()


def test_purging_script_is_one_that_a_shell_reads() -> None:
    assert subprocess.run(["sh", "-n", "-c", bare._PURGE], check=False).returncode == 0
