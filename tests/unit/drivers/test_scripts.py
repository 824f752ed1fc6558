# SPDX-License-Identifier: Apache-2.0
"""The shell functions that steps share, run by a real shell; curl is a stand-in."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from magnum.drivers import user_data

SCRIPTS = pathlib.Path(user_data.__file__).parent / "scripts"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n"


def run(script: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    sourced = "".join(f". {SCRIPTS}/lib/{name}.sh; " for name in ("json", "http"))
    return subprocess.run(
        ["sh", "-euc", sourced + script],
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=False,
    )


@pytest.mark.parametrize(
    ("document", "name", "value"),
    [
        ({"pem": PEM}, "pem", PEM),
        ({"links": [{"pem": "no"}], "x": {"pem": "no"}, "pem": "yes"}, "pem", "yes"),
        ({"csr": "pem", "pem": "yes"}, "pem", "yes"),
        ({"a": 'q"b\\s/\t\u0041', "b": "x"}, "a", 'q"b\\s/\tA'),
        ({"n": 1, "t": True, "z": None, "a": ""}, "a", ""),
        ({"password": "!@#%^&*'{}[]:,"}, "password", "!@#%^&*'{}[]:,"),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_string_prints_a_member_of_the_outermost_object(document, name, value, indent):
    found = run(f"json_string {name}; printf '|'", json.dumps(document, indent=indent))
    assert found.stdout == value + "|"


def test_json_string_reads_escapes_that_python_would_not_write():
    assert run("json_string a", r'{"a":"\u003d\/\u003D"}').stdout == "=/="


@pytest.mark.parametrize(
    "text", ["", "{}", '{"b": "pem"}', '{"x": {"pem": "deep"}}', '{"pem": "cut', '{"pem": 5}']
)
def test_json_string_when_there_is_none_fails(text):
    assert run("json_string pem", text).returncode != 0


@pytest.mark.parametrize(
    "text", ["plain", 'q"b\\s/', "two\nlines", "!@#%^&*'", "control\x07\x1b and ünicode", ""]
)
def test_json_text_writes_a_json_string(text):
    kept = "".join(char for char in text if char == "\n" or " " <= char <= "~")
    assert json.loads(run("json_text", text + "\n").stdout) == kept


CURL = """#!/bin/sh
# Answers with the next line of $ANSWERS: a status and a body.
printf '%s\\n' "$*" >> "$CALLS"; cat >> "$CALLS"
for word; do
    [ "${previous:-}" != -o ] || output=$word
    [ "${previous:-}" != -D ] || headers=$word
    previous=$word
done
read -r status body < "$ANSWERS"; sed -i 1d "$ANSWERS"
[ "$status" != 000 ] || exit 7
printf '%s' "$body" > "$output"
printf 'HTTP/1.1 %s\\r\\nx-subject-token: TOKEN\\r\\n' "$status" > "$headers"
printf %s "$status"
"""


@pytest.fixture
def curl(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in {"curl": CURL, "sleep": "#!/bin/sh\n"}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    def call(script, *answers, **env):
        (tmp_path / "answers").write_text("".join(f"{answer}\n" for answer in answers))
        found = run(
            script,
            PATH=f"{folder}:{os.environ['PATH']}",
            ANSWERS=str(tmp_path / "answers"),
            CALLS=str(tmp_path / "calls"),
            TMPDIR=str(tmp_path),
            OUT=str(tmp_path / "out"),
            **env,
        )
        return found, (tmp_path / "answers").read_text(), (tmp_path / "calls").read_text()

    return call


@pytest.mark.parametrize("passing", ["000", "404", "429", "500", "503"])
def test_http_when_it_may_pass_tries_again(curl, passing):
    found, left, _ = curl('http GET http://x "" "$OUT"; cat "$OUT"', passing, passing, "200 yes")
    assert (found.returncode, found.stdout, left) == (0, "yes", "")


@pytest.mark.parametrize("final", ["400", "401", "403", "409"])
def test_http_when_it_is_refused_says_what_was_answered(curl, final):
    found, left, _ = curl('http POST http://x "" "$OUT"', f"{final} because", "200 yes")
    assert found.returncode == 1
    assert found.stderr.strip() == f"POST http://x answered {final}: because"
    assert left == "200 yes\n"


def test_http_gives_up_in_the_end(curl):
    found, left, _ = curl('http GET http://x "" "$OUT"', *["503"] * 5, HTTP_TRIES="3")
    assert found.returncode == 1
    assert left.split() == ["503", "503"]


def test_http_keeps_the_token_off_the_command_line(curl):
    _, _, calls = curl('http GET http://x "" "$OUT"', "200", HTTP_TOKEN="SECRET")
    arguments, config = calls.splitlines()
    assert "SECRET" not in arguments
    assert config == 'header = "X-Auth-Token: SECRET"'


def test_login_prints_the_token_and_leaves_no_file(curl, tmp_path):
    before = set(tmp_path.iterdir())
    found, _, calls = curl("login http://k/v3/ user 'pa\"ss' '\"unscoped\"'", "201 {}")
    assert found.stdout == "TOKEN\n"
    assert "http://k/v3/auth/tokens" in calls
    assert 'pa"ss' not in calls
    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {"answers", "calls"}


def test_login_when_keystone_refuses_fails(curl):
    found, _, _ = curl("token=$(login http://k user pass '\"unscoped\"'); echo got", "401 no")
    assert found.returncode != 0
    assert found.stdout == ""


@pytest.mark.parametrize("script", sorted(SCRIPTS.rglob("*.sh")), ids=lambda path: path.stem)
def test_scripts_are_short_and_say_what_they_are_for(script):
    lines = script.read_text().splitlines()
    shebang = script.parent.name != "lib"
    assert len(lines) <= 100
    assert (lines[0] == "#!/bin/sh") is shebang
    assert "SPDX-License-Identifier: Apache-2.0" in "\n".join(lines[:3])
    assert "set -x" not in script.read_text()  # would write secrets to the console
    assert not re.search(r"\bsleep +[0-9]", script.read_text())  # waits end by what happens
