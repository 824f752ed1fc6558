# SPDX-License-Identifier: Apache-2.0
"""Build what nodes without an engine boot from: a layer above the root, with packages purged.

Nor have they what formats the volume of one.  A layer takes seconds and no room, where a second
root would take minutes.
"""

import pathlib
import shutil

from minicloud import commands
from minicloud.progress import Progress
from minicloud.real_nodes.places import Places
from minicloud.settings import Settings
from minicloud.stamps import Stamps, digest

PACKAGES = ("docker.io", "containerd", "runc", "e2fsprogs")
"""What else came with them stays: an engine that is downloaded wants its libraries."""

_STEP = "node-root-bare"
# In namespaces of its own: no mount stays, and the packages' scripts find no process to end.
_SPACES = ("--mount", "--propagation", "private", "--pid", "--fork", "--net")
# Arguments: the root, the folder to work in, the packages.  This machine's proxies of packages are
# no node's: theirs are those that a baymodel gives.
_PURGE = """
set -eu
root=$1 folder=$2; shift 2
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
layers=lowerdir=$root,upperdir=$folder/layer,workdir=$folder/work
mount -t overlay bare -o "$layers" "$folder/root"
chroot "$folder/root" dpkg --force-unsafe-io --force-remove-protected --purge "$@"
rm -f "$folder/root/etc/apt/apt.conf.d/99mmdebstrap"
"""


def command(root: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Return the command that makes the layer in the folder `layer` of another one."""
    words = ["unshare", *_SPACES, "sh", "-c", _PURGE, "sh"]
    return [*words, str(root), str(folder), *PACKAGES]


def build(settings: Settings, progress: Progress) -> None:
    """Build the layer, unless it is there and made of the root that there is.

    :raises CommandError: the packages do not go; the message holds the end of the log.
    """
    places, stamps = Places(settings), Stamps(settings.prefix / "installed")
    wanted = digest(pathlib.Path(__file__), stamps.path("node-root"))
    if places.bare_layer.exists() and stamps.fresh(_STEP, wanted):
        return
    progress.say("building the layer of nodes without an engine")
    part = places.bare_layer.with_suffix(".part")
    stamps.clear(_STEP)
    for folder in (part, places.bare_layer):
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("layer", "work", "root"):
        (part / name).mkdir(parents=True)
    commands.run(command(places.root, part), settings.log / "node-root.log")
    (part / "layer").rename(places.bare_layer)
    shutil.rmtree(part)
    stamps.set(_STEP, wanted)
