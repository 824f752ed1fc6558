# SPDX-License-Identifier: Apache-2.0
"""Nova in the process: keypairs, and flavors in pages."""

from tests.fakes.http import Answer, Call, FakeService


class FakeNova(FakeService):
    """:ivar keypairs: public key by name; ``page`` flavors come at a time."""

    url = "http://nova.test/v2.1"

    def __init__(self) -> None:
        super().__init__()
        self.keypairs = {"testkey": "ssh-ed25519 AAAA test"}
        names = ("m1.nano", "m1.small", "m1.large")
        self.flavors = [{"id": str(number), "name": name} for number, name in enumerate(names)]
        self.page = 2
        self.routes = [
            ("GET", r"/v2.1/os-keypairs/(.+)", self._keypair),
            ("GET", r"/v2.1/flavors", self._flavors),
        ]

    def _keypair(self, call: Call, name: str):
        if name not in self.keypairs:
            return Answer(404, {"itemNotFound": {"code": 404, "message": "Keypair not found"}})
        return {"keypair": {"name": name, "public_key": self.keypairs[name]}}

    def _flavors(self, call: Call):
        ids = [flavor["id"] for flavor in self.flavors]
        marker = call.one("marker")
        start = ids.index(marker) + 1 if marker else 0
        return {"flavors": self.flavors[start : start + self.page]}
