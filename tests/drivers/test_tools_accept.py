# SPDX-License-Identifier: Apache-2.0
"""What nodes run, judged by the tools of those who will read it: cloud-init and shells."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from magnum.drivers import registry, user_data
from tests.drivers import specs

PREFIX = pathlib.Path(os.environ.get("MINICLOUD_PREFIX", "/opt/minicloud"))
SCRIPTS = sorted((pathlib.Path(user_data.__file__).parent / "scripts").rglob("*.sh"))
ROOT = pathlib.Path(__file__).parents[2]
SHELLCHECK = (
    shutil.which("shellcheck", path=f"{pathlib.Path(sys.executable).parent}:/usr/bin") or ""
)
CLOUD_INIT_PATH = PREFIX / "cloud-init/usr/lib/python3/dist-packages"
PYTHON = PREFIX / "venv" / "bin" / "python"

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)

VALIDATE = """
import sys
sys.path.append(sys.argv[1])
import yaml
from cloudinit.config import schema
schema.validate_cloudconfig_schema(yaml.safe_load(sys.stdin), strict=True)
"""


def validate(text: str) -> subprocess.CompletedProcess[str]:
    """Let cloud-init's own code read user data."""
    return subprocess.run(
        [PYTHON, "-c", VALIDATE, CLOUD_INIT_PATH],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


needs_cloud_init = pytest.mark.skipif(
    not (PYTHON.exists() and CLOUD_INIT_PATH.exists()),
    reason=f"needs cloud-init's code, {CLOUD_INIT_PATH} does not exist",
)
needs_shellcheck = pytest.mark.skipif(not SHELLCHECK, reason="needs shellcheck")


@needs_cloud_init
@pytest.mark.parametrize("driver", registry.drivers(), ids=lambda driver: driver.name)
def test_cloud_init_finds_user_data_valid(driver):
    for spec in (specs.spec(driver), specs.spec(driver, **specs.FULL)):
        files = driver.create_request(spec, specs.ACCESS).files
        documents = [text for text in files.values() if text.startswith("#cloud-config")]
        assert documents
        for text in documents:
            found = validate(text)
            assert found.returncode == 0, found.stderr


@needs_cloud_init
@pytest.mark.parametrize(
    ("old", "new"),
    [("permissions:", "permission:"), ("runcmd:\n- [", "runcmd: 5\n#"), ("gz+b64", "zip")],
)
def test_cloud_init_finds_each_fault(old, new):
    driver = registry.drivers()[0]
    text = driver.create_request(specs.spec(driver), specs.ACCESS).files["user_data_worker"]
    assert old in text
    found = validate(text.replace(old, new))
    assert found.returncode != 0
    assert "SchemaValidationError" in found.stderr


@needs_shellcheck
@each_script
def test_shellcheck_finds_nothing(script):
    subprocess.run(
        [SHELLCHECK, "--external-sources", "--severity=style", "--shell=sh", script],
        cwd=ROOT,
        check=True,
    )


@needs_shellcheck
def test_shellcheck_finds_a_bashism(tmp_path):
    script = tmp_path / "step.sh"
    script.write_text('#!/bin/sh\n[[ "$1" == a ]]\n')
    assert subprocess.run([SHELLCHECK, script], check=False, capture_output=True).returncode == 1


@each_script
def test_a_posix_shell_can_parse_it(script):
    subprocess.run(["sh", "-n", script], check=True)
