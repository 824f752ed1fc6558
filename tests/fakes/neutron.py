# SPDX-License-Identifier: Apache-2.0
"""Neutron in the process: networks, ports with tags, floating IPs; lists come in pages."""

import uuid

from tests.fakes.http import Answer, Call, FakeService


class FakeNeutron(FakeService):
    """:ivar page: items a list shows at a time."""

    url = "http://neutron.test"

    def __init__(self) -> None:
        super().__init__()
        self.networks: list[dict] = []
        self.subnets: list[dict] = []
        self.add_network("public", external=True)
        self.add_subnet("private-subnet", self.add_network("private"))
        self.ports: list[dict] = []
        self.floatingips: list[dict] = []
        self.page = 2
        self.routes = [
            ("GET", r"/v2\.0/(networks|subnets|ports|floatingips)", self._list),
            ("DELETE", r"/v2\.0/ports/(.+)", self._delete_port),
        ]

    def add_network(self, name: str, external: bool = False) -> str:
        network_id = str(uuid.uuid4())
        self.networks.append({"id": network_id, "name": name, "router:external": external})
        return network_id

    def add_subnet(self, name: str, network_id: str, version: int = 4) -> str:
        subnet_id = str(uuid.uuid4())
        row = {"id": subnet_id, "name": name, "network_id": network_id, "ip_version": version}
        self.subnets.append(row)
        return subnet_id

    def add_port(self, port_id: str, network_id: str, address: str, *tags: str, **more) -> None:
        self.ports.append(
            {
                "id": port_id,
                "name": "",
                "network_id": network_id,
                "device_owner": "compute:nova",
                "device_id": "",
                "tags": list(tags),
                "fixed_ips": [{"ip_address": address, "subnet_id": "s"}],
                **more,
            }
        )

    def _list(self, call: Call, noun: str):
        found = [item for item in getattr(self, noun) if self._fits(item, call)]
        start = int(call.one("marker") or 0)
        body = {noun: found[start : start + self.page]}
        if start + self.page < len(found):
            query = "&".join(f"{k}={v}" for k, vs in call.query.items() for v in vs)
            href = f"{self.url}/v2.0/{noun}?{query}&marker={start + self.page}"
            body[f"{noun}_links"] = [{"rel": "next", "href": href}]
        return body

    def _fits(self, item: dict, call: Call) -> bool:
        if not set((call.one("tags") or "").split(",")) - {""} <= set(item.get("tags", ())):
            return False
        filters = ("id", "name", "network_id", "port_id")
        return all(item.get(k) in call.query[k] for k in filters if k in call.query)

    def _delete_port(self, call: Call, port_id: str):
        for port in self.ports:
            if port["id"] == port_id:
                self.ports.remove(port)
                return Answer(204)
        return Answer(404, {"NeutronError": {"type": "PortNotFound", "message": "no port"}})
