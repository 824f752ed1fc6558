# SPDX-License-Identifier: Apache-2.0
"""Run a node's command in a copy of this machine's file system that vanishes afterwards.

In a mount namespace of its own, an overlay in memory over `/` carries the node's files; the
command runs in a chroot there, with this machine's network. What it writes is copied back to the
node's scratch folder when it ends. The host sees no mount and no changed file.
"""

import os
import pathlib
import signal
import subprocess

# Arguments: the node's files, an empty folder, the command.
_SCRIPT = """
set -eu
files=$1 room=$2; shift 2
mount -t tmpfs -o mode=0755 node "$room"
mkdir "$room/upper" "$room/work" "$room/root"
mount -t overlay -o "lowerdir=/,upperdir=$room/upper,workdir=$room/work" node "$room/root"
cp -a "$files/." "$room/root/"
for point in proc dev; do mount --rbind "/$point" "$room/root/$point"; done
for point in run tmp; do
    mount -t tmpfs node "$room/root/$point"
    if [ -d "$files/$point" ]; then cp -a "$files/$point/." "$room/root/$point/"; fi
done
status=0
chroot "$room/root" "$@" || status=$?
for folder in etc opt run var; do
    if [ "$folder" = run ]; then from=$room/root/run; else from=$room/upper/$folder; fi
    if [ -d "$from" ]; then mkdir -p "$files/$folder"; cp -a "$from/." "$files/$folder/"; fi
done
exit "$status"
"""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class RoomError(Exception):
    """The command failed or took too long; the text is the end of its output."""


def run(scratch: pathlib.Path, *command: str, timeout: float = 120) -> None:
    """Run a command among a node's files.

    :param scratch: the node's folder; its files are in `root` there.
    :param timeout: seconds.
    :raises RoomError: it ended with another status than 0, or had to be killed.
    """
    room = scratch / "room"
    room.mkdir(exist_ok=True)
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SCRIPT, "room"]
    argv += [str(scratch / "root"), str(room), *command]
    # The mark by which the mini cloud knows its processes goes along with the environment.
    mark = {k: v for k, v in os.environ.items() if k.startswith("MINICLOUD_")}
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **mark},
        start_new_session=True,
        text=True,
        errors="replace",
    )
    try:
        output, _ = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        raise RoomError(f"not finished after {timeout:.0f} s; {_end(output)}") from error
    if child.returncode:
        raise RoomError(f"exit status {child.returncode}; {_end(output)}")


def _end(output: str, lines: int = 5) -> str:
    return " | ".join(line.strip() for line in output.strip().splitlines()[-lines:])
