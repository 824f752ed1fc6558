# SPDX-License-Identifier: Apache-2.0
"""Look through parsed Heat templates."""

import functools
from collections.abc import Iterator, Mapping
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
        name: _parsed(text)
        for name, text in request.files.items()
        if name.endswith((".yaml", ".template"))
    }
    return {"": request.template, **nested}


@functools.cache  # nobody changes it
def _parsed(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def given(value: Any, template: dict[str, Any], values: Mapping[str, Any]) -> Any:
    """Put values in for parameters and decide what then can be decided.

    What depends on other parameters stays as it is, with both branches of an ``if``.
    """
    if isinstance(value, list):
        return [given(inner, template, values) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"get_param"}:
        return values.get(value["get_param"], value)
    if set(value) == {"if"}:
        name, *branches = value["if"]
        truth = given(template["conditions"][name], template, values)
        if isinstance(truth, bool):
            return given(branches[0 if truth else 1], template, values)
        return {"if": [name, *given(branches, template, values)]}
    return _decided({key: given(inner, template, values) for key, inner in value.items()})


def _decided(condition: dict[str, Any]) -> Any:
    match condition:
        case {"equals": [str() as one, str() as other]}:
            return one == other
        case {"not": bool() as truth}:
            return not truth
    return condition


def resources(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and definition of each resource, the definitions of groups' members too."""
    for name, resource in template["resources"].items():
        yield name, resource
        member = resource.get("properties", {}).get("resource_def")
        if member:
            yield f"{name}'s member", member
