# SPDX-License-Identifier: Apache-2.0
"""What `up` and `down` do for real nodes."""

import contextlib
import pathlib
import re
import shutil
from urllib.parse import urlsplit

from minicloud import debian, packages
from minicloud.progress import Progress
from minicloud.real_nodes import bare, machine, root, shell
from minicloud.real_nodes.fabric import Fabric
from minicloud.real_nodes.machine import Machine
from minicloud.real_nodes.places import Places
from minicloud.settings import Settings

DEBIAN = (
    "busybox-static",
    "dnsmasq-base",
    "docker-registry",
    "iptables",
    "mmdebstrap",
    "systemd-container",
    "tinyproxy-bin",
)
_UNITS = ("docker-registry.service", "tinyproxy.service")
_INOTIFY = pathlib.Path("/proc/sys/fs/inotify/max_user_instances")
_INSTANCES = 8192  # each node's systemd takes dozens


def prepare(settings: Settings, progress: Progress) -> None:
    """Install what real nodes need, and build their root.

    :raises CommandError: an installation failed.
    :raises RootError: there is no mirror to build the root from.
    """
    note, log = packages.policy_note(settings), settings.log / "apt.log"
    debian.install(DEBIAN, _UNITS, log, note, progress.say)
    root.build(settings, progress)
    bare.build(settings, progress)
    _raise_limits()
    _offer_docker(settings)
    _name_mirrors(settings)


def _raise_limits() -> None:
    if int(_INOTIFY.read_text()) < _INSTANCES:
        _INOTIFY.write_text(f"{_INSTANCES}\n")


def _offer_docker(settings: Settings) -> None:
    """Put Docker's client where users of the cloud find its other clients: the nodes' own one."""
    link = settings.prefix / "bin" / "docker"
    link.unlink(missing_ok=True)
    link.symlink_to(shutil.which("docker") or Places(settings).root / "usr/bin/docker")


def mirror_hosts(sources: list[str]) -> str:
    """Return the hosts that nodes may fetch packages from, as patterns for the proxy."""
    hosts = {urlsplit(line.split()[1]).hostname or "" for line in sources}
    return "".join(f"^{re.escape(host)}$\n" for host in sorted(hosts - {""}))


def _name_mirrors(settings: Settings) -> None:
    folder = settings.etc / "mirror"
    folder.mkdir(parents=True, exist_ok=True)
    lines = root.machine_sources(settings.log / "apt.log")
    (folder / "hosts").write_text(mirror_hosts(lines))


def power_off(settings: Settings) -> None:
    """End all nodes and their networks; their files stay, and the next `up` boots them again.

    :raises OSError: something does not go.
    """
    places = Places(settings)
    if shutil.which("ip") is None:
        return  # nothing has ever run here
    for server in machine.present(places):
        node = Machine(places, server)
        node.stop()
        shell.delete_namespace(places.node(server))
        with contextlib.suppress(OSError):  # a node that never had files
            node.folder.rmdir()
    Fabric(places).remove_all()
