# SPDX-License-Identifier: Apache-2.0
"""A registry with one small image, for engines that have no way out; plain HTTP.

It serves what Docker's registry protocol (version 2) asks for when an image is pulled.
"""

import gzip
import hashlib
import http.server
import io
import json
import pathlib
import tarfile
import threading
from typing import Any

from tests.engines import network

PORT = 5055
ADDRESS = f"{network.HOST_ADDRESS}:{PORT}"
IMAGE = f"{ADDRESS}/busybox:1"
SLOW_IMAGE = f"{ADDRESS}/slow:1"
MISSING_IMAGE = f"{ADDRESS}/missing:1"

_BUSYBOX = pathlib.Path("/bin/busybox")
_APPLETS = ("sh", "sleep", "echo", "cat", "yes", "true", "false", "seq", "printf", "dd", "hostname")
_DOCKER = "application/vnd.docker"
_MANIFEST = f"{_DOCKER}.distribution.manifest.v2+json"


def _layer() -> bytes:
    """Make a file system of busybox alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(_BUSYBOX, "bin/busybox")
        for name in _APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return buffer.getvalue()


def _digest(octets: bytes) -> str:
    return f"sha256:{hashlib.sha256(octets).hexdigest()}"


class Registry:
    """Runs in a thread until :meth:`stop`.

    :ivar opened: until it is set, the slow image does not come.
    :ivar pulls: how often the manifest of an image was asked for, by name.
    """

    def __init__(self) -> None:
        layer = _layer()
        packed = gzip.compress(layer, mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Cmd": ["sleep", "1000"], "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        self.blobs = {_digest(each): each for each in (packed, config)}
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _described(f"{_DOCKER}.container.image.v1+json", config),
                "layers": [_described(f"{_DOCKER}.image.rootfs.diff.tar.gzip", packed)],
            }
        ).encode()
        self.opened = threading.Event()
        self.opened.set()
        self.pulls: list[str] = []
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = http.server.ThreadingHTTPServer((network.HOST_ADDRESS, PORT), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self.opened.set()
        self._server.shutdown()
        self._server.server_close()

    def found(self, path: str) -> tuple[int, str, bytes]:
        """Return status, type and body of what is at a path."""
        name, kind, what = [*path.split("/"), "", "", ""][2:5]  # /v2/NAME/KIND/WHAT
        if kind == "manifests" and name != "missing":
            self.pulls.append(name)
            if name == "slow":
                self.opened.wait(60)
            return 200, _MANIFEST, self.manifest
        if kind == "blobs" and what in self.blobs:
            return 200, "application/octet-stream", self.blobs[what]
        if not name:
            return 200, "application/json", b"{}"
        words = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": {}}
        return 404, "application/json", json.dumps({"errors": [words]}).encode()


def _described(kind: str, octets: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(octets), "digest": _digest(octets)}


class _Handler(http.server.BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, kind, body = self.registry.found(self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if kind == _MANIFEST:
            self.send_header("Docker-Content-Digest", _digest(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 -- the library's name

    def log_message(self, *_words: object) -> None:
        pass
