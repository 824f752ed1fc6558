# SPDX-License-Identifier: Apache-2.0
"""The examples of the plugin's README, run as they stand there."""

import re
import textwrap

from tests.devstack.conftest import New
from tests.devstack.stack import PLUGIN, DevStack

README = (PLUGIN / "README.rst").read_text()


def _examples() -> list[str]:
    """Return the sections `localrc` of the local.conf files, in order."""
    blocks = re.findall(r"\.\. code-block:: bash\n\n((?:   .*\n|\n)+)", README)
    header = "[[local|localrc]]\n"
    return [textwrap.dedent(block).removeprefix(header) for block in blocks]


def _stacked(machine: DevStack, example: str) -> DevStack:
    """Write a local.conf, and run stack with it."""
    local_conf = machine.folder / "local.conf"
    local_conf.write_text(example)
    machine.local["LOCAL_CONF"] = str(local_conf)
    ran = machine.run("stack")
    assert "magnum" in [name for name, *_ in ran.of("enable_plugin")]
    return machine


def test_local_conf_of_today_starts_the_service(today: New) -> None:
    machine = _stacked(today(), _examples()[0])
    assert machine.lines("running") == ["magnum-api", "magnum-cond"]
    assert machine.options["certificates"]["cert_manager_type"] == "barbican"


def test_local_conf_of_2015_starts_the_service_with_devstack_of_any_age(new: New, age: str) -> None:
    machine = _stacked(new(), _examples()[1])
    assert machine.lines("running") == ["m-api", "m-cond"]
    assert {"q-svc", "neutron", "h-eng", "h-api", "h-api-cfn"} <= machine.enabled
    assert ("q-agt" in machine.enabled) == (age == "2015")
    assert "n-net" not in machine.enabled


def test_every_variable_of_the_readme_is_read() -> None:
    table = README.partition("Variables\n====")[2].partition("What the phases do")[0]
    named = set(re.findall(r"``(MAGNUM[A-Z_]+)``", table))
    text = (PLUGIN / "lib" / "magnum").read_text()
    assert len(named) > 10
    assert not {name for name in named if f"${{{name}" not in text}
