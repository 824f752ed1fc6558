# SPDX-License-Identifier: Apache-2.0
"""The stages of `tools/test`: run them in order and sum up.

Works with the standard library alone; the stages run in the environment it makes.
"""

import argparse
import dataclasses
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree
from typing import IO

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from deployment import cloud
from minicloud import commands, debian
from quality import environment

ROOT = environment.ROOT


@dataclasses.dataclass(frozen=True)
class Stage:
    """One folder of tests, or the static checks when it has none.

    :param limit: minutes after which the stage is ended and counts as failed.
    :param cloud: whether it wants the mini cloud.
    :param more: further arguments for pytest.
    :param packages: of Debian that it needs.
    """

    name: str
    what: str
    folder: str | None
    limit: int
    cloud: bool = False
    more: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


PARALLEL = ("--numprocesses=2",)
CLOUD = Stage("cloud", "the mini cloud, for the stages drivers and functional", None, 20)
STAGES = (
    Stage("lint", "style, types, layers, shell, documentation", None, 10),
    Stage("unit", "one module at a time, no input or output", "tests/unit", 15, more=PARALLEL),
    Stage("contract", "the HTTP interface, in one process", "tests/contract", 10, more=PARALLEL),
    Stage(
        "fuzz",
        "the HTTP interface again, sent nonsense by the thousand",
        "tests/fuzz",
        20,
        more=PARALLEL,
    ),
    Stage(
        "databases",
        "what uses a database, on MariaDB and PostgreSQL",
        "tests/databases",
        20,
        more=("tests/unit", "tests/contract", "--databases", *PARALLEL),
        packages=("mariadb-server-core", "postgresql"),
    ),
    Stage(
        "devstack",
        "the plugin for DevStack, with recorders for DevStack's functions",
        "tests/devstack",
        10,
        more=PARALLEL,
    ),
    Stage(
        "drivers",
        "the templates and scripts of all drivers",
        "tests/drivers",
        15,
        cloud=True,
        # What asks Heat's code for many verdicts at a time does so once a module.
        more=(*PARALLEL, "--dist=loadfile"),
        packages=("ignition",),
    ),
    Stage(
        "engines",
        "containers on real Docker engines, three in a swarm",
        "tests/engines",
        10,
        packages=("docker.io", "busybox-static", "iproute2"),
    ),
    Stage(
        "packaging",
        "sdist, wheel, and the files a host runs the services by",
        "tests/packaging",
        15,
        packages=("apache2-bin", "libapache2-mod-wsgi-py3", "logrotate", "openssl", "systemd"),
    ),
    Stage(
        "functional",
        "both services on the mini cloud",
        "tests/functional",
        62,
        cloud=True,
        # A dozen services on two cores stumble now and then: a test may fail once, and is named.
        more=("--reruns=1", "--tb=short", "--durations=20"),
    ),
)


@dataclasses.dataclass
class Outcome:
    """What came of one stage."""

    stage: Stage
    minutes: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def ok(self) -> bool:
        """Whether something passed and nothing failed; what is to prove all may skip nothing."""
        may_skip = "CI" not in os.environ
        return self.passed > 0 and self.failed == 0 and (may_skip or self.skipped == 0)


class _Command:
    """A command that runs in a process group of its own.

    :param minutes: after which it is ended.
    :param output: where it prints; None for where we do.
    """

    def __init__(self, command: list[str], minutes: int, output: IO[str] | None = None) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._began, self._minutes = time.monotonic(), minutes
        self._child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    @property
    def age(self) -> float:
        """Minutes since it began."""
        return (time.monotonic() - self._began) / 60

    def wait(self) -> int:
        """Return its status, or 124 when it took too long."""
        try:
            return self._child.wait(max(0.0, self._minutes - self.age) * 60)
        except subprocess.TimeoutExpired:
            print(f"Not finished after {self._minutes} minutes: ending it", flush=True)
            return 124
        finally:
            self.end()

    def end(self) -> None:
        """End it if it still runs."""
        if self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()


def _call(command: list[str], minutes: int) -> int:
    """Run a command; its status, or 124 when it took too long."""
    return _Command(command, minutes).wait()


def _count(report: pathlib.Path, outcome: Outcome) -> None:
    """Take the numbers from a report in JUnit's format."""
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    if suite is None:
        return
    number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    outcome.failed = number["failures"] + number["errors"]
    outcome.skipped = number["skipped"]
    outcome.passed = max(number["tests"] - outcome.failed - outcome.skipped, 0)


def _run_lint(python: pathlib.Path, outcome: Outcome, arguments: list[str]) -> None:
    script = str(ROOT / "tools" / "lib" / "quality" / "lint.py")
    status = _call([str(python), script, *arguments], outcome.stage.limit)
    outcome.passed, outcome.failed = (1, 0) if status == 0 else (0, 1)


def _run_tests(python: pathlib.Path, outcome: Outcome, arguments: list[str]) -> None:
    folder = outcome.stage.folder or ""
    if not (ROOT / folder).exists():
        print(f"There is no {folder}")
        outcome.failed = 1
        return
    if not _have_packages(outcome.stage.packages):
        outcome.failed = 1
        return
    report = environment.cache() / f"report-{outcome.stage.name}.xml"
    report.unlink(missing_ok=True)
    seed = random.randrange(2**32)
    print(f"The order of the tests is that of --randomly-seed={seed}", flush=True)
    command = [str(python), "-m", "pytest", "-q", f"--junitxml={report}"]
    command += [f"--randomly-seed={seed}", folder]
    status = _call([*command, *outcome.stage.more, *arguments], outcome.stage.limit)
    if report.exists():
        _count(report, outcome)
    if status and not outcome.failed:
        outcome.failed = 1


def _have_packages(names: tuple[str, ...]) -> bool:
    """Install the Debian packages that are missing, when we may; whether all are there.

    On other machines the tests themselves say which program they miss.
    """
    if shutil.which("dpkg-query") is None or not (missing := debian.missing(names)):
        return True
    if os.getuid() != 0:
        print(f"Please install: {' '.join(missing)}")
        return False
    log, note = (environment.cache() / name for name in ("apt.log", "policy-rc.d-is-ours"))
    try:
        debian.install(names, ("docker", "mariadb", "postgresql"), log, note, print)
    except commands.CommandError as error:
        print(error)
        return False
    return True


class _RisingCloud:
    """The mini cloud, which comes up beside the first stages: it leaves a processor to them."""

    def __init__(self) -> None:
        self._log = environment.cache() / "cloud.log"
        with self._log.open("w") as output:
            command = [str(ROOT / "tools" / "minicloud"), "up", "--nodes"]
            self._command = _Command(command, CLOUD.limit, output)

    def wait(self) -> Outcome:
        """Wait until it is up; what fails for want of it will say so."""
        print(f"\n=== {CLOUD.name}: {CLOUD.what}", flush=True)
        status = self._command.wait()
        print(self._log.read_text(), end="", flush=True)
        return Outcome(CLOUD, self._command.age, passed=int(status == 0), failed=int(status != 0))

    def end(self) -> None:
        """Bring it up no further."""
        self._command.end()


def run(stage: Stage, python: pathlib.Path, arguments: list[str]) -> Outcome:
    """Run one stage to its end."""
    print(f"\n=== {stage.name}: {stage.what}", flush=True)
    outcome = Outcome(stage)
    began = time.monotonic()
    if stage.folder is None:
        _run_lint(python, outcome, arguments)
    else:
        _run_tests(python, outcome, arguments)
    outcome.minutes = (time.monotonic() - began) / 60
    return outcome


def run_all(stages: list[Stage], python: pathlib.Path, arguments: list[str]) -> list[Outcome]:
    """Run stages in order, the mini cloud beside them when one wants it."""
    outcomes: list[Outcome] = []
    was_up = cloud.is_up(cloud.DEFAULT_PREFIX)
    rising = wanted = _RisingCloud() if any(stage.cloud for stage in stages) else None
    try:
        for stage in stages:
            # Only one at a time may install Debian's packages.
            if rising and (stage.cloud or stage.packages):
                outcomes.append(rising.wait())
                rising = None
            outcomes.append(run(stage, python, arguments))
    finally:
        if rising:
            rising.end()
        if wanted and not was_up:
            cloud.down(cloud.DEFAULT_PREFIX)
    return outcomes


def report(outcomes: list[Outcome], minutes: float) -> bool:
    """Print the table of all stages, ending in one line for all; whether all is well."""
    print(f"\n{'stage':12}{'minutes':>8}{'passed':>8}{'failed':>8}{'skipped':>8}")
    for one in outcomes:
        print(
            f"{one.stage.name:12}{one.minutes:8.1f}{one.passed:8}{one.failed:8}{one.skipped:8}"
            f"{'' if one.ok else '  <- look here'}"
        )
    passed, failed, skipped = (
        sum(getattr(one, key) for one in outcomes) for key in ("passed", "failed", "skipped")
    )
    bad = sum(1 for one in outcomes if not one.ok)
    print(f"{passed} passed, {failed} failed, {skipped} skipped in {minutes:.1f} minutes")
    return bad == 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    names = ", ".join(stage.name for stage in STAGES)
    parser = argparse.ArgumentParser(
        prog="tools/test",
        description="Install what the tests need and run them.",
        epilog="Arguments after -- go to pytest or lint.py.",
    )
    parser.add_argument("names", nargs="*", metavar="STAGE", help=f"some of: {names}")
    parser.add_argument("--only-lint", action="store_true", help=argparse.SUPPRESS)
    split = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:split])
    options.passed_on = argv[split + 1 :]
    known = {stage.name for stage in STAGES}
    if not options.only_lint and (unknown := set(options.names) - known):
        parser.error(f"no such stage: {', '.join(sorted(unknown))}; there are: {names}")
    return options


def main(argv: list[str]) -> int:
    """Run the stages that were asked for, all by default."""
    began = time.monotonic()
    options = _arguments(argv)
    try:
        python = environment.for_checks()
    except environment.SetupFailed as error:
        print(error)
        return 1
    if options.only_lint:
        script = str(ROOT / "tools" / "lib" / "quality" / "lint.py")
        return subprocess.call([str(python), script, *options.names], cwd=ROOT)
    wanted = [stage for stage in STAGES if not options.names or stage.name in options.names]
    outcomes = run_all(wanted, python, options.passed_on)
    return 0 if report(outcomes, (time.monotonic() - began) / 60) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
