# SPDX-License-Identifier: Apache-2.0
"""Those who have to accept what drivers write: Heat, cloud-init and Ignition, by their own code.

Heat and cloud-init are those of the mini cloud, below ``MINICLOUD_PREFIX``; Ignition is Debian's
package of the name.  None opens a socket.
"""

import json
import os
import pathlib
import shutil
import subprocess
from typing import Any

import pytest

PREFIX = pathlib.Path(os.environ.get("MINICLOUD_PREFIX", "/opt/minicloud"))
PYTHON = PREFIX / "venv" / "bin" / "python"
HEAT_CODE = pathlib.Path(__file__).parent / "heat_code.py"
CLOUD_INIT_PATH = PREFIX / "cloud-init/usr/lib/python3/dist-packages"
IGNITION_VALIDATE = shutil.which("ignition-validate") or ""
IGNITION = pathlib.Path("/usr/lib/dracut/modules.d/30ignition/ignition")
TIMEOUT_SECONDS = 300

needs_heat = pytest.mark.skipif(
    not PYTHON.exists(), reason=f"needs Heat's code, {PYTHON} does not exist"
)
needs_cloud_init = pytest.mark.skipif(
    not (PYTHON.exists() and CLOUD_INIT_PATH.exists()),
    reason=f"needs cloud-init's code, {CLOUD_INIT_PATH} does not exist",
)
needs_ignition_validate = pytest.mark.skipif(
    not IGNITION_VALIDATE, reason="needs ignition-validate of Debian's package ignition"
)
needs_ignition = pytest.mark.skipif(
    not (IGNITION.exists() and os.getuid() == 0),
    reason=f"needs root and {IGNITION} of Debian's package ignition",
)

VALIDATE = """
import json, sys
sys.path.append(sys.argv[1])
import yaml
from cloudinit.config import schema

def error(text):
    try:
        schema.validate_cloudconfig_schema(yaml.safe_load(text), strict=True)
    except schema.SchemaValidationError as problem:
        return f"SchemaValidationError: {problem}"

json.dump([error(text) for text in json.load(sys.stdin)], sys.stdout)
"""


def ask_heat(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let Heat judge requests, all in one process, because its start takes seconds."""
    return _ask([str(HEAT_CODE)], requests)


def ask_cloud_init(documents: list[str]) -> list[str | None]:
    """Return what cloud-init's schema has against each document."""
    return _ask(["-c", VALIDATE, str(CLOUD_INIT_PATH)], documents)


def _ask(arguments: list[str], questions: list[Any]) -> list[Any]:
    run = subprocess.run(
        [PYTHON, *arguments],
        input=json.dumps(questions, default=str),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answers: list[Any] = json.loads(run.stdout)
    return answers


def ask_ignition(document: str) -> str:
    """Return what ignition-validate has against a document, warnings too."""
    run = subprocess.run(
        [IGNITION_VALIDATE, "-"], input=document, capture_output=True, text=True, check=False
    )
    return run.stdout + run.stderr or ("refused" if run.returncode else "")


def apply_ignition(document: str, folder: pathlib.Path) -> pathlib.Path:
    """Have Ignition itself write a document's files and units; returns the root they are below.

    The document must have no users: those would be made by the machine's own useradd.
    """
    root, given = folder / "root", folder / "config.ign"
    selinux = root / "etc/selinux/config"  # it ends with labels, and insists on them
    selinux.parent.mkdir(parents=True)
    selinux.write_text("SELINUX=disabled\nSELINUXTYPE=none\n")
    given.write_text(document)
    labels = folder / "setfiles"
    labels.write_text("#!/bin/sh\n")
    labels.chmod(0o755)
    for stage in ("fetch", "files"):
        run = subprocess.run(
            [
                *(IGNITION, "-platform=file", f"-stage={stage}", f"-root={root}"),
                *(f"-config-cache={folder}/cache", f"-state-file={folder}/state"),
                *(f"-neednet={folder}/neednet", "-log-to-stdout"),
            ],
            env={"IGNITION_CONFIG_FILE": str(given), "PATH": f"{folder}:/usr/sbin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-2000:]
    return root
