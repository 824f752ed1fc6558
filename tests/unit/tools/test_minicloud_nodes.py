# SPDX-License-Identifier: Apache-2.0
"""The node stand-in: reading steps and inputs, and what it signals. No server, no cloud-init."""

import pathlib
import re

import pytest

from minicloud import settings
from minicloud.nodes import node as node_module, room, steps, userdata
from minicloud.nodes.node import Node, swarm_token
from minicloud.nodes.steps import Step, StepError
from minicloud.nodes.watch import Watch
from minicloud.real_nodes import servers
from minicloud.real_nodes.places import Places
from minicloud.real_nodes.servers import Server

SCRIPT = """\
#!/bin/sh
# Sign this node's certificate.
# Inputs: API_URL NODE_USER
# Inputs: NODE_PASSWORD
# Optional: PROXY
# Produces: SERVER_CERT
set -eu
# Inputs: NOT_A_HEADER
"""


def make_root(root: pathlib.Path, env: str, scripts: dict[str, str]) -> pathlib.Path:
    for folder in ("etc/magnum", "opt/magnum/bin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/magnum/cluster.env").write_text(env)
    (root / "etc/magnum/node.env").write_text("WAIT_URL='http://heat'\n")
    (root / "etc/magnum/steps").write_text("# in order\n" + "\n".join(scripts) + "\n")
    for name, text in scripts.items():
        (root / "opt/magnum/bin" / f"{name}.sh").write_text(text)
    return root


def test_step_header_ends_with_the_first_command() -> None:
    step = steps.parse_step("certificates", SCRIPT)

    assert step == Step("certificates", ("API_URL", "NODE_USER", "NODE_PASSWORD"), ("SERVER_CERT",))


def test_env_is_read_as_a_shell_would() -> None:
    text = "# values\nA='one two'\nB='it'\\''s'\nC=''\nD='two\nlines'\n"

    assert steps.parse_env(text) == {"A": "one two", "B": "it's", "C": "", "D": "two\nlines"}


def test_inputs_may_come_from_an_earlier_step(tmp_path: pathlib.Path) -> None:
    root = make_root(
        tmp_path,
        "API_URL='u'\nNODE_USER='n'\nNODE_PASSWORD='p'\n",
        {"certificates": SCRIPT, "docker": "# Inputs: SERVER_CERT WAIT_URL\n"},
    )

    steps.check_inputs(root, steps.read_steps(root))


@pytest.mark.parametrize("password", ["", "NODE_PASSWORD=''\n"])
def test_inputs_when_missing_or_empty_name_the_step(tmp_path: pathlib.Path, password: str) -> None:
    root = make_root(tmp_path, "API_URL='u'\nNODE_USER='n'\n" + password, {"certificates": SCRIPT})

    with pytest.raises(StepError, match="certificates: missing input NODE_PASSWORD"):
        steps.check_inputs(root, steps.read_steps(root))


def test_inputs_from_a_later_step_come_too_late(tmp_path: pathlib.Path) -> None:
    root = make_root(tmp_path, "", {"one": "# Inputs: X\n", "two": "# Produces: X\n"})

    with pytest.raises(StepError, match="one: missing input X"):
        steps.check_inputs(root, steps.read_steps(root))


def test_step_without_script_is_named(tmp_path: pathlib.Path) -> None:
    root = make_root(tmp_path, "", {"one": ""})
    (root / "opt/magnum/bin/one.sh").unlink()

    with pytest.raises(StepError, match=re.escape("one: there is no")):
        steps.read_steps(root)


def test_swarm_token_has_dockers_form() -> None:
    assert re.fullmatch(r"SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}", swarm_token())


@pytest.mark.parametrize(
    ("config", "ours"),
    [
        ({}, False),
        ({"write_files": "no list"}, False),
        ({"write_files": [{"path": "/etc/motd"}]}, False),
        ({"write_files": [{"path": "/etc/magnum/steps"}]}, True),
    ],
)
def test_only_documents_with_steps_are_ours(config: dict, ours: bool) -> None:
    assert userdata.is_ours(config) is ours


class FakeRoom:
    """Records the commands; fails those that a test wants to fail."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.failing = ""
        self.failing_once = ""
        self.sent: dict[str, str] = {}  # content of files below /run that commands were given

    def run(self, scratch: pathlib.Path, *command: str, timeout: float = 0) -> None:
        self.commands.append(command)
        for word in command[1:]:
            if word.startswith("/run/"):
                self.sent[word] = (scratch / "root" / word[1:]).read_text()
        failing = self.failing or self.failing_once
        if failing and command[0].endswith(failing):
            self.failing_once = ""
            raise room.RoomError("exit status 7; the API said no")

    @property
    def signals(self) -> list[tuple[str, ...]]:
        return [command[1:] for command in self.commands if command[0].endswith("/signal")]


class FakeUserData:
    """Plays cloud-init: the document is there already, and it writes given files."""

    UserDataError = userdata.UserDataError
    is_ours = staticmethod(userdata.is_ours)

    def __init__(self, env: str, scripts: dict[str, str]) -> None:
        self._env = env
        self._scripts = scripts

    def cloud_config(self, blob: bytes, scratch: pathlib.Path) -> dict:
        return {"write_files": [{"path": userdata.STEPS}]} if blob else {}

    def check(self, config: dict) -> None:
        pass

    def write_files(self, config: dict, root: pathlib.Path) -> None:
        make_root(root, self._env, self._scripts)


@pytest.fixture
def fake_room(monkeypatch: pytest.MonkeyPatch) -> FakeRoom:
    fake = FakeRoom()
    monkeypatch.setattr(room, "run", fake.run)
    return fake


def play(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    scripts: dict[str, str],
    fail: bool = False,
    env: str = "",
) -> Node:
    env += "API_URL='u'\nNODE_USER='n'\nNODE_PASSWORD='p'\n"
    monkeypatch.setattr(node_module, "userdata", FakeUserData(env, scripts))
    node = Node(tmp_path / "server", "bay-node-0", lambda text: None)
    node.play(b"#cloud-config", fail)
    return node


def test_node_when_all_is_well_signals_success(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    node = play(tmp_path, monkeypatch, {"certificates": SCRIPT})

    assert fake_room.signals == [("SUCCESS", "bay-node-0 is ready")]
    assert ("/opt/magnum/bin/certificates.sh",) in fake_room.commands
    assert node.finished


def test_node_when_certificates_fail_signals_the_step(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    fake_room.failing = "certificates.sh"
    play(tmp_path, monkeypatch, {"certificates": SCRIPT})

    reason = "certificates: exit status 7; the API said no"
    assert fake_room.signals == [("FAILURE", reason)]


def test_node_when_a_script_is_none_signals_the_step(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    play(tmp_path, monkeypatch, {"broken": "#!/bin/sh\nif true; then\n"})

    ((status, reason),) = fake_room.signals
    assert status == "FAILURE"
    assert reason.startswith("broken: ")
    assert "yntax error" in reason


def test_node_when_asked_to_fail_runs_no_step(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    play(tmp_path, monkeypatch, {"certificates": SCRIPT}, fail=True)

    assert [signal[0] for signal in fake_room.signals] == ["FAILURE"]
    assert len(fake_room.commands) == 1


def test_node_that_makes_a_swarm_leaves_a_token(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    play(tmp_path, monkeypatch, {"swarm_init": "#!/bin/sh\n"})

    token = tmp_path / "server/root/run/magnum/signal-data"
    assert token.read_text().startswith("SWMTKN-1-")
    assert [signal[1] for signal in fake_room.signals] == ["bay-node-0 is ready"]


def test_node_with_a_handle_for_managers_signals_another_token_first(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    handle = '{"alarm_url": "http://heat"}'
    play(tmp_path, monkeypatch, {"swarm_init": "#\n"}, env=f"TOKEN_SIGNAL='{handle}'\n")

    file = "/run/magnum/manager-token"
    assert fake_room.signals == [
        ("SUCCESS", "token for managers", handle, file),
        ("SUCCESS", "bay-node-0 is ready"),
    ]
    workers_token = (tmp_path / "server/root/run/magnum/signal-data").read_text()
    assert re.fullmatch(r"SWMTKN-1-\w{50}-\w{25}", fake_room.sent[file])
    assert fake_room.sent[file] != workers_token
    assert not (tmp_path / "server/root" / file[1:]).exists()  # no later signal sends it


def test_node_when_the_token_for_managers_does_not_get_through_fails(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    fake_room.failing_once = "/signal"
    play(tmp_path, monkeypatch, {"swarm_init": "#\n"}, env="TOKEN_SIGNAL='{}'\n")

    reason = "swarm_init: exit status 7; the API said no"
    assert fake_room.signals[-1] == ("FAILURE", reason)


def test_node_with_a_strangers_user_data_is_left_alone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, fake_room: FakeRoom
) -> None:
    monkeypatch.setattr(node_module, "userdata", FakeUserData("", {}))
    node = Node(tmp_path / "server", "stranger", lambda text: None)

    node.play(b"", fail=False)

    assert node.finished
    assert fake_room.commands == []


def test_stand_in_leaves_real_nodes_alone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(settings.resolve(tmp_path, {}))
    (tmp_path / "var/nodes").mkdir(parents=True)
    played: list[str] = []
    monkeypatch.setattr(watch, "_play", lambda server, fail: played.append(server.name))
    for server in (
        Server("one", "played", 512, root=servers.STAND_IN),
        Server("two", "real", 512),
        Server("three", "off", 512, root=servers.STAND_IN, on=False),
    ):
        servers.save(Places(watch._settings).servers, server)

    watch.look({})
    for playing in watch._playing.values():
        playing.result(10)

    assert played == ["played"]
