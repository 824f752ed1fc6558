# SPDX-License-Identifier: Apache-2.0
"""The stacks of one project: make, change, remove, look at.

Used by the conductor only, with the service's session in the tenant's project.  Every verb may
be repeated: names are deterministic, so a lost answer never leads to a second stack.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from heatclient import client
from oslo_config import cfg

from magnum.clients.errors import Clash, Missing, translate
from magnum.clients.sessions import CloudSession

_NAME = "Heat"
_IDS_A_CALL = 100  # 40 characters each; servers take lines of 8 KiB
_ALL_DEPTHS = 100  # more than Heat allows stacks to be nested


class StackRequest(Protocol):
    """What a driver renders of a cluster, to be made a stack.

    :ivar files: what the template refers to, text by URL or name.
    :ivar timeout_minutes: after which Heat gives the creation up.
    """

    @property
    def name(self) -> str: ...
    @property
    def template(self) -> Any: ...
    @property
    def files(self) -> Mapping[str, str]: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def timeout_minutes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as Heat shows it.

    :ivar status: action and state, for example ``CREATE_COMPLETE``.
    :ivar parameters: names that its template declares, which is older than the release at hand
        perhaps; known only where one stack was asked for.
    """

    id: str
    name: str
    status: str
    reason: str
    created_at: datetime
    updated_at: datetime | None = None
    parameters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack or of a stack nested in it.

    :ivar path: names from the outermost stack down to it, for example ``workers/0/server``.
    :ivar type: the Heat type; of a nested template, its file name.
    :ivar physical_id: what it is in Nova, Neutron, ...; empty until it is made.
    """

    name: str
    path: str
    type: str
    status: str
    reason: str
    physical_id: str
    updated_at: datetime

    @property
    def parent(self) -> str:
        """Path of the resource that it is nested in, empty in the outermost stack."""
        return self.path.rpartition("/")[0]


class Stacks:
    """The stacks of the project that the session is scoped to."""

    def __init__(self, session: CloudSession, conf: cfg.ConfigOpts) -> None:
        self._session = session
        self._conf = conf

    def find(self, name: str) -> Stack | None:
        """Return the stack of that name, None when there is none or it has been deleted.

        :raises Unavailable: Heat does not answer.
        """
        try:
            stack = self.get(name)
        except Missing:
            return None
        return None if stack.status == "DELETE_COMPLETE" else stack

    def create(self, request: StackRequest) -> str:
        """Have a stack of that name; one that is there already is taken for ours.

        :returns: its id.
        :raises Rejected: Heat finds a fault with template or parameters; its words tell.
        :raises Clash: the stack of that name is being deleted.
        :raises Unavailable: Heat does not answer.
        """
        try:
            with translate(_NAME):
                made = self._heat().stacks.create(
                    stack_name=request.name,
                    template=request.template,
                    files=dict(request.files),
                    parameters=dict(request.parameters),
                    tags=",".join(request.tags),
                    timeout_mins=request.timeout_minutes,
                    disable_rollback=True,
                )
            return str(made["stack"]["id"])
        except Clash:
            there = self.find(request.name)
            if there is None or there.status.startswith("DELETE_"):
                raise
            return there.id

    def update(self, stack_id: str, parameters: Mapping[str, Any], timeout_minutes: int) -> None:
        """Change some parameters; template and the others stay as they are.

        Heat drops what the template does not declare, without a word.

        :raises Missing: there is no such stack.
        :raises Clash: Heat is busy with it.
        :raises Unavailable: Heat does not answer.
        """
        with translate(_NAME):
            self._heat().stacks.update(
                stack_id,
                existing=True,
                parameters=dict(parameters),
                timeout_mins=timeout_minutes,
                disable_rollback=True,
            )

    def delete(self, stack_id: str) -> None:
        """Ask Heat to delete a stack; fine when it is gone, or going.

        :raises Unavailable: Heat does not answer.
        """
        with suppress(Missing), translate(_NAME):
            self._heat().stacks.delete(stack_id)

    def get(self, stack_id: str) -> Stack:
        """Return one stack, also a deleted one when asked for by its id.

        :raises Missing: Heat does not know it, or no more.
        :raises Unavailable: Heat does not answer.
        """
        with translate(_NAME):
            return _stack(self._heat().stacks.get(stack_id, resolve_outputs=False).to_dict())

    def status_of(self, stack_ids: Iterable[str]) -> dict[str, Stack]:
        """Return the stacks of those ids that exist, in one call for every hundred of them.

        A deleted stack is missing from the answer, or for some moments DELETE_COMPLETE.

        :raises Unavailable: Heat does not answer.
        """
        ids = sorted(set(stack_ids))
        found: dict[str, Stack] = {}
        with translate(_NAME):
            heat = self._heat()
            for start in range(0, len(ids), _IDS_A_CALL):
                chunk = ids[start : start + _IDS_A_CALL]
                for stack in heat.stacks.list(filters={"id": chunk}):
                    found[stack.id] = _stack(stack.to_dict())
        return found

    def outputs(self, stack_id: str) -> dict[str, Any]:
        """Return the outputs by name; one that cannot be had (yet) is None.

        :raises Missing: there is no such stack.
        :raises Unavailable: Heat does not answer.
        """
        with translate(_NAME):
            outputs = self._heat().stacks.get(stack_id).to_dict().get("outputs", ())
        return {output["output_key"]: output.get("output_value") for output in outputs}

    def resources(self, stack_id: str) -> list[StackResource]:
        """Return the resources of all depths in one call.

        :raises Missing: there is no such stack.
        :raises Unavailable: Heat does not answer.
        """
        with translate(_NAME):
            listed = self._heat().resources.list(stack_id, nested_depth=_ALL_DEPTHS)
        return list(_resources([resource.to_dict() for resource in listed]))

    def _heat(self) -> Any:
        options = self._session.client_options("heat")
        return client.Client("1", session=self._session, **options)


def _stack(shown: Mapping[str, Any]) -> Stack:
    updated = shown.get("updated_time")
    return Stack(
        id=shown["id"],
        name=shown["stack_name"],
        status=shown["stack_status"],
        reason=shown.get("stack_status_reason") or "",
        created_at=_moment(shown["creation_time"]),
        updated_at=_moment(updated) if updated else None,
        parameters=frozenset(shown.get("parameters") or ()),
    )


def _resources(listed: Sequence[Mapping[str, Any]]) -> Iterator[StackResource]:
    """Give every resource its path, by the links between resources and nested stacks."""
    owners = {_link(item, "nested"): item for item in listed}
    owners.pop("", None)

    def path(item: Mapping[str, Any]) -> str:
        owner = owners.get(_link(item, "stack"))
        above = f"{path(owner)}/" if owner is not None else ""
        return f"{above}{item['resource_name']}"

    for item in listed:
        yield StackResource(
            name=item["resource_name"],
            path=path(item),
            type=item["resource_type"],
            status=item["resource_status"],
            reason=item.get("resource_status_reason") or "",
            physical_id=item.get("physical_resource_id") or "",
            updated_at=_moment(item["updated_time"]),
        )


def _link(item: Mapping[str, Any], relation: str) -> str:
    """Return the id of the stack a link leads to; URLs end in ``/<stack name>/<stack id>``."""
    links = (link["href"] for link in item.get("links", ()) if link["rel"] == relation)
    return str(next(links, "")).rpartition("/")[2]


def _moment(text: str) -> datetime:
    """Read Heat's moments, UTC whether or not they say so."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
