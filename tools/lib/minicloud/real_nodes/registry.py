# SPDX-License-Identifier: Apache-2.0
"""Push a small image to the registry of the nodes, over its HTTP interface: no daemon needed.

Source: the HTTP API of Docker's registry, version 2, and its image manifest, version 2 schema 2.
"""

import gzip
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile
import urllib.error
import urllib.request
from urllib.parse import urljoin

from minicloud.settings import Settings

BUSYBOX = pathlib.Path("/bin/busybox")
_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_FOLDERS = ("bin", "etc", "root", "tmp", "var", "var/www")


def digest(data: bytes) -> str:
    """Return how a registry calls data."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer(program: bytes, applets: list[str]) -> bytes:
    """Return a tar file of a root that consists of busybox; the same input gives the same."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in _FOLDERS:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(entry)
        for name, mode, content in (
            ("bin/busybox", 0o755, program),
            ("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\n"),
            ("etc/group", 0o644, b"root:x:0:\n"),
        ):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = mode, len(content)
            tar.addfile(entry, io.BytesIO(content))
        for applet in sorted(set(applets) - {"busybox"}):
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return data.getvalue()


def image(files: bytes, architecture: str) -> tuple[bytes, bytes, bytes]:
    """Return manifest, configuration and packed layer of an image of one layer.

    :param files: the layer, not packed.
    """
    packed = gzip.compress(files, mtime=0)
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(files)]},
        }
    ).encode()
    described = [
        {"mediaType": kind, "size": len(data), "digest": digest(data)}
        for kind, data in ((_CONFIG_TYPE, config), (_LAYER_TYPE, packed))
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": _TYPE,
        "config": described[0],
        "layers": described[1:],
    }
    return json.dumps(manifest).encode(), config, packed


class Registry:
    """A registry that asks for no password."""

    def __init__(self, url: str) -> None:
        self._url = url
        # Whatever proxy this machine has is not the way to its own address.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def _send(
        self, method: str, url: str, body: bytes | None = None, kind: str = "text/plain"
    ) -> str:
        """Send a request; return where it sends us next, if anywhere."""
        request = urllib.request.Request(url, body, {"Content-Type": kind}, method=method)
        with self._opener.open(request, timeout=30) as reply:
            return urljoin(url, reply.headers.get("Location", ""))

    def _has(self, path: str) -> bool:
        try:
            self._send("HEAD", f"{self._url}{path}")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise
        return True

    def push_blob(self, name: str, blob: bytes) -> str:
        """Push data that belongs to a name, unless it is there; return the URL where it is.

        :raises OSError: the registry does not take it.
        """
        path = f"/v2/{name}/blobs/{digest(blob)}"
        if not self._has(path):
            place = self._send("POST", f"{self._url}/v2/{name}/blobs/uploads/", b"")
            place += f"{'&' if '?' in place else '?'}digest={digest(blob)}"
            self._send("PUT", place, blob, "application/octet-stream")
        return f"{self._url}{path}"

    def push(self, name: str, tag: str, made: tuple[bytes, bytes, bytes]) -> None:
        """Push an image; parts that are there already are not sent again.

        :param made: manifest, configuration and layer.
        :raises OSError: the registry does not take it.
        """
        manifest, *blobs = made
        for blob in blobs:
            self.push_blob(name, blob)
        self._send("PUT", f"{self._url}/v2/{name}/manifests/{tag}", manifest, _TYPE)


def push_busybox(settings: Settings) -> None:
    """Push Debian's busybox as `busybox:latest`.

    :raises OSError: the registry does not take it.
    """
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )
    files = layer(BUSYBOX.read_bytes(), applets.stdout.split())
    made = image(files, architecture.stdout.strip())
    Registry(settings.url("registry")).push("busybox", "latest", made)
