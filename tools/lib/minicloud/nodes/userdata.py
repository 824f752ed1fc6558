# SPDX-License-Identifier: Apache-2.0
"""Take a server's user data apart as the node would: with cloud-init's own code.

`cloudinit` is Debian's, unpacked below the mini cloud's prefix; its own requirements are in the
virtual environment this runs in.
"""

import pathlib
import sys
from types import SimpleNamespace
from typing import Any

STEPS = "/etc/magnum/steps"
RUN_STEPS = "/opt/magnum/bin/run-steps"


class UserDataError(Exception):
    """A real node's cloud-init would not accept the document, or would not run our steps."""


def import_cloudinit(folder: pathlib.Path) -> None:
    """Make `cloudinit` importable; last in the path, so that the locked libraries come first."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def cloud_config(blob: bytes, scratch: pathlib.Path) -> dict[str, Any]:
    """Return what all cloud-config parts of the user data say together.

    :param scratch: a folder for what cloud-init wants to write while it reads.
    """
    from cloudinit import helpers, user_data
    from cloudinit.handlers.cloud_config import CloudConfigPartHandler

    source = SimpleNamespace(get_instance_id=lambda: "node")
    paths = helpers.Paths({"cloud_dir": str(scratch), "run_dir": str(scratch)}, ds=source)
    handler = CloudConfigPartHandler(paths)
    handler.handle_part(None, "__begin__", None, None, None, {})
    for part in user_data.UserDataProcessor(paths).process(blob).walk():
        if part.get_content_type() == "text/cloud-config":
            payload = part.get_payload(decode=True).decode()
            handler.handle_part(
                None, "text/cloud-config", part.get_filename(), payload, None, dict(part.items())
            )
    return handler.cloud_buf or {}


def is_ours(config: dict[str, Any]) -> bool:
    """Tell whether a document is one of Magnum's nodes'."""
    files = config.get("write_files")
    return isinstance(files, list) and any(
        isinstance(entry, dict) and entry.get("path") == STEPS for entry in files
    )


def check(config: dict[str, Any]) -> None:
    """Refuse what a real node would refuse.

    :raises UserDataError: the document breaks cloud-init's schema, or never calls run-steps.
    """
    from cloudinit import util
    from cloudinit.config import schema

    try:
        schema.validate_cloudconfig_schema(config, strict=True)
    except schema.SchemaValidationError as error:
        raise UserDataError(f"cloud-config: {error}") from error
    if RUN_STEPS not in util.shellify(config.get("runcmd", [])):
        raise UserDataError(f"cloud-config: runcmd does not call {RUN_STEPS}")


def write_files(config: dict[str, Any], root: pathlib.Path) -> None:
    """Write the document's files below another root.

    :raises UserDataError: a file's content cannot be decoded.
    """
    from cloudinit.config import cc_write_files

    for entry in config["write_files"]:
        below = str(root / entry["path"].lstrip("/"))
        try:
            cc_write_files.write_files("write_files", [entry | {"path": below}], "root:root")
        except Exception as error:  # cloud-init lets binascii's, gzip's and its own errors through
            raise UserDataError(f"write_files: {entry['path']}: {error}") from error
