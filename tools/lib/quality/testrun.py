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
import subprocess
import sys
import time
import xml.etree.ElementTree
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from deployment import cloud
from minicloud import commands, debian
from quality import environment
from quality.beside import Beside, Manner

ROOT = environment.ROOT


@dataclasses.dataclass(frozen=True)
class Stage:
    """One folder of tests, or the static checks when it has none.

    :param limit: minutes after which the stage is ended and counts as failed.
    :param cloud: whether it wants the mini cloud.
    :param more: further arguments for pytest.
    :param packages: of Debian that it needs.
    :param beside: whether it only computes, and may do so while the last stage waits.
    """

    name: str
    what: str
    folder: str | None
    limit: int
    cloud: bool = False
    more: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    beside: bool = False


PARALLEL = ("--numprocesses=2",)
CLOUD = Stage("cloud", "the mini cloud, for the stages drivers and functional", None, 20)
STAGES = (
    Stage("lint", "style, types, layers, shell, documentation", None, 10),
    Stage("unit", "one module at a time, no input or output", "tests/unit", 10, more=PARALLEL),
    Stage("contract", "the HTTP interface, in one process", "tests/contract", 10, more=PARALLEL),
    Stage(
        "fuzz",
        "the HTTP interface again, sent nonsense by the thousand",
        "tests/fuzz",
        60,
        beside=True,
    ),
    Stage(
        "databases",
        "what uses a database, on MariaDB and PostgreSQL",
        "tests/databases",
        20,
        more=("tests/unit", "tests/contract", "--databases", *PARALLEL),
        packages=("mariadb-server-core", "postgresql"),
        beside=True,
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
        65,
        cloud=True,
        # A dozen services on two cores stumble now and then: a test may fail once, and is named.
        more=("--reruns=1",),
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
        """Whether something passed and nothing failed."""
        return self.passed > 0 and self.failed == 0


def _call(command: list[str], minutes: float, manner: Manner) -> int:
    """Run a command from our root, where no cloud is chosen; its status, 124 if it was ended."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return manner.call(command, minutes, ROOT, clean)


def _count(report: pathlib.Path, outcome: Outcome) -> None:
    """Take the numbers from a report in JUnit's format."""
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    if suite is None:
        return
    number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    outcome.failed = number["failures"] + number["errors"]
    outcome.skipped = number["skipped"]
    outcome.passed = max(number["tests"] - outcome.failed - outcome.skipped, 0)


def _run_lint(python: pathlib.Path, outcome: Outcome, arguments: list[str], manner: Manner) -> None:
    script = str(ROOT / "tools" / "lib" / "quality" / "lint.py")
    status = _call([str(python), script, *arguments], outcome.stage.limit, manner)
    outcome.passed, outcome.failed = (1, 0) if status == 0 else (0, 1)


def _run_tests(
    python: pathlib.Path, outcome: Outcome, arguments: list[str], manner: Manner
) -> None:
    folder = outcome.stage.folder or ""
    if not (ROOT / folder).exists():
        manner.say(f"There is no {folder}")
        outcome.failed = 1
        return
    if not _have_packages(outcome.stage.packages, manner.say):
        outcome.failed = 1
        return
    report = environment.cache() / f"report-{outcome.stage.name}.xml"
    report.unlink(missing_ok=True)
    seed = random.randrange(2**32)
    manner.say(f"The order of the tests is that of --randomly-seed={seed}")
    command = [str(python), "-m", "pytest", "-q", f"--junitxml={report}"]
    command += [f"--randomly-seed={seed}", folder]
    status = _call([*command, *outcome.stage.more, *arguments], outcome.stage.limit, manner)
    if report.exists():
        _count(report, outcome)
    if status and not outcome.failed:
        outcome.failed = 1


def _have_packages(names: tuple[str, ...], say: Callable[[str], None] = print) -> bool:
    """Install the Debian packages that are missing, when we may; whether all are there.

    On other machines the tests themselves say which program they miss.
    """
    if shutil.which("dpkg-query") is None or not (missing := debian.missing(names)):
        return True
    if os.getuid() != 0:
        say(f"Please install: {' '.join(missing)}")
        return False
    log, note = (environment.cache() / name for name in ("apt.log", "policy-rc.d-is-ours"))
    try:
        debian.install(names, ("docker", "mariadb", "postgresql"), log, note, say)
    except commands.CommandError as error:
        say(str(error))
        return False
    return True


def _start_cloud() -> Outcome:
    """Bring the mini cloud up; what fails for want of it will say so."""
    print(f"\n=== {CLOUD.name}: {CLOUD.what}", flush=True)
    began = time.monotonic()
    status = _call([str(ROOT / "tools" / "minicloud"), "up", "--nodes"], CLOUD.limit, Manner())
    minutes = (time.monotonic() - began) / 60
    return Outcome(CLOUD, minutes, passed=int(status == 0), failed=int(status != 0))


def run(
    stage: Stage, python: pathlib.Path, arguments: list[str], manner: Manner | None = None
) -> Outcome:
    """Run one stage to its end; in front unless it is told in which manner."""
    manner = manner or Manner()
    manner.say(f"\n=== {stage.name}: {stage.what}")
    outcome = Outcome(stage)
    began = time.monotonic()
    work = _run_lint if stage.folder is None else _run_tests
    work(python, outcome, arguments, manner)
    outcome.minutes = (time.monotonic() - began) / 60
    return outcome


def run_all(
    stages: list[Stage], python: pathlib.Path, arguments: list[str], beside: bool = False
) -> list[Outcome]:
    """Run stages in order, the mini cloud beside those that want it.

    :param beside: whether those that only compute do so while the last one runs.
    """
    humble = [stage for stage in stages[:-1] if beside and stage.beside]
    outcomes: list[Outcome] = []
    was_up = cloud.is_up(cloud.DEFAULT_PREFIX)
    try:
        for stage in stages:
            if stage in humble:
                continue
            if stage.cloud and not any(one.stage is CLOUD for one in outcomes):
                outcomes.append(_start_cloud())
            if stage is not stages[-1]:
                outcomes.append(run(stage, python, arguments))
            else:
                outcomes += _run_last(stage, humble, python, arguments)
    finally:
        if not was_up and any(one.stage is CLOUD for one in outcomes):
            cloud.down(cloud.DEFAULT_PREFIX)
    return outcomes


def _run_last(
    stage: Stage, humble: list[Stage], python: pathlib.Path, arguments: list[str]
) -> list[Outcome]:
    """Run a stage in front, and others beside it, at the lowest priority and one by one."""
    for one in humble:  # not while tests run, which would notice
        _have_packages(one.packages)
    outcomes = {one.name: Outcome(one, failed=1) for one in humble}  # until we know better

    def work(one: Stage, manner: Manner) -> None:
        outcomes[one.name] = run(one, python, arguments, manner)

    with Beside(humble, work):
        front = run(stage, python, arguments)
    return [front, *outcomes.values()]


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
    parser.add_argument(
        "--beside",
        action="store_true",
        help="run stages that only compute while the last one waits, at the lowest priority",
    )
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
    outcomes = run_all(wanted, python, options.passed_on, options.beside)
    return 0 if report(outcomes, (time.monotonic() - began) / 60) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
