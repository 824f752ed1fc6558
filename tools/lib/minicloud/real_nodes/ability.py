# SPDX-License-Identifier: Apache-2.0
"""Find out whether this machine can run real nodes."""

import os
import pathlib
import shutil
import subprocess

from minicloud.real_nodes import cgroups

LOOP_CONTROL = pathlib.Path("/dev/loop-control")

# Made and left again: namespaces of all kinds with an overlay in them, and two ends of a link.
_TRIAL = """
mount -t tmpfs trial /mnt && cd /mnt && mkdir lower upper work root &&
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work trial root &&
ip link add one type veth peer name two &&
ip link add three type bridge
"""
_NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--propagation", "private")


def reason_against() -> str | None:
    """Return why this machine cannot run real nodes, in a few words; None when it can."""
    if os.getuid() != 0:
        return "that takes root"
    if shutil.which("apt-get") is None:
        return "nodes are made of Debian packages, and there is no apt-get"
    if missing := cgroups.NEEDED - {path.name for path in cgroups.hierarchies()}:
        return f"there are no control groups of version 1 for {', '.join(sorted(missing))}"
    if not _writable(cgroups.ROOT / "pids"):
        return "control groups are read-only"
    if not LOOP_CONTROL.exists():
        return "volumes of nodes take loop devices, and there are none"
    return _trial()


def _writable(hierarchy: pathlib.Path) -> bool:
    trial = hierarchy / f"minicloud-trial-{os.getpid()}"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True


def _trial() -> str | None:
    done = subprocess.run(
        ["unshare", *_NAMESPACES, "sh", "-c", _TRIAL], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return None
    words = (done.stderr.strip() or "no word why").splitlines()[-1]
    return f"namespaces with a file system and links of their own do not work: {words}"
