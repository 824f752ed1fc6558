# SPDX-License-Identifier: Apache-2.0
"""Build what all nodes boot from: a Debian with systemd, cloud-init and Docker, once.

It comes from the mirrors that apt uses on this machine, with apt's settings of proxies.
"""

import pathlib
import shutil
import subprocess

from minicloud import commands, debian
from minicloud.progress import Progress
from minicloud.real_nodes.places import Places
from minicloud.settings import Settings
from minicloud.stamps import Stamps, digest

SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "netbase", "procps", "sudo"),
    *("ifupdown", "isc-dhcp-client", "iproute2", "iptables", "iputils-ping"),
    *("ca-certificates", "curl", "openssl", "openssh-server", "e2fsprogs"),
    *("cloud-init", "docker.io"),
)
_ADDITIONS = pathlib.Path(__file__).parent / "root.d"
_TARGETS = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(ORIGIN) $(COMPONENT)"]
_UNWANTED = ("man", "doc", "locale", "info")
# They would handle this machine's devices, or do what no node of an hour's life needs.
_MASKED = (
    *("systemd-udevd.service", "systemd-udevd-kernel.socket", "systemd-udevd-control.socket"),
    "systemd-udev-trigger.service",
    "console-getty.service",  # it would take the console away from who writes there
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer"),
)
# Of ours, by the targets that want them.
_STARTED = {
    "sysinit.target": "/etc/systemd/system/cgroups-writable.service",
    "local-fs.target": "/usr/lib/systemd/system/var-lib-docker.mount",
}
# Started by the user data only.
_NOT_STARTED = ("docker.service", "docker.socket", "containerd.service")


class RootError(Exception):
    """The root cannot be built; the text says why."""


def sources(targets: str) -> list[str]:
    """Return apt's lines for Debian's own archives, from what apt says of this machine's.

    :param targets: lines of uri, codename, origin and component.
    :raises RootError: this machine uses no mirror of the Debian that nodes are made of.
    """
    found: dict[str, None] = {}
    for line in targets.splitlines():
        uri, codename, origin, component = (line.split() + [""] * 4)[:4]
        suites = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
        if origin == "Debian" and component == "main" and codename in suites:
            found[f"deb {uri} {codename} main"] = None
    if not any(f" {SUITE} " in line for line in found):
        raise RootError(f"apt knows no mirror of Debian's {SUITE} on this machine")
    return list(found)


def apt_options(dump: str) -> list[str]:
    """Return apt's settings of proxies and of trust in them, from a dump of all its settings."""
    wanted = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::https::CaInfo")
    return [line for line in dump.splitlines() if line.startswith(wanted)]


def _output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def machine_sources(log: pathlib.Path) -> list[str]:
    """Return this machine's own lines; apt may have to fetch its lists first.

    :raises RootError: as `sources`.
    """
    try:
        return sources(_output(*_TARGETS))
    except RootError:
        debian.apt(log, "update")
        return sources(_output(*_TARGETS))


def command(target: pathlib.Path, lines: list[str], options: list[str]) -> list[str]:
    """Return the command that builds the bare root."""
    words = ["mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(PACKAGES)}"]
    words += [f"--aptopt={option}" for option in ('Apt::Install-Recommends "false"', *options)]
    words += [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _UNWANTED]
    return [*words, SUITE, str(target), *lines]


def finish(root: pathlib.Path) -> None:
    """Make a bare root one that boots as a node: every boot is a first one, of a new machine."""
    shutil.copytree(_ADDITIONS, root, dirs_exist_ok=True)
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").unlink(missing_ok=True)
    # Until DHCP names a server, look-ups of names fail at once.
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    units = root / "etc/systemd/system"
    for unit in _NOT_STARTED:
        # Their targets are names inside of the root, which seldom exist on this machine.
        for wants in units.glob("*.wants"):
            (wants / unit).unlink(missing_ok=True)
    for unit in _MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    for target, unit in _STARTED.items():
        link = units / f"{target}.wants" / pathlib.Path(unit).name
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(unit)


def build(settings: Settings, progress: Progress) -> None:
    """Build the root, unless it is there and made of the same.

    :raises RootError: there is no mirror to build it from.
    :raises CommandError: mmdebstrap failed; the message holds the end of its log.
    """
    root = Places(settings).root
    stamps = Stamps(settings.prefix / "installed")
    additions = sorted(path for path in _ADDITIONS.rglob("*") if path.is_file())
    names = (str(path.relative_to(_ADDITIONS)) for path in additions)
    wanted = digest(pathlib.Path(__file__), *names, *additions)
    if root.exists() and stamps.fresh("node-root", wanted):
        return
    progress.say("building the root of the nodes, which takes a minute or two")
    log = settings.log / "node-root.log"
    part = root.with_suffix(".part")
    stamps.clear("node-root")
    for folder in (part, root):
        shutil.rmtree(folder, ignore_errors=True)
    options = apt_options(_output("apt-config", "dump"))
    commands.run(command(part, machine_sources(log), options), log)
    finish(part)
    part.rename(root)
    stamps.set("node-root", wanted)
