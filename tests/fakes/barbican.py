# SPDX-License-Identifier: Apache-2.0
"""Barbican in the process: secrets, whose names may repeat."""

import uuid

from tests.fakes.http import Answer, Call, FakeService


class FakeBarbican(FakeService):
    """:ivar secrets: by reference."""

    url = "http://barbican.test"

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[str, dict] = {}
        self.routes = [
            ("GET", r"/|/v1/?", self._versions),
            ("POST", r"/v1/secrets/", self._store),
            ("GET", r"/v1/secrets", self._list),
            ("GET", r"(/v1/secrets/[^/]+)", self._show),
            ("GET", r"(/v1/secrets/[^/]+)/payload", self._payload),
            ("DELETE", r"(/v1/secrets/[^/]+)", self._delete),
        ]

    def put(self, name: str, payload: str | None, created: str) -> str:
        """Store a secret as somebody else would."""
        ref = f"{self.url}/v1/secrets/{uuid.uuid4()}"
        self.secrets[ref] = {
            "name": name,
            "secret_ref": ref,
            "payload": payload,
            "created": created,
            "status": "ACTIVE",
            "content_types": {"default": "text/plain"} if payload else None,
        }
        return ref

    def _versions(self, call: Call):
        links = [{"rel": "self", "href": f"{self.url}/v1/"}]
        span = {"min_version": "1.0", "max_version": "1.1"}
        return {"versions": [{"id": "v1", "status": "CURRENT", "links": links, **span}]}

    def _store(self, call: Call):
        created = f"2026-01-01T00:00:00.{len(self.secrets):06}"
        payload = call.body["payload"].strip()  # as the real one does
        ref = self.put(call.body["name"], payload, created)
        return Answer(201, {"secret_ref": ref})

    def _list(self, call: Call):
        named = [s for s in self.secrets.values() if s["name"] == call.one("name")]
        shown = [{k: v for k, v in s.items() if k != "payload"} for s in reversed(named)]
        return {"secrets": shown, "total": len(shown)}

    def _show(self, call: Call, path: str):
        secret = self.secrets.get(self.url + path)
        if secret is None:
            return _missing()
        return {k: v for k, v in secret.items() if k != "payload"}

    def _payload(self, call: Call, path: str):
        secret = self.secrets.get(self.url + path)
        if secret is None or secret["payload"] is None:
            return _missing()
        return Answer(200, secret["payload"], {"Content-Type": "text/plain"})

    def _delete(self, call: Call, path: str):
        return Answer(204) if self.secrets.pop(self.url + path, None) else _missing()


def _missing() -> Answer:
    words = "Secret not found."
    return Answer(404, {"code": 404, "title": "Not Found", "description": words})
