# SPDX-License-Identifier: Apache-2.0
"""Real bays of one caller's project, made and deleted over HTTP."""

import time
import uuid

from benchmarks.place import Wrong
from deployment.sessions import Session

SERVICE = "container-infra"
PATIENCE = 600  # seconds until bays are made, or gone, on two busy cores
MODEL = {
    "coe": "swarm",
    "image_id": "fedora-21-atomic-5",
    "keypair_id": "testkey",
    "external_network_id": "public",
    "flavor_id": "m1.small",
}


class Bays:
    """The bays of one project that has no others."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._model: str = session.call("POST", SERVICE, "/baymodels", MODEL)["uuid"]

    def post(self) -> str:
        """Ask for a bay of one node and return its uuid."""
        body = {"name": f"bench-{uuid.uuid4().hex[:8]}", "baymodel_id": self._model}
        return str(self._session.call("POST", SERVICE, "/bays", body)["uuid"])

    def get(self, bay: str) -> None:
        """Look at one."""
        self._session.get(SERVICE, f"/bays/{bay}")

    def wait_until_made(self) -> None:
        """Wait until all are made.

        :raises Wrong: one has failed, or time is over.
        """
        deadline = time.monotonic() + PATIENCE
        while (statuses := set(self._statuses().values())) - {"CREATE_COMPLETE"}:
            failed = any(status.endswith("_FAILED") for status in statuses)
            if failed or time.monotonic() > deadline:
                raise Wrong(f"not all bays were made, they are {', '.join(sorted(statuses))}")
            time.sleep(0.5)

    def remove(self, *bays: str) -> None:
        """Have some deleted, or all, and wait until they are gone; raises as the other."""
        gone = set(bays or self._statuses())
        for bay in gone:
            self._session.call("DELETE", SERVICE, f"/bays/{bay}")
        deadline = time.monotonic() + PATIENCE
        while left := gone & self._statuses().keys():
            if time.monotonic() > deadline:
                raise Wrong(f"bays {', '.join(left)} are still being deleted")
            time.sleep(0.5)

    def _statuses(self) -> dict[str, str]:
        found = self._session.get(SERVICE, "/bays")["bays"]
        return {bay["uuid"]: bay["status"] for bay in found}
