# SPDX-License-Identifier: Apache-2.0
"""The mini cloud's real nodes, seen from this machine and from inside."""

import pathlib
import subprocess
from collections.abc import Iterator

from deployment.client import Client
from deployment.cloud import Cloud
from minicloud import settings
from minicloud.real_nodes import cgroups, consoles, disks, servers, shell
from minicloud.real_nodes.machine import Machine
from minicloud.real_nodes.places import Places
from tests.functional.bays import Bays, NotSettled

PATIENCE = 300  # seconds until a bay of real nodes settles, on two busy cores

NODES_PROGRAMS = tuple(f"--volume={folder}:{folder}:ro" for folder in ("/usr", "/lib", "/lib64"))
"""By which a container has its node's curl: the wget of the image, linked statically, crashes."""

TIMED_OUT = 28  # curl's status


def curl(url: str) -> tuple[str, ...]:
    """Return the words that ask for something within a few seconds."""
    return ("/usr/bin/curl", "-sS", "-m", "3", url)


class RealNodes:
    """Those of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.facts = cloud.facts["real_nodes"]
        self.places = Places(settings.load(cloud.prefix))
        self._docker = cloud.prefix / "bin" / "docker"

    @property
    def model(self) -> dict[str, str]:
        """The fields of a baymodel whose bays have real nodes."""
        return {
            "image_id": self.facts["images"]["fedora-atomic"],
            "flavor_id": self.facts["flavor"],
            "master_flavor_id": self.facts["flavor"],
            "insecure_registry": self.facts["registry"],
        }

    @property
    def image(self) -> str:
        """The image that the cloud's own registry has."""
        return f"{self.facts['registry']}/busybox"

    def named(self, start: str) -> dict[str, Machine]:
        """Return the nodes by name whose names begin with a text."""
        return {
            server.name: Machine(self.places, identity)
            for identity, server in servers.load_all(self.places.servers).items()
            if server.name.startswith(start)
        }

    def run(self, node: Machine, command: str, patience: float = 30) -> str:
        """Run a line of shell in a node; return what it prints, errors too."""
        return subprocess.run(
            node.inside("sh", "-c", command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience,
            check=False,
        ).stdout

    def docker(self, *words: str, patience: float = 60) -> tuple[int, str]:
        """Run Docker's client here; return its status and what it prints."""
        done = subprocess.run(
            [self._docker, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience,
            check=False,
        )
        return done.returncode, done.stdout

    def docker_options(self, magnum: Client, bay: str, folder: pathlib.Path) -> tuple[str, ...]:
        """Return the options by which Docker's client is let in by a bay's engines.

        :param magnum: a client that writes the files under the names that Docker wants.
        :param folder: where they go.
        """
        magnum.run("bay-config", bay, "--dir", str(folder))
        files = (f"--tls{kind}={folder / kind}.pem" for kind in ("cert", "key"))
        return ("--tlsverify", f"--tlscacert={folder / 'ca.pem'}", *files)

    def consoles(self) -> str:
        """Return the ends of all nodes' console logs."""
        return consoles.ends(self.places)

    def wait_for(self, bays: Bays, bay: str, status: str, patience: float = PATIENCE) -> dict:
        """Wait until a bay has a status; its nodes' consoles are told when it does not come."""
        try:
            return bays.wait_for(bay, status, patience)
        except NotSettled as error:
            raise NotSettled(f"{error}\n{self.consoles()}") from error

    def left(self) -> Iterator[str]:
        """Return what there is of nodes and their networks on this machine."""
        tag = self.places.tag
        yield from shell.namespaces(f"{tag}-") - {self.places.edge}
        yield from (str(path) for path in cgroups.ROOT.glob(f"*/{tag}-*"))
        yield from map(str, self.places.machines.iterdir())
        yield from map(str, self.places.servers.iterdir())
        yield from (line for line in _mounts() if str(self.places.folder) in line)
        volumes = self.places.settings.volumes
        yield from map(str, volumes.iterdir())
        for name, file in disks.backing_files().items():
            if file.is_relative_to(volumes):
                yield f"{name} of {file}"
        routes = shell.ask_ip(None, "route", "show", "table", "local", "dev", tag)
        yield from (f"route to {route['dst']}" for route in routes)


def _mounts() -> list[str]:
    return pathlib.Path("/proc/mounts").read_text().splitlines()
