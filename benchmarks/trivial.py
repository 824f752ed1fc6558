# SPDX-License-Identifier: Apache-2.0
"""A server that answers the same bytes to whatever comes, to see what the load generator can do.

``trivial.py ADDRESS`` prints the port it has taken.
"""

import asyncio
import sys

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Trivial(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        """Answer; a request of the load generator comes as one piece."""
        self._transport.write(_ANSWER)


async def _serve(address: str) -> None:
    server = await asyncio.get_running_loop().create_server(Trivial, address, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
