# SPDX-License-Identifier: Apache-2.0
"""What must hold for every driver, one function a law; each yields what is wrong, in words.

Used by ``test_every_driver.py``, which also breaks each law once to see it caught.
"""

import base64
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from magnum.core import labels
from magnum.core.cluster import ClusterStatus
from magnum.drivers import formats, sources, user_data
from magnum.drivers.contract import StackRequest
from magnum.drivers.heat_driver import HeatDriver
from magnum.drivers.manifest import DriverManifest
from magnum.drivers.sources import Sources
from tests.drivers import reader, specs, templates

MAX_SERVER_NAME_CHARACTERS = 53
LONGEST_INDEX = "99999"
NO_OPS = ("OS::Neutron::LBaaS::", "OS::Neutron::Pool", "OS::Neutron::LoadBalancer", "AWS::")


def parameters(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Manifest and template agree on the parameters, both ways."""
    declared = request.template["parameters"]
    bound = {row.name for row in manifest.parameters} | {manifest.removals_parameter}
    bound |= {manifest.join_parameter} - {""}
    for name in sorted(bound - set(declared)):
        yield f"{name} is bound and no parameter of the template"
    for name, schema in declared.items():
        if "default" not in schema and name not in bound:
            yield f"{name} has no default and is not bound"
    for name in sorted(set(manifest.scaling) - bound):
        yield f"{name} scales and is not bound"
    for name in sorted(set(request.parameters) - set(declared)):
        yield f"{name} is sent and no parameter of the template"


def source_paths(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Every binding's source and transform exist."""
    cluster = specs.matrix(HeatDriver(manifest))["full"]
    root = Sources(cluster, specs.ACCESS, manifest.certificate_rules["master"], "master")
    for row in (*manifest.parameters, *manifest.environment):
        try:
            sources.find(root, row.source)
        except (AttributeError, IndexError):
            yield f"{row.name} comes from {row.source}, which does not exist"
        if row.source.startswith("template.labels."):
            name = row.source.rpartition(".")[2]
            if name not in labels.BY_COE[manifest.provides[0].coe]:
                yield f"{row.name} comes from the label {name}, which nobody checks"
        if row.transform and row.transform not in sources.TRANSFORMS:
            yield f"{row.name} is changed by {row.transform}, which does not exist"


def outputs(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Every output that is read exists, and fills a field that exists."""
    fields = {field.name for field in dataclasses.fields(ClusterStatus)}
    for row in manifest.outputs:
        if row.name not in request.template["outputs"]:
            yield f"output {row.name} is read and not in the template"
        if row.field not in fields:
            yield f"output {row.name} fills {row.field}, which does not exist"


def references(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Templates use what they declare, declare what they use, and nest with right parameters."""
    parsed = templates.all_templates(request)
    for file, template in parsed.items():
        body = {key: template[key] for key in ("conditions", "resources", "outputs")}
        used, declared = templates.parameters_used(body), set(template["parameters"])
        for name in sorted(used ^ declared):
            yield f"{file or 'template'}: {name} is declared or used, not both"
        for name in templates.arguments(body, "get_file"):
            if name not in request.files:
                yield f"{file or 'template'}: file {name} is missing"
        for name, resource in templates.resources(template):
            yield from _nesting(name, resource, parsed)


def _nesting(
    name: str, resource: dict[str, Any], parsed: dict[str, dict[str, Any]]
) -> Iterator[str]:
    kind = resource["type"]
    if not kind.endswith(".yaml"):
        return
    if kind not in parsed:
        yield f"{name} is of the type {kind}, which is missing"
        return
    given, schemas = set(resource["properties"]), parsed[kind]["parameters"]
    for unknown in sorted(given - set(schemas)):
        yield f"{name} gives {unknown}, which {kind} does not take"
    for required, schema in schemas.items():
        if "default" not in schema and required not in given:
            yield f"{name} does not give {required}"


def resource_rules(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Servers survive updates, signals survive tokens, no type is a no-op."""
    wanted: dict[str, dict[str, Any]] = {
        "OS::Nova::Server": {
            "user_data_update_policy": "IGNORE",
            "image_update_policy": "REPLACE",
            "user_data_format": "RAW",
            "config_drive": True,
        },
        "OS::Heat::WaitConditionHandle": {"signal_transport": "HEAT_SIGNAL"},
    }
    for template in templates.all_templates(request).values():
        for name, resource in templates.resources(template):
            kind, properties = resource["type"], resource.get("properties", {})
            if kind.startswith(NO_OPS):
                yield f"{name} is a {kind}, which does nothing in Heat of today"
            for field, value in wanted.get(kind, {}).items():
                if properties.get(field) != value:
                    yield f"{name}: {field} must be {value}"
            if "key_name" in properties:
                yield f"{name}: keypairs belong to users, the public key is in the user data"
            if kind == "OS::Nova::Server" and "user_data" not in properties:
                yield f"{name} has no user data"


def hidden_parameters(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Whatever is bound to a password, or holds one, is a hidden parameter."""
    secrets = {row.name for row in manifest.parameters if "password" in row.source}
    for name in sorted(secrets | {manifest.join_parameter} - {""}):
        if not _is_hidden(request.template, name):
            yield f"{name} is a secret and not hidden"
    for name, value in request.parameters.items():
        if _has_sentinel(str(value)) and not _is_hidden(request.template, name):
            yield f"{name} holds a secret and is not hidden"


def files_without_secrets(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """No file holds a secret: every member of the project can read a stack's files."""
    for file, text in request.files.items():
        if _has_sentinel(readable(text)):
            yield f"file {file} holds a secret"


def outputs_without_secrets(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """No output shows a hidden parameter or what nodes signalled."""
    for file, template in templates.all_templates(request).items():
        for name, output in template["outputs"].items():
            if _takes_secret(template, output):
                yield f"{file or 'template'}: output {name} holds a secret"


def nested_secrets(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """A secret goes into a nested stack by a hidden parameter only."""
    parsed = templates.all_templates(request)
    for template in parsed.values():
        for name, resource in templates.resources(template):
            nested = parsed.get(resource["type"])
            if nested is None:
                continue
            for field, value in resource["properties"].items():
                if _takes_secret(template, value) and not _is_hidden(nested, field):
                    yield f"{name}: {field} takes a secret and is not hidden"


def worker_secrets(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Workers are given the token for workers, none of managers."""
    for name, resource in templates.resources(request.template):
        properties = resource.get("properties", {})
        if properties.get("role") != "worker":
            continue
        for attribute in templates.arguments(properties, "get_attr"):
            if attribute[0] in {"token", "token_handle"}:
                yield f"{name} is given the managers' token"
        declared = request.template["parameters"]
        hidden = {secret for secret in declared if _is_hidden(request.template, secret)}
        own = {row.name for row in manifest.parameters if row.source == "access.worker.password"}
        own |= {manifest.join_parameter}
        for secret in sorted(templates.parameters_used(properties) & hidden - own):
            yield f"{name} is given {secret}"


def passwords(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """A node's own resources hold the password of its role, and not the one of the other role."""
    parsed = templates.all_templates(request)
    for name, resource in templates.resources(request.template):
        nested = parsed.get(resource["type"])
        if nested is None:
            continue
        own, other = specs.MASTER_PASSWORD, specs.WORKER_PASSWORD
        if resource["properties"]["role"] == "worker":
            own, other = other, own
        values = templates.given(resource["properties"], request.template, request.parameters)
        filled = str(templates.given(nested["resources"], nested, values))
        if own not in filled:
            yield f"{name} is not given its own password"
        if other in filled:
            yield f"{name} is given the password of the other role"


def node_files(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """User data is small, of the right format, and for root's eyes where it has to be."""
    for part in manifest.parts:
        text = request.files[part.file]
        if len(base64.b64encode(text.encode())) > formats.MAX_BASE64_BYTES:
            yield f"{part.file} is too large"
        found = reader.read(text)
        if found.format != manifest.user_data_format:
            yield f"{part.file} is in the format {found.format}"
        for key in sorted(found.keys - reader.KEYS[found.format]):
            yield f"{part.file} has the key {key}"
        if found.commands != [user_data.RUN_STEPS]:
            yield f"{part.file} runs {found.commands}"
        for path in ("/etc/magnum/cluster.env", "/etc/magnum/node.env"):
            if found.modes[path] != 0o600:
                yield f"{part.file}: {path} has the mode {found.modes[path]:o}"
        if set(re.findall(r"%%(\w+)%%", text)) != set(user_data.HEAT_VALUES):
            yield f"{part.file}: placeholders and the values Heat has differ"


def node_steps(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Every step has a script, and is given all that the script wants."""
    for part in manifest.parts:
        found = reader.read(request.files[part.file])
        environment = found.files.get("/etc/magnum/cluster.env", "")
        given = set(re.findall(r"^(\w+)=", environment, re.MULTILINE)) | set(user_data.HEAT_VALUES)
        for step in found.steps:
            script = found.files.get(f"/opt/magnum/bin/{step}.sh")
            if script is None:
                yield f"{part.file}: step {step} has no script"
                continue
            for name in sorted(set(header(script, "Inputs")) - given):
                yield f"{part.file}: step {step} wants {name}, which nobody gives"


def escapes(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """Every node's template is told what to do to the text it puts into this format."""
    wanted = formats.FORMATS[manifest.user_data_format].escapes
    if request.parameters.get("value_escapes") != wanted:
        yield "the stack is not told the escapes of its format"
    for name, resource in templates.resources(request.template):
        if resource["type"] in manifest.node_templates:
            given = resource["properties"].get("value_escapes")
            if given != {"get_param": "value_escapes"}:
                yield f"{name} is not told the escapes of its format"


def placeholders(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """The node template fills in each placeholder and no other."""
    wanted = {user_data.placeholder(name) for name in user_data.HEAT_VALUES}
    for file, template in templates.all_templates(request).items():
        for call in templates.arguments(template["resources"], "str_replace_strict"):
            for name in sorted(wanted ^ set(call["params"])):
                yield f"{file}: {name} is not filled in, or nowhere to be filled in"


def server_names(manifest: DriverManifest, request: StackRequest) -> Iterator[str]:
    """No server's name is longer than Heat allows."""
    for name, resource in templates.resources(request.template):
        for delimiter, parts in templates.arguments(
            resource.get("properties", {}).get("name"), "list_join"
        ):
            words = [
                request.parameters["node_prefix"] if isinstance(part, dict) else part
                for part in parts
            ]
            longest = delimiter.join(words).replace("%index%", LONGEST_INDEX)
            if len(longest) > MAX_SERVER_NAME_CHARACTERS:
                yield f"{name}: {longest} is too long"


ALL = (
    parameters,
    source_paths,
    outputs,
    references,
    resource_rules,
    hidden_parameters,
    files_without_secrets,
    outputs_without_secrets,
    nested_secrets,
    worker_secrets,
    passwords,
    node_files,
    node_steps,
    escapes,
    placeholders,
    server_names,
)


def readable(text: str) -> str:
    """Return a text with all that is packed into it if it is user data."""
    if not reader.is_user_data(text):
        return text
    return "\n".join([text, *reader.read(text).files.values()])


def header(script: str, word: str) -> list[str]:
    """Return the names a script's header lists after a word."""
    lines = re.findall(rf"^# {word}: (.*)$", script, re.MULTILINE)
    return [name for line in lines for name in line.split()]


def _is_hidden(template: dict[str, Any], name: str) -> bool:
    return bool(template["parameters"].get(name, {}).get("hidden"))


def _has_sentinel(text: str) -> bool:
    return specs.MASTER_PASSWORD in text or specs.WORKER_PASSWORD in text


def _takes_secret(template: dict[str, Any], value: Any) -> bool:
    """Tell whether a value comes from a hidden parameter or from a signal."""
    hidden = {name for name in template["parameters"] if _is_hidden(template, name)}
    attributes = [part for call in templates.arguments(value, "get_attr") for part in call[1:]]
    return bool(templates.parameters_used(value) & hidden) or bool(
        {"data", "signal"} & set(map(str, attributes))
    )
