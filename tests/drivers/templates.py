# SPDX-License-Identifier: Apache-2.0
"""Look through parsed Heat templates."""

from collections.abc import Iterator
from typing import Any

import yaml

from magnum.drivers.contract import StackRequest


def walk(value: Any) -> Iterator[Any]:
    """Yield a value and all inside of it."""
    yield value
    if isinstance(value, dict):
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def arguments(value: Any, function: str) -> Iterator[Any]:
    """Yield the arguments of all calls of an intrinsic function."""
    for inner in walk(value):
        if isinstance(inner, dict) and set(inner) == {function}:
            yield inner[function]


def parameters_used(value: Any) -> set[str]:
    """Name the parameters that something refers to."""
    return {
        argument if isinstance(argument, str) else argument[0]
        for argument in arguments(value, "get_param")
    }


def all_templates(request: StackRequest) -> dict[str, dict[str, Any]]:
    """Parse the request's template and those it nests, by file name."""
    nested = {
        name: yaml.safe_load(text)
        for name, text in request.files.items()
        if name.endswith((".yaml", ".template"))
    }
    return {"": request.template, **nested}


def resources(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and definition of each resource, the definitions of groups' members too."""
    for name, resource in template["resources"].items():
        yield name, resource
        member = resource.get("properties", {}).get("resource_def")
        if member:
            yield f"{name}'s member", member
