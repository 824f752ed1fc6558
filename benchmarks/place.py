# SPDX-License-Identifier: Apache-2.0
"""The service as it is measured: on the mini cloud, configured as its operator would."""

import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks import report
from deployment import configuration, installation
from deployment.cloud import Cloud, User
from deployment.processes import Process
from deployment.service import CommandFailed, Deployment
from deployment.sessions import send

OWN_PORT = 9519
CEILING_PORT = 9520
_INSIDE = pathlib.Path(__file__).parent / "inside"


class Wrong(Exception):
    """The service does not do what is to be measured; the text is what it does."""


def options(cloud: Cloud, **layers: dict[str, str]) -> configuration.Options:
    """Return what an operator sets for speed, and one API worker, so that numbers compare.

    :param layers: options by section, over these.
    """
    base = {
        # One cache for all workers; the middleware calls its own one in the process deprecated.
        "keystone_authtoken": {"memcached_servers": str(cloud.facts["memcached_servers"])},
        "api": {"workers": "1"},
        # So that no other deployment's conductors are woken.
        "conductor": {"topic": "magnum-benchmark"},
    }
    names = base.keys() | layers.keys()
    return {name: {**base.get(name, {}), **layers.get(name, {})} for name in names}


class Beside(Deployment):
    """An API at an address that is not in the catalogue, so that it may run beside another one."""

    @property
    def url(self) -> str:
        return f"http://{self.cloud.address}:{OWN_PORT}"


def install() -> pathlib.Path:
    """Install the service; returns the folder of its programs."""
    return installation.service()


@contextmanager
def beside(
    cloud: Cloud, programs: pathlib.Path, name: str, **layers: dict[str, str]
) -> Iterator[Deployment]:
    """Deploy with an empty database of its own, at the port of benchmarks.

    :param layers: options by section, over the usual ones.
    """
    extra = options(cloud, api={"port": str(OWN_PORT)}, **layers)
    yield from _deployed(Beside(cloud, programs, _folder(name), f"magnum_bench_{name}", extra))


@contextmanager
def in_catalogue(cloud: Cloud, programs: pathlib.Path, name: str) -> Iterator[Deployment]:
    """Deploy where the catalogue says; waits until no other deployment is there."""
    made = Deployment(cloud, programs, _folder(name), f"magnum_bench_{name}", options(cloud))
    made.claim()
    yield from _deployed(made)


def _folder(name: str) -> pathlib.Path:
    made = report.folder() / name
    shutil.rmtree(made, ignore_errors=True)
    return made


def _deployed(made: Deployment) -> Iterator[Deployment]:
    made.configure()
    made.create_database()
    made.migrate()
    try:
        yield made
    finally:
        made.stop()
        made.drop_database()
        made.release()


def inside(deployment: Deployment, script: str, *words: str, given: Any = None) -> Any:
    """Run a script in the service's environment and return the JSON that it prints last.

    :param given: what it reads from standard input, as JSON.
    :raises deployment.service.CommandFailed: it ended with an error.
    """
    command = [str(deployment.programs / "python"), str(_INSIDE / script), str(deployment.config)]
    done = subprocess.run(
        [*command, *words],
        cwd=deployment.folder,  # not the checkout, whose magnum/ would hide the installed one
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-1500:]
        raise CommandFailed(f"{script} {' '.join(words)}: status {done.returncode}: {said}")
    return json.loads(done.stdout.strip().rpartition("\n")[2])


@contextmanager
def child(script: str, *words: str) -> Iterator[int]:
    """Run a server of ours; gives the port that it prints first."""
    command = [sys.executable, str(pathlib.Path(__file__).with_name(script)), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.terminate()


@contextmanager
def filled(deployment: Deployment, user: User) -> Iterator[Mapping[str, str]]:
    """Have rows in a user's project; gives a bay with an authority, a baymodel, and a CSR."""
    try:
        yield inside(deployment, "rows.py", "fill", user.project_id, user.id)
    finally:
        inside(deployment, "rows.py", "clear")


def wrapped(script: str, *words: str) -> list[str]:
    """Return the wrapper of a program that runs a script of ours, for a deployment to start."""
    return [str(_INSIDE / script), *words]


def start_ceiling(deployment: Deployment) -> tuple[Process, str]:
    """Start the empty controller; returns its process and address."""
    own = deployment.folder / "ceiling.conf"
    own.write_text(configuration.render({"api": {"port": str(CEILING_PORT)}}))
    configs = [word for path in (deployment.config, own) for word in ("--config-file", str(path))]
    command = [str(deployment.programs / "python"), str(_INSIDE / "ceiling.py"), *configs]
    process = Process("ceiling", command, deployment.folder)
    deployment.processes.append(process)
    url = f"http://{deployment.cloud.address}:{CEILING_PORT}"
    process.wait_until(lambda: _answers(url))
    return process, url


def _answers(url: str) -> bool:
    try:
        return send("GET", f"{url}/healthcheck").status == 200
    except OSError:
        return False
