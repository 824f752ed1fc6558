# SPDX-License-Identifier: Apache-2.0
"""Ask Heat's own classes whether stack requests are valid; run by a Python that has Heat.

Reads a JSON list from standard input, each with ``template``, ``files``, ``parameters``.  Prints a
list: ``error`` (text or null), ``resources`` (types of the whole tree) and ``placeholders`` (types
that Heat accepts and does nothing for).  With ``update``, parameters of a later update, there is
also ``servers``: by path the user data that each server would have then, and what Heat would do to
it: ``made``, ``kept`` or ``replaced``.  A request with ``attributes``, values by path such as
``handle.signal``, has the text of a node's template, and is answered with the ``user_data`` that
Heat makes for its server.

Heat's parsing, schemas, constraints and nesting are real.  What would ask a cloud is taken out:
service catalogue, look-ups of names, and constraints that mean "exists".
"""

import json
import logging
import sys
from unittest import mock

LOCAL_CONSTRAINTS = {"ip_addr", "net_cidr", "ip_or_cidr", "mac_addr", "dns_name", "rel_dns_name"}
UNKNOWN_YET = {"Number": 1, "Boolean": True, "CommaDelimitedList": ["unknown"], "Json": {}}


def start_engine():
    """Register Heat's options and resource types, without a cloud behind them."""
    from heat.common import config, messaging  # noqa: F401 (config registers options)
    from heat.engine import constraints, resource, resources, translation
    from heat.engine.clients.os import glance, nova
    from oslo_config import cfg

    cfg.CONF([], project="heat", default_config_files=[])
    messaging.setup("fake://", optional=True)
    logging.disable(logging.WARNING)
    resources.initialise()

    available = classmethod(lambda cls, context: (True, None))
    resource.Resource.is_service_available = available
    translation.resolve_and_find = lambda value, *args, **kwargs: value
    ask = constraints.CustomConstraint.validate

    def ask_if_local(self, value, schema=None, context=None, template=None):
        if self.name in LOCAL_CONSTRAINTS:
            ask(self, value, schema, context)

    constraints.CustomConstraint.validate = ask_if_local
    flavor = mock.Mock(ram=4096, disk=100, vcpus=2)
    image = mock.Mock(status="active", min_ram=0, min_disk=0)
    nova.NovaClientPlugin.get_flavor = lambda self, name: flavor
    nova.NovaClientPlugin.is_version_supported = lambda self, version: True
    nova.NovaClientPlugin.absolute_limits = lambda self: {"maxServerMeta": 128}
    glance.GlanceClientPlugin.get_image = lambda self, name: image


def parse(request):
    """Make Heat's stack of a request."""
    from heat.common import context
    from heat.engine import environment, stack, template

    caller = context.RequestContext(
        user_id="u", project_id="0" * 32, auth_token="t", is_admin=True, roles=["member"]
    )
    parsed = template.Template(
        request["template"],
        files=request["files"],
        env=environment.Environment({"parameters": request["parameters"]}),
    )
    return stack.Stack(caller, "check", parsed, strict_validate=True)


def children(stack):
    """Yield the stacks nested in one, with stand-ins for what is known at run time only."""
    from heat.engine import template

    for name, resource in stack.resources.items():
        if not hasattr(resource, "child_template"):
            continue
        inner = resource.child_template()
        if isinstance(inner, dict):
            inner = template.Template(inner, files=stack.t.files)
        given = dict(resource.child_params() or {})
        for parameter, schema in inner.param_schemata().items():
            if given.get(parameter) is None and schema.default is None:
                given[parameter] = UNKNOWN_YET.get(schema.type, "unknown")
        nested = resource._parse_nested_stack(f"in-{name}", inner, given)
        nested.strict_validate = True  # Heat itself is lax here
        yield nested


def validate(stack, seen):
    """Validate a stack and all below it; collect the types of their resources."""
    from heat.common import exception

    try:
        stack.validate()
    except exception.StackValidationFailed as error:
        # Attributes of what does not exist yet have no value.  At the top that is an error.
        excused = ("not assigned", "was not provided")
        if not stack.name.startswith("in-") or not any(words in str(error) for words in excused):
            raise
    for resource in stack.resources.values():
        seen[resource.type()] = resource.support_status.status
    for nested in children(stack):
        validate(nested, seen)


def known(value, attributes, resources):
    """Put values in for what a stack would know at run time."""
    if isinstance(value, list):
        return [known(inner, attributes, resources) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"get_attr"}:
        source = resources[value["get_attr"][0]]
        if source["type"] == "OS::Heat::Value":
            return known(source["properties"]["value"], attributes, resources)
        return attributes[".".join(map(str, value["get_attr"]))]
    if set(value) == {"get_resource"}:
        return attributes[value["get_resource"]]
    return {key: known(inner, attributes, resources) for key, inner in value.items()}


def user_data(request):
    """Return the server's user data."""
    from heat.common import template_format
    from heat.engine import function

    whole = template_format.parse(request["template"])
    stack = parse({**request, "template": whole})
    resources = whole["resources"]
    given = resources["server"]["properties"]["user_data"]
    snippet = stack.t.parse(stack.defn, known(given, request["attributes"], resources))
    function.validate(snippet)
    return function.resolve(snippet)


def servers(stack, alive, above=""):
    """Yield path and resource of every server of a stack and all below it.

    Resources do not keep their stacks from going, ``alive`` does.
    """
    alive.append(stack)
    for name, resource in stack.resources.items():
        if resource.type() == "OS::Nova::Server":
            yield f"{above}{name}", resource
    for nested in children(stack):
        yield from servers(nested, alive, f"{above}{nested.name.removeprefix('in-')}/")


def fate(old, new):
    """Tell what an update does to a server that is there, by Heat's own comparison."""
    from heat.engine import resource

    try:
        old.update_template_diff_properties(new.properties, old.properties)
    except resource.UpdateReplace:
        return "replaced"
    return "kept"


def update(request):
    """Tell what an update that changes some parameters makes of each server."""
    changed = {**request["parameters"], **request["update"]}
    alive: list[object] = []
    before = dict(servers(parse(request), alive))
    after = dict(servers(parse({**request, "parameters": changed}), alive))
    return {
        path: {
            "user_data": server.properties["user_data"],
            "fate": fate(before[path], server) if path in before else "made",
        }
        for path, server in after.items()
    }


def answer(request):
    """Tell what Heat makes of one request."""
    from heat.engine import support

    if "attributes" in request:
        return {"user_data": user_data(request)}
    seen: dict[str, str] = {}
    error = None
    try:
        validate(parse(request), seen)
    except Exception as problem:  # noqa: BLE001 (each of Heat's errors means "invalid")
        error = f"{type(problem).__name__}: {problem}"
    useless = (support.HIDDEN, support.UNSUPPORTED)
    return {
        "error": error,
        "servers": update(request) if "update" in request else {},
        "resources": sorted(seen),
        "placeholders": sorted(name for name, status in seen.items() if status in useless),
    }


if __name__ == "__main__":
    start_engine()
    json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
