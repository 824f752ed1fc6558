# SPDX-License-Identifier: Apache-2.0
"""The command line of the benchmarks; `benchmarks/run` starts it."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools" / "lib"))

from benchmarks import api, bay_creation, containers, creation, load, memory, place, ticks
from deployment import cloud, processes, service, sessions
from minicloud import commands
from quality import environment

FAILURES = (
    place.Wrong,
    commands.CommandError,
    load.LoadFailed,
    cloud.CloudFailed,
    environment.SetupFailed,
    processes.ServiceFailed,
    service.CommandFailed,
    sessions.Refused,
    OSError,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("--prefix", default=str(cloud.DEFAULT_PREFIX), help="of the mini cloud")
    which = parser.add_subparsers(dest="benchmark", required=True)
    saving = argparse.ArgumentParser(add_help=False)
    saving.add_argument("--output", type=Path, help="file for the raw numbers")

    known = which.add_parser("api", parents=[saving], help="requests a second")
    known.add_argument("--rounds", type=int, default=3)
    known.add_argument("--seconds", type=float, default=4, help="of each round")
    known.set_defaults(run=lambda mini, of: api.run(mini, of.rounds, of.seconds, of.output))

    known = which.add_parser("profile", help="what one kind of request spends its time on")
    known.add_argument("case", nargs="?", default=api.ONE_BAY, help="as `api` names it")
    known.add_argument("--times", type=int, default=300)
    known.set_defaults(run=lambda mini, of: api.profile(mini, of.case, of.times))

    known = which.add_parser("memory", parents=[saving], help="memory of both, and their start")
    known.set_defaults(run=lambda mini, of: memory.run(mini, of.output))

    known = which.add_parser("creation", parents=[saving], help="from POST of a bay to its stack")
    known.set_defaults(run=lambda mini, of: creation.run(mini, of.output))

    known = which.add_parser("bay_creation", parents=[saving], help="until a bay can be used")
    known.set_defaults(run=lambda mini, of: bay_creation.run(mini, of.output))

    known = which.add_parser("ticks", parents=[saving], help="conductors with many bays in flight")
    known.add_argument("--old", action="store_true", help="also after some minutes")
    known.set_defaults(run=lambda mini, of: ticks.run(mini, of.old, of.output))

    known = which.add_parser("containers", parents=[saving], help="against the plain Docker SDK")
    known.add_argument("--rounds", type=int, default=3)
    known.set_defaults(alone=lambda of: containers.run(of.rounds, of.output))
    return parser


def main() -> int:
    """Run one benchmark; a cloud that was down goes down again, one that is not wanted stays."""
    given = _parser().parse_args()
    prefix = Path(given.prefix).absolute()
    was_up = "alone" in given or cloud.is_up(prefix)
    try:
        if "alone" in given:
            given.alone(given)
        else:
            given.run(cloud.Cloud.load(prefix) if was_up else cloud.up(prefix), given)
    except FAILURES as error:
        # What cleans up may fail after what it cleans up for, and for the same reason.
        for told in (error.__context__, error):
            if isinstance(told, FAILURES):
                print(f"benchmarks/run: {told}", file=sys.stderr)
        return 1
    finally:
        if not was_up:
            cloud.down(prefix)
    return 0


if __name__ == "__main__":
    sys.exit(main())
