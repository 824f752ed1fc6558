# SPDX-License-Identifier: Apache-2.0
"""What the documentation tells to type and to write down exists, and so do the words it quotes."""

import ast
import configparser
import functools
import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from keystoneauth1 import loading
from oslo_config import cfg

from deployment.cloud import Cloud
from deployment.configuration import operators_choice
from magnum import rpc  # noqa: F401 -- chooses threads before a library would choose eventlet
from tests import documented
from tests.documented import ROOT, Block

OTHER_PROGRAMS = {
    "awk", "cat", "chmod", "chown", "cp", "curl", "docker", "git", "grep", "install", "journalctl",
    "magnum", "mariadb", "mkdir", "mysql", "mysqldump", "openssl", "openstack", "pip", "podman",
    "python3", "rabbitmqctl", "reno", "sed", "sleep", "systemctl", "systemd-sysusers",
    "systemd-tmpfiles", "tox", "useradd", "uwsgi",
    "cd", "echo", "eval", "export", "for", "test",
}  # fmt: skip
"""Programs of others, and words of the shell, that readers may be told to type."""

PLACEHOLDER = "\0"
"""Stands where the code puts a value in, and the documentation three dots."""

PAGES = documented.pages()


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def _our_programs() -> dict[str, str]:
    """Return the programs that are installed, each with its entry point."""
    lines = _setup()["options.entry_points"]["console_scripts"].split("\n")
    pairs = (line.split("=") for line in lines if "=" in line)
    return {name.strip(): entry.strip() for name, entry in pairs}


def _all_blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in documented.blocks(page, language)]


@functools.cache
def _help(entry: str, words: tuple[str, ...]) -> str:
    """Return the help that one of our programs gives, when it has the command at all."""
    module, function = entry.split(":")
    code = f"import sys; from {module} import {function} as main; sys.exit(main())"
    arguments = [word for word in words if not word.startswith("-")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--help"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def _check_program(words: list[str]) -> None:
    program, *arguments = words
    if "/" in program:
        assert os.access(ROOT / program, os.X_OK), f"{program} is no program of the tree"
    elif program in _our_programs():
        text = _help(_our_programs()[program], tuple(arguments))
        for option in (word.partition("=")[0] for word in arguments if word.startswith("--")):
            assert option in text, f"{' '.join(words)}: there is no {option}"
    else:
        assert program in OTHER_PROGRAMS, f"{program} is not known"


@pytest.mark.parametrize("block", _all_blocks("console"), ids=lambda block: block.where)
def test_commands_are_programs_there_are(block: Block) -> None:
    commands = documented.commands(block)
    assert commands
    for command in commands:
        for words in documented.programs(command.text):
            _check_program(words)


@pytest.mark.parametrize(
    ("command", "started"),
    [
        ("magnum bay-list | grep -q bay && echo so", ["magnum", "grep", "echo"]),
        (
            "while magnum bay-show bay | grep -q '| so'; do sleep 5; done",
            ["magnum", "grep", "sleep"],
        ),
        ("TOKEN=$(openstack token issue -f value -c id)", ["openstack"]),
        ("openssl req -new \\\n  -keyout key.pem", ["openssl"]),
        ("magnum ca-show bay > ca.pem && cat < ca.pem 2>&1", ["magnum", "cat"]),
        ("A=1 magnum bay-list\ncurl http://x/?a=b", ["magnum", "curl"]),
    ],
)
def test_programs_of_a_command_are_found(command: str, started: list[str]) -> None:
    assert [words[0] for words in documented.programs(command)] == started


def test_unknown_commands_are_noticed() -> None:
    for words in (
        ["magnum-db-manage", "upgrad"],
        ["magnum-db-manage", "new-certificate-key", "--standbye"],
        ["magnum-apis"],
        ["tools/tests"],
    ):
        with pytest.raises(AssertionError):
            _check_program(words)


def _real_options() -> cfg.ConfigOpts:
    """Return all options that magnum.conf can have, ours and the libraries'."""
    conf = cfg.ConfigOpts()
    sample = (ROOT / "etc" / "magnum" / "config-generator.conf").read_text()
    points = importlib.metadata.entry_points(group="oslo.config.opts")
    for namespace in re.findall(r"^namespace = (\S+)$", sample, re.MULTILINE):
        for group, options in points[namespace].load()():
            conf.register_opts(options, group=None if group == "DEFAULT" else group)
    login = loading.get_auth_plugin_conf_options("password")
    for option in login:
        option.required = False  # a block need not be a whole file
    for group in ("keystone_authtoken", "keystone_auth"):
        conf.register_opts([*loading.get_auth_common_conf_options(), *login], group=group)
    return conf


def _check_options(text: str, folder: pathlib.Path) -> None:
    file = folder / "magnum.conf"
    file.write_text(text)
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(str(file), sections).parse()
    conf = _real_options()
    conf(["--config-file", str(file)], project="magnum")
    for group, options in sections.items():
        for name in options:
            try:
                getattr(conf if group == "DEFAULT" else conf[group], name)
            except cfg.NoSuchOptError:
                raise AssertionError(f"there is no [{group}] {name}") from None


@pytest.mark.parametrize("block", _all_blocks("ini"), ids=lambda block: block.where)
def test_options_exist_and_take_their_values(block: Block, tmp_path: pathlib.Path) -> None:
    if pathlib.PurePath(block.options.get("caption", "magnum.conf")).name == "magnum.conf":
        _check_options(block.text, tmp_path)


@pytest.mark.parametrize(
    "text", ["[api]\nworker = 2\n", "[apis]\nworkers = 2\n", "[api]\nworkers = many\n"]
)
def test_wrong_options_are_noticed(text: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises((AssertionError, cfg.ConfigFileValueError)):
        _check_options(text, tmp_path)


def test_install_page_sets_just_what_functional_tests_set() -> None:
    (least,) = [block for block in _all_blocks("ini") if block.options.get("name") == "least"]
    told = configparser.RawConfigParser(default_section="")
    told.read_string(least.text)
    user = dict.fromkeys(("name", "password", "project", "project_id", "id"), "")
    trustees = dict.fromkeys(("name", "admin_name", "admin_password"), "")
    facts = dict.fromkeys(("transport_url", "address", "magnum_port", "auth_url", "region"), "")
    more = {"service_user": user, "trustee_domain": trustees, "database": {"url_template": ""}}
    set_by_tests = operators_choice(Cloud(ROOT, {**facts, **more}), "magnum")
    assert {group: set(told[group]) for group in told if group} == {
        group: set(options) for group, options in set_by_tests.items()
    }


def _python_texts(path: pathlib.Path) -> Iterator[str]:
    """Yield each text of a module, with a placeholder for each value that is put in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"%[sdr]", PLACEHOLDER, node.value)


@functools.cache
def _code_texts() -> str:
    """Return what our code says, a line for each text."""
    texts = [text for path in ROOT.glob("magnum/**/*.py") for text in _python_texts(path)]
    for script in ROOT.glob("magnum/drivers/scripts/**/*.sh"):
        said = re.findall(r'"([^"\n]+)"', script.read_text())
        texts += [re.sub(r"\$\{?\w+(:-[^}]*)?\}?", PLACEHOLDER, text) for text in said]
    return "\n".join(" ".join(text.split()) for text in texts)


def _is_said(message: str) -> bool:
    said = message.replace("...", PLACEHOLDER)
    return len(said.replace(PLACEHOLDER, "").strip()) >= 8 and said in _code_texts()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_quoted_messages_are_in_the_code(page: pathlib.Path) -> None:
    unsaid = [message for message in documented.messages(page) if not _is_said(message)]
    assert unsaid == []


def test_messages_that_the_code_has_not_are_noticed() -> None:
    assert _is_said("... does not answer, try again later")
    assert not _is_said("... does not answer, try again tomorrow")
    assert not _is_said("...")


def test_output_is_compared_without_its_spacing() -> None:
    assert documented.is_printed("| status | CREATE_... |", "x\n|  status    | CREATE_COMPLETE |")
    assert not documented.is_printed("| status | CREATE_... |", "| status | DELETE_FAILED |")
