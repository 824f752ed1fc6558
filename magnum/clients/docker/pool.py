# SPDX-License-Identifier: Apache-2.0
"""The engines that are in use, each connected once."""

import ssl
import threading
import time
from dataclasses import dataclass

from oslo_config import cfg

from magnum.clients.docker.engine import Engine
from magnum.clients.docker.errors import EngineDistrusted
from magnum.clients.docker.tls import Trust
from magnum.clients.docker.transport import Client

PORT = 2376
"""Where every engine of a bay listens, with TLS and without."""


@dataclass(slots=True)
class _Kept:
    engine: Engine
    used: float


class Engines:
    """Returns engines by their addresses and keeps their connections; safe for threads.

    Bays of several tenants may have the same private addresses, and an address another bay than
    yesterday, so an engine is known by its authority as well.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._kept: dict[tuple[str, int, str], _Kept] = {}
        self._lock = threading.Lock()

    def engine(self, address: str, trust: Trust | None, port: int = PORT) -> Engine:
        """Return the engine at an address; connects to nothing yet.

        :param trust: None for a bay without TLS.
        :raises EngineDistrusted: what the store holds is no certificate and key.
        """
        key = (address, port, trust.fingerprint if trust else "")
        now = time.monotonic()
        with self._lock:
            idle = self._idle(now)
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = _Kept(self._connect(address, trust, port), now)
            kept.used = now
        for one in idle:
            one.engine.close()
        return kept.engine

    def _idle(self, now: float) -> list[_Kept]:
        """Take out what nobody has asked for in a while."""
        seconds = self._conf.docker.idle_seconds
        idle = [key for key, kept in self._kept.items() if now - kept.used > seconds]
        return [self._kept.pop(key) for key in idle]

    def _connect(self, address: str, trust: Trust | None, port: int) -> Engine:
        host = f"[{address}]" if ":" in address else address
        calls = self._conf.docker.connections
        seconds = self._conf.docker.call_timeout
        try:
            context = trust.context() if trust else None
        except ssl.SSLError as error:
            words = "the bay's certificate in the store cannot be read"
            raise EngineDistrusted(words) from error
        client = Client(f"{'https' if trust else 'http'}://{host}:{port}", context, calls)
        return Engine(f"{host}:{port}", client, seconds, calls)
