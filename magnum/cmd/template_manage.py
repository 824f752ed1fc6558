# SPDX-License-Identifier: Apache-2.0
"""``magnum-template-manage``: which kinds of clusters this host can make, and the site offers.

Its name is of the time when a driver was a template and little else.
"""

import argparse
import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from typing import Any

from cliff.app import App
from cliff.commandmanager import CommandManager
from cliff.lister import Lister

from magnum.cmd import options
from magnum.conf import CONF, loading
from magnum.drivers import registry
from magnum.drivers.contract import Driver, Triple

DESCRIPTION = "Show the drivers of clusters that are installed on this host."
EPILOG = """\
Without a command it reads commands from the terminal, until "quit".

examples:
  magnum-template-manage list-templates --details --paths
  magnum-template-manage list-templates --enabled -f value -c Name

exit status: 0 on success, 1 on an error, 2 on a wrong option
"""

_CONFIGURATION = {
    "--config-file": "read this instead of /etc/magnum/magnum.conf; the last of several prevails",
    "--config-dir": "read all *.conf in this directory besides",
}

Row = tuple[Driver, Triple | None]
Column = tuple[str, Callable[[Driver, Triple | None], Any]]

_PLAIN: tuple[Column, ...] = (
    ("Name", lambda driver, _: driver.name),
    ("Enabled", lambda driver, _: _is_enabled(driver)),
)
_DETAILS: tuple[Column, ...] = (
    ("Server_Type", lambda _, triple: triple and triple.server_type),
    ("OS", lambda _, triple: triple and triple.os),
    ("COE", lambda _, triple: triple and triple.coe),
)
_PATHS: tuple[Column, ...] = (("Template Path", lambda driver, _: driver.template_path),)


class ListTemplates(Lister):
    """List the drivers, by name, and whether [cluster] enabled_definitions enables them.

    A driver that is not enabled makes no new clusters; the API refuses them, and templates for
    them.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Define the options, besides those that cliff has."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "-d",
            "--details",
            action="store_true",
            help="one line for each server type, operating system and COE that a driver serves",
        )
        parser.add_argument(
            "-p", "--paths", action="store_true", help="show the file of each driver's template"
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--enabled", action="store_true", help="only what is enabled")
        which.add_argument("--disabled", action="store_true", help="only what is not enabled")
        return parser

    def take_action(
        self, wanted: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the columns' names and the rows."""
        columns = _PLAIN + _DETAILS * wanted.details + _PATHS * wanted.paths
        rows = [
            tuple(value(driver, triple) for _, value in columns)
            for driver, triple in _rows(wanted.details)
            if not (wanted.enabled or wanted.disabled) or _is_enabled(driver) == wanted.enabled
        ]
        return tuple(name for name, _ in columns), rows


def _rows(details: bool) -> Iterator[Row]:
    for driver in sorted(registry.drivers(), key=lambda driver: driver.name):
        yield from ((driver, triple) for triple in (driver.provides if details else (None,)))


def _is_enabled(driver: Driver) -> bool:
    return registry.is_enabled(driver, CONF.cluster.enabled_definitions)


class TemplateManage(App):
    """The application, with the options of oslo.config that say where the configuration is."""

    def __init__(self) -> None:
        commands = CommandManager()
        commands.add_command("list-templates", ListTemplates)
        version = importlib.metadata.version(loading.PROJECT)
        super().__init__(DESCRIPTION, version, commands)

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: Any = None
    ) -> argparse.ArgumentParser:
        """Define the options that come before the command."""
        form = {
            "prog": "magnum-template-manage",
            "epilog": EPILOG,
            "formatter_class": argparse.RawDescriptionHelpFormatter,
        }
        parser: argparse.ArgumentParser = super().build_option_parser(description, version, form)
        for option, use in _CONFIGURATION.items():
            parser.add_argument(option, action="append", default=[], metavar="PATH", help=use)
        return parser

    def initialize_app(self, _words: list[str]) -> None:
        """Read the configuration; cliff has set logging up."""
        chosen = [f"--config-file={path}" for path in self.options.config_file]
        chosen += [f"--config-dir={path}" for path in self.options.config_dir]
        with options.explained():
            loading.read(chosen)


def main() -> int:
    """Run a command and return its exit status."""
    application = TemplateManage()
    status = application.run(sys.argv[1:])
    if application.interpreter is not None:
        return 0  # for cliff, reading commands from the terminal always ends in failure
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
