# SPDX-License-Identifier: Apache-2.0
"""The bay's authority and our client certificate, as OpenSSL wants them and never on a disk."""

import hashlib
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from magnum.clients.docker.allowance import SecureSocket


@dataclass(frozen=True, slots=True)
class Trust:
    """Who an engine has to be, and who we are to it.  All are PEM text.

    :ivar authority: the bay's CA; engines have to show a certificate signed by it.
    :ivar certificate: ours, signed by it too.
    :ivar private_key: ours.
    """

    authority: str
    certificate: str
    private_key: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Tell one from another without holding on to a key."""
        text = "\n".join((self.authority, self.certificate))
        return hashlib.sha256(text.encode()).hexdigest()

    def context(self) -> ssl.SSLContext:
        """Make what connections are opened with.

        No other authority is trusted, and a certificate has to name the address that was called.

        :raises ssl.SSLError: what the store holds is no certificate and key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = SecureSocket
        context.load_verify_locations(cadata=self.authority)
        # The module takes a key only by the name of a file.
        with _in_memory(self.certificate + self.private_key) as path:
            context.load_cert_chain(path)
        return context


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """Yield the path of a file that exists only in this process's memory while the block runs."""
    handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        yield f"/proc/self/fd/{handle}"
