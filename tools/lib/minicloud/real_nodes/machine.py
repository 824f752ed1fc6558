# SPDX-License-Identifier: Apache-2.0
"""One node: a root of its own over one that nodes share, booted by systemd-nspawn.

The root is mounted in a mount namespace that ends with the node, so this machine sees no mount
and a dead node leaves none. Its processes are known by their control groups.
"""

import contextlib
import pathlib
import shutil
import subprocess
import sys

from minicloud.real_nodes import cgroups, shell
from minicloud.real_nodes.disks import Disks
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.servers import Server

# Arguments: the node's folder, the shared layers below, its groups, "--", Python, its name, and the
# command of nspawn.
_START = """
set -eu
folder=$1 shared=$2; shift 2
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
exec unshare --mount --propagation private sh -euc '
folder=$1 shared=$2; shift 2
layers=lowerdir=$shared,upperdir=$folder/upper,workdir=$folder/work
mount -t overlay node -o "$layers" "$folder/root"
if [ ! -e "$folder/ignited" ]; then
    "$1" -m minicloud.real_nodes.ignition "$folder/root" "$2" "$folder/user-data"
    : > "$folder/ignited"
fi
shift 2
# A node that reboots ends with 133.
status=133
while [ "$status" = 133 ]; do status=0; "$@" || status=$?; done
' sh "$folder" "$shared" "$@"
"""
_SYSTEM_CALLS = "add_key keyctl bpf @keyring"  # what container engines want of them


def command(places: Places, server: Server) -> list[str]:
    """Return nspawn's command for a node."""
    folder = places.machine(server.id)
    return [
        "systemd-nspawn",
        "--quiet",
        f"--directory={folder / 'root'}",
        f"--machine={places.node(server.id)[:64]}",
        f"--network-namespace-path={shell.NETNS / places.node(server.id)}",
        "--boot",
        "--register=no",
        "--keep-unit",
        "--capability=all",
        f"--system-call-filter={_SYSTEM_CALLS}",
        f"--bind={folder / 'docker'}:/var/lib/engine",
        f"--bind={folder / 'disks'}:/dev/disk/by-id",
        # What cloud-init believes instead of the firmware that a container has not.
        "--setenv=product_name=OpenStack Nova",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--console=read-only",
    ]


class Machine:
    """One server's node."""

    def __init__(self, places: Places, server: str) -> None:
        self._places = places
        self.server = server
        self.folder = places.machine(server)
        self.group = places.node(server)
        self.disks = Disks(self.folder / "disks")

    @property
    def console(self) -> pathlib.Path:
        """Everything the node has printed on its console since its first boot."""
        return self.folder / "console.log"

    @property
    def runs(self) -> bool:
        return cgroups.has_processes(self.group)

    def was_started(self, server: Server) -> bool:
        """Tell whether this boot of the server was begun since this machine itself booted."""
        try:
            return (self.folder / "boot").read_text() == _boot(server)
        except FileNotFoundError:
            return False

    def start(self, server: Server) -> None:
        """Boot it; its namespace has its links.

        :raises OSError: its files or groups cannot be made.
        """
        for name in ("upper", "work", "root", "docker", "disks"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.folder / "user-data").write_bytes(server.raw_user_data)
        self.plug(server)
        (self.folder / "boot").write_text(_boot(server))
        groups = cgroups.create(self.group, server.memory_mib)
        ignition = [sys.executable, server.name]
        words = [
            *(
                "setsid",
                "--fork",
                "/bin/sh",
                "-c",
                _START,
                "sh",
                str(self.folder),
                self._places.layers(server.root),
            ),
            *(*map(str, groups), "--", *ignition, *command(self._places, server)),
        ]
        with self.console.open("ab") as console:
            # Not the runner's environment: nodes live on when it is started anew.
            subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "PYTHONPATH": str(pathlib.Path(__file__).parents[2]),
                    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
                },
                cwd="/",
                check=True,
            )

    def is_plugged(self, server: Server) -> bool:
        """Tell whether it sees the disks that its server has, and no others."""
        return self.disks.are(server.volumes)

    def plug(self, server: Server) -> None:
        """Make it see just the disks that its server has.

        :raises OSError: a disk does not come, or its device is still in use elsewhere.
        """
        self.disks.follow(server.volumes)

    def stop(self) -> None:
        """End it at once, as by pulling the plug; its files stay.

        :raises OSError: it does not end.
        """
        cgroups.kill(self.group)
        cgroups.remove(self.group)
        self.disks.remove()
        (self.folder / "boot").unlink(missing_ok=True)

    def remove(self) -> None:
        """End it and remove all that is its.

        :raises OSError: something of it does not go.
        """
        self.stop()
        shell.delete_namespace(self.group)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    def inside(self, *words: str) -> list[str]:
        """Return the command that runs another one in the node.

        :raises OSError: it does not run.
        """
        first = cgroups.first_process(self.group)
        if first is None:
            raise OSError(f"the node of server {self.server} does not run")
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wdns=/")
        return ["nsenter", f"--target={first}", *spaces, *words]


def _boot(server: Server) -> str:
    machine = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{machine} {server.boot}\n"


def present(places: Places) -> set[str]:
    """Return the servers of which anything is left here."""
    found = set()
    if places.machines.is_dir():
        found = {path.name for path in places.machines.iterdir()}
    start = places.node("")
    return found | {name.removeprefix(start) for name in shell.namespaces(start)}
