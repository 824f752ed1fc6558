# SPDX-License-Identifier: Apache-2.0
"""HTTP to one engine, within what the call under way is allowed.

The SDK's client is a session of requests, so this is an adapter of requests.
"""

import http.client
import ssl
from typing import Any

import docker
import requests
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.utils.proxy import ProxyConfig
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.util import Timeout

from magnum.clients.docker import allowance

CONNECT_SECONDS = 3.0
"""For the connection, and again for the handshake of TLS."""

_STALE = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)
"""How a kept connection shows that its engine was restarted meanwhile."""


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        seconds = self.sock.gettimeout()
        self.sock = allowance.PlainSocket(fileno=self.sock.detach())
        self.sock.settimeout(seconds)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class Adapter(HTTPAdapter):
    """Keeps connections to one engine.

    :param context: for TLS; None without.
    :param connections: how many are kept.
    """

    def __init__(self, context: ssl.SSLContext | None, connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)
        pools = {"http": _PlainPool, "https": HTTPSConnectionPool}
        self.poolmanager.pool_classes_by_scheme = pools

    def cert_verify(self, *_args: Any, **_options: Any) -> None:
        """Leave the context as it is: requests would have it trust public authorities too."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send a request, a reading one a second time when the kept connection was stale."""
        try:
            return self._send(request, *args, **options)
        except requests.ConnectionError as error:
            if request.method != "GET" or not _is_stale(error):
                raise
        return self._send(request, *args, **options)

    def _send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        left = allowance.current().require()
        options["timeout"] = Timeout(total=left, connect=min(CONNECT_SECONDS, left))
        return super().send(request, *args, **options)


def _is_stale(error: requests.ConnectionError) -> bool:
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, _STALE):
            return True
        inner = inner.__cause__ or inner.__context__
    return False


class Client(docker.APIClient):
    """The SDK's client of one engine, with nothing of this host in it.

    :param url: ``https://address:port``, or ``http`` without TLS.
    """

    def __init__(self, url: str, context: ssl.SSLContext | None, connections: int) -> None:
        # Any version at all keeps it from asking the engine for one, before it may be asked.
        super().__init__(base_url=url, version=MINIMUM_DOCKER_API_VERSION)
        self.trust_env = False
        # It has read the configuration of whoever runs this process, which is no tenant's business.
        self._general_configs: dict[str, Any] = {}
        self._proxy_configs = ProxyConfig()
        self.mount(f"{url.partition('://')[0]}://", Adapter(context, connections))

    def pull(self, *args: Any, **options: Any) -> Any:
        """Pull an image, with no log in: left to itself the SDK sends those of this host."""
        return super().pull(*args, **options, auth_config={})

    def speak(self, version: str) -> None:
        """Use a version of the API from now on."""
        self._version = version

    def raw_logs(self, container: str, tail: int) -> requests.Response:
        """Ask for the end of a container's output; its body is not read yet.

        The SDK's own verb asks for the container first, and takes all time-outs off the socket.
        """
        parameters = {"stdout": 1, "stderr": 1, "tail": tail}
        path = self._url("/containers/{0}/logs", container)
        return self._opened(self._get(path, params=parameters, stream=True))

    def raw_execution(self, execution: str) -> requests.Response:
        """Start a command that was prepared; its output is the body, not read yet.

        The SDK's own verb has a connection of its own kind, and waits for ever.
        """
        path = self._url("/exec/{0}/start", execution)
        return self._opened(self._post_json(path, {"Tty": False, "Detach": False}, stream=True))

    def _opened(self, response: requests.Response) -> requests.Response:
        self._raise_for_status(response)
        return response
