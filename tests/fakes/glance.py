# SPDX-License-Identifier: Apache-2.0
"""Glance in the process: images, whose names may repeat."""

import uuid

from tests.fakes.http import Answer, Call, FakeService


class FakeGlance(FakeService):
    """:ivar images: by id."""

    url = "http://glance.test"

    def __init__(self) -> None:
        super().__init__()
        self.images: dict[str, dict] = {}
        self.add("fedora-atomic-latest", os_distro="fedora-atomic")
        self.routes = [
            ("GET", r"/v2/schemas/image", self._schema),
            ("GET", r"/v2/images", self._list),
            ("GET", r"/v2/images/([^/]+)", self._show),
        ]

    def add(self, name: str, **properties: str) -> str:
        image_id = str(uuid.uuid4())
        self.images[image_id] = {"id": image_id, "name": name, **properties}
        return image_id

    def _schema(self, call: Call):
        return {"name": "image", "properties": {}, "additionalProperties": {"type": "string"}}

    def _list(self, call: Call):
        wanted = call.one("name") or ""
        if wanted.count('"') % 2:
            return Answer(400, "<html>Invalid filter value</html>")
        names = wanted.removeprefix("in:").split(",") if wanted.startswith("in:") else [wanted]
        return {"images": [i for i in self.images.values() if i["name"] in names]}

    def _show(self, call: Call, image_id: str):
        return self.images.get(image_id) or Answer(404, "<html>No image found</html>")
