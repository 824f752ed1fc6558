# SPDX-License-Identifier: Apache-2.0
"""The command line: minicloud up, down, status, logs."""

import argparse
import dataclasses
import os
import pathlib
import sys

from minicloud import report, services, settings as settings_module
from minicloud.cloud import Cloud, CloudError, locked
from minicloud.commands import CommandError
from minicloud.progress import Progress
from minicloud.real_nodes import ability
from minicloud.real_nodes.root import RootError
from minicloud.settings import DEFAULT_PREFIX, PORTS, Settings, SettingsError

_USAGE = """\
The mini cloud is up; it took {seconds:.0f} s, and its services use {memory:.0f} MiB (PSS).
  facts for programs   {prefix}/cloud.json
  act as a user        . {prefix}/openrc-demo    (also demo2, alt, admin)
  Keystone             {auth_url}
  Magnum is expected   {magnum}
  tell the nodes       {prefix}/run/nodes.json   {{"delay": 5, "skip": "re", "fail": "re"}}
  afterwards           tools/minicloud status | logs nodes -f | down"""


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in PORTS or not number.isdigit():
        raise argparse.ArgumentTypeError(f"want NAME=NUMBER, NAME one of {', '.join(PORTS)}")
    return name, int(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="minicloud", description=__doc__)
    parser.add_argument(
        "--prefix",
        default=os.environ.get("MINICLOUD_PREFIX", DEFAULT_PREFIX),
        help="folder of the cloud (default: $MINICLOUD_PREFIX or %(default)s)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="install, start, register; options are remembered")
    up.add_argument("--address", help="address of all services (default 198.19.0.1)")
    up.add_argument("--external-range", help="the external network (default 198.18.0.0/16)")
    up.add_argument("--token-expiration", type=int, help="Keystone's tokens, seconds")
    up.add_argument(
        "--nodes",
        action=argparse.BooleanOptionalAction,
        help="boot real nodes for servers of some images (default: as before, at first not)",
    )
    up.add_argument("--port", type=_port, action="append", help="NAME=NUMBER, e.g. magnum=9511")
    down = commands.add_parser("down", help="stop")
    down.add_argument("--wipe", action="store_true", help="remove databases and logs, too")
    down.add_argument("--purge", action="store_true", help="remove the whole prefix")
    commands.add_parser("status", help="list the services; fails unless all run")
    logs = commands.add_parser("logs", help="show logs")
    logs.add_argument("service", nargs="?", choices=[s.name for s in services.SERVICES])
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they grow")
    logs.add_argument("-n", "--lines", type=int, default=40, help="how many (default 40)")
    return parser


def _without_nodes_if_must_be(settings: Settings) -> Settings:
    """Do without real nodes on a machine that cannot run any, and say why."""
    reason = ability.reason_against() if settings.real_nodes else None
    if reason is None:
        return settings
    print(f"No real nodes on this machine: {reason}. The stand-in plays them.", flush=True)
    return dataclasses.replace(settings, real_nodes=False)


def _up(options: argparse.Namespace, prefix: pathlib.Path) -> int:
    names = ("address", "external_range", "token_expiration")
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    given["ports"] = dict(options.port or ())
    if options.nodes is not None:
        given["real_nodes"] = options.nodes
    progress = Progress()
    with locked(prefix):
        settings = _without_nodes_if_must_be(settings_module.resolve(prefix, given))
        cloud = Cloud(settings, progress)
        cloud.up()
        print(
            _USAGE.format(
                seconds=progress.elapsed,
                memory=report.total_mib(cloud.survey()),
                prefix=prefix,
                auth_url=settings.auth_url,
                magnum=settings.url("magnum", "/v1"),
            )
        )
        print(report.nodes(settings))
    return 0


def _down(options: argparse.Namespace, prefix: pathlib.Path) -> int:
    if not settings_module.exists(prefix):
        print(f"there is no mini cloud at {prefix}")
        return 0
    with locked(prefix):
        cloud = Cloud(settings_module.load(prefix), Progress())
        cloud.down(options.wipe, options.purge)
        cloud.progress.say("down")
    return 0


def _status(options: argparse.Namespace, prefix: pathlib.Path) -> int:
    settings = settings_module.load(prefix)
    lines = Cloud(settings, Progress()).survey()
    print(report.HEADER, *lines, sep="\n")
    print(f"{'all':<40}{report.total_mib(lines):>6.0f} MiB")
    print(report.nodes(settings))
    return 0 if all(line.pid for line in lines) else 1


def _logs(options: argparse.Namespace, prefix: pathlib.Path) -> int:
    folder = settings_module.load(prefix).log
    files = sorted(folder.glob(f"{options.service or '*'}.log"))
    follow = ["-F"] if options.follow else []
    os.execvp("tail", ["tail", "-n", str(options.lines), *follow, *map(str, files)])


def main(argv: list[str] | None = None) -> int:
    """Run one sub-command and return its exit code."""
    options = _parser().parse_args(argv)
    prefix = pathlib.Path(options.prefix).absolute()
    action = {"up": _up, "down": _down, "status": _status, "logs": _logs}[options.command]
    try:
        return action(options, prefix)
    except (CloudError, CommandError, RootError, SettingsError, OSError) as error:
        print(f"minicloud: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nminicloud: stopped; `up` again continues", file=sys.stderr)
        return 130
