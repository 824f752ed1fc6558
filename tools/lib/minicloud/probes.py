# SPDX-License-Identifier: Apache-2.0
"""Ways to see that a service not only runs but serves. Each returns at once, True or False."""

import dataclasses
import socket
import subprocess
import urllib.error
import urllib.request
from typing import Protocol

from minicloud.settings import Settings


class Probe(Protocol):
    """A readiness check."""

    def serves(self, settings: Settings, since: float) -> bool:
        """Tell whether the service serves.

        :param since: when its process began (seconds since the epoch).
        """


@dataclasses.dataclass(frozen=True)
class Listens:
    """The service accepts connections on its port."""

    port: str

    def serves(self, settings: Settings, since: float) -> bool:
        try:
            socket.create_connection((settings.address, settings.ports[self.port]), 2).close()
        except OSError:
            return False
        return True


@dataclasses.dataclass(frozen=True)
class Answers:
    """The service answers HTTP, even if only to ask for a token."""

    port: str
    path: str = "/"

    def serves(self, settings: Settings, since: float) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(settings.url(self.port, self.path), timeout=10).close()
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False
        return True


@dataclasses.dataclass(frozen=True)
class Reports:
    """The service has no port, but has written its sign of life to its database since it began."""

    query: str

    def serves(self, settings: Settings, since: float) -> bool:
        query = self.query.format(since=f"FROM_UNIXTIME({int(since)})")
        try:
            return bool(sql(settings, f"SET time_zone='+00:00'; {query}").strip())
        except OSError:
            return False


def sql(settings: Settings, statements: str) -> str:
    """Run SQL as the database's root over its socket.

    :raises OSError: the database refused it; the message holds its words.
    """
    done = subprocess.run(
        ["mariadb", "--no-defaults", "-uroot", "-N", "-S", str(settings.database_socket)],
        input=statements,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(done.stderr.strip())
    return done.stdout
