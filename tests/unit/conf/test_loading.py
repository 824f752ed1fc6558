# SPDX-License-Identifier: Apache-2.0
"""How the programs read their options, each in a process of its own as the options are global."""

import os
import pathlib
import subprocess
import sys

import pytest

MAGNUM_CONF = """
[keystone_authtoken]
admin_user = admin
admin_password = hidden
identity_uri = http://127.0.0.1:35357
[bay_heat]
bay_create_timeout = 7
"""


def start(folder: pathlib.Path, script: str, text: str) -> subprocess.CompletedProcess[str]:
    (folder / ".magnum").mkdir()
    (folder / ".magnum" / "magnum.conf").write_text(text)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("import magnum.wsgi", id="wsgi"),
        pytest.param("from magnum.cmd import options; options.parse([])", id="program"),
        pytest.param(
            # Whatever a worker reads was read before it was forked.
            "import os; from magnum.conf import loading; conf = loading.load([]); "
            "os.fork(); conf.cluster_heat.create_timeout; conf.keystone_authtoken.admin_user",
            id="workers",
        ),
    ],
)
def test_a_legacy_option_gives_one_warning_in_a_program(
    tmp_path: pathlib.Path, script: str
) -> None:
    done = start(tmp_path, script, MAGNUM_CONF)
    assert done.returncode == 0, done.stdout
    for name in ("admin_user", "admin_password", "bay_create_timeout"):
        assert done.stdout.count(f'"{name}"') == 1, done.stdout
    assert "hidden" not in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[api]\nport = many\n", "port"),
        ("[cluster_heat]\ncreate_timeout = 0\n", "create_timeout"),
        ("no option\n", "magnum.conf:1"),
    ],
)
def test_options_that_cannot_be_read_end_a_program_with_a_sentence(
    tmp_path: pathlib.Path, text: str, said: str
) -> None:
    done = start(tmp_path, "from magnum.cmd import options; options.parse([])", text)
    assert done.returncode == 1
    assert said in done.stdout
    assert "Traceback" not in done.stdout
