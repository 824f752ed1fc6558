# SPDX-License-Identifier: Apache-2.0
"""magnum-template-manage as an operator, or a script of 2016, calls it."""

import csv
import io
import json
import logging
import pathlib
import sys
from collections.abc import Callable, Iterator

import pytest
from oslo_config import cfg

from magnum.cmd import template_manage
from magnum.drivers import registry
from magnum.drivers.contract import Triple
from magnum.drivers.registry import Registry
from magnum.drivers.swarm.fedora_atomic.manifest import MANIFEST

Program = Callable[..., str]

OTHER = MANIFEST.on(
    "other", Triple("vm", "b", "swarm"), Triple("bm", "a", "swarm"), user_data_format="cloud-config"
)


@pytest.fixture
def program(
    conf: cfg.ConfigOpts,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Program]:
    """Run the program where two drivers are installed and one is enabled; returns its output."""
    drivers = Registry([MANIFEST, OTHER])
    monkeypatch.setattr(registry, "installed", lambda: drivers)
    config = tmp_path / "magnum.conf"
    config.write_text("[bay]\nenabled_definitions = magnum_vm_coreos_k8s,magnum_vm_atomic_swarm\n")
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)

    def run(*words: str, status: int = 0) -> str:
        conf.clear()
        words = ("magnum-template-manage", "--config-file", str(config), *words)
        monkeypatch.setattr(sys, "argv", words)
        assert template_manage.main() == status
        return capsys.readouterr().out

    yield run
    root.setLevel(level)
    root.handlers[:] = handlers  # cliff sets logging up


def test_names_and_whether_they_are_enabled_by_default(program: Program) -> None:
    shown = program("list-templates")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in shown.splitlines()
        if line.startswith("|")
    ]
    assert rows == [["Name", "Enabled"], ["other", "False"], ["swarm_fedora_atomic", "True"]]


@pytest.mark.parametrize(
    ("option", "names"),
    [("--enabled", ["swarm_fedora_atomic"]), ("--disabled", ["other"])],
)
def test_either_kind_alone(program: Program, option: str, names: list[str]) -> None:
    shown = program("list-templates", option, "-f", "value", "-c", "Name")
    assert shown.splitlines() == names


@pytest.mark.parametrize("option", ["-d", "--details"])
def test_details_are_a_line_for_each_triple(program: Program, option: str) -> None:
    shown = json.loads(program("list-templates", option, "-f", "json"))
    assert shown == [
        {"Name": "other", "Enabled": False, "Server_Type": "vm", "OS": "b", "COE": "swarm"},
        {"Name": "other", "Enabled": False, "Server_Type": "bm", "OS": "a", "COE": "swarm"},
        {
            "Name": "swarm_fedora_atomic",
            "Enabled": True,
            "Server_Type": "vm",
            "OS": "fedora-atomic",
            "COE": "swarm",
        },
    ]


@pytest.mark.parametrize("option", ["-p", "--paths"])
def test_paths_lead_to_templates(program: Program, option: str) -> None:
    shown = list(csv.reader(io.StringIO(program("list-templates", option, "-f", "csv"))))
    assert shown[0] == ["Name", "Enabled", "Template Path"]
    for *_, path in shown[1:]:
        assert pathlib.Path(path).read_text().count("heat_template_version") == 1


def test_enabled_and_disabled_exclude_each_other(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        program("list-templates", "--enabled", "--disabled")
    assert "not allowed with" in capsys.readouterr().err


def test_without_a_command_it_reads_commands(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("list-templates -f value\nquit\n"))
    shown = program()
    assert "swarm_fedora_atomic True" in shown


def test_configuration_that_is_not_there_is_told(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        program("--config-file", "/nowhere/magnum.conf", "list-templates")
    assert capsys.readouterr().err == (
        "The configuration cannot be used: Failed to find some config files: /nowhere/magnum.conf\n"
    )
