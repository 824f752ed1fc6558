# SPDX-License-Identifier: Apache-2.0
"""The example of a driver outside of the tree, installed as an operator would."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.drivers.sandbox import Sandbox
from tests.packaging.commands import ROOT, run

EXAMPLE = ROOT / "contrib" / "example_driver"

FIND = """
import json
from magnum.drivers import registry

driver = registry.driver_for("vm", "debian", "swarm")
print(json.dumps([driver.name, [other.name for other in registry.drivers()]]))
"""

LAWS = """
import json
from magnum.drivers import registry
from tests.drivers import checks, matrix, reader, specs

driver = registry.driver_for("vm", "debian", "swarm")
for name, cluster in matrix.all_clusters(driver).items():
    driver.check(cluster.template)
    request = driver.create_request(cluster, specs.ACCESS)
    for law in checks.ALL:
        for words in law(driver.manifest, request):
            raise SystemExit(f"{name}, {law.__name__}: {words}")
print(json.dumps(reader.read(request.files["user_data_worker"]).files))
"""


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder that has the example installed, and nothing else."""
    folder = tmp_path_factory.mktemp("example")
    copy = shutil.copytree(EXAMPLE, folder / "copy")  # a build leaves files behind
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", folder / "there")
    run(sys.executable, *install, copy, cwd=folder)
    return folder / "there"


def printed(python: object, program: str, *paths: pathlib.Path) -> str:
    """Run a program with some folders in front of what Python imports from."""
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", program],
        env=os.environ | {"PYTHONPATH": ":".join(map(str, paths))},
        cwd=paths[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_installed_magnum_finds_the_driver_beside_its_own(
    installed: pathlib.Path, example: pathlib.Path
) -> None:
    name, all_names = json.loads(printed(installed / "python", FIND, example))
    assert name == "swarm_debian"
    assert {"swarm_debian", "swarm_fedora_atomic", "swarm_ubuntu", "swarm_coreos"} <= set(all_names)


def test_the_driver_keeps_the_laws_and_its_own_step_does_its_work(
    example: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    files = json.loads(printed(sys.executable, LAWS, example, ROOT))
    assert files["/etc/magnum/steps"].split()[-1] == "site_notice"
    node = Sandbox(tmp_path, NODE_ROLE="worker", CLUSTER_NAME="a $(id) bay")
    node.place("bin/site_notice.sh", files["/opt/magnum/bin/site_notice.sh"])
    assert node.run("site_notice.sh").returncode == 0
    assert node.read("/etc/motd").startswith("This is a worker of the cluster a $(id) bay.\n")
