# SPDX-License-Identifier: Apache-2.0
"""What each step does, run by a real shell in a sandbox."""

import json
import subprocess

import pytest

from tests.drivers.sandbox import Sandbox

NODE = {
    "NODE_IP": "10.0.0.4",
    "NODE_PUBLIC_IP": "198.51.100.4",
    "MANAGER_IPS": "10.0.0.3",
    "NODE_ROLE": "master",
    "TLS_DISABLED": "false",
    "OVERLAY_POOL": "10.100.0.0/16",
    "OVERLAY_PREFIX_LENGTH": "25",
    "OVERLAY_CHOSEN": "true",
    "JOIN_TOKEN": "SWMTKN-1-worker",
}
UNIT = """[Service]
ExecStart=/usr/bin/dockerd-current \\
          --add-runtime oci=/x -H fd:// --live-restore=true $OPTIONS \\
          $DOCKER_STORAGE_OPTIONS
"""
DOCKER = """
case "$*" in
*LocalNodeState*) cat "$0.state" 2>/dev/null || echo inactive ;;
"swarm init --help") echo --default-addr-pool ;;
"swarm init "*) echo "docker swarm join --token SWMTKN-1-secret"; echo active > "$0.state" ;;
"swarm join "*)
    [ ! -e "$0.refuse" ] || { rm "$0.refuse"; echo pending > "$0.state"; exit 1; }
    echo active > "$0.state" ;;
"swarm leave --force") echo inactive > "$0.state" ;;
"swarm join-token -q "*) echo "SWMTKN-1-$4" ;;
"node inspect self"*) echo ready ;;
esac
"""


@pytest.fixture
def node(tmp_path):
    node = Sandbox(tmp_path, **NODE)
    node.stub("docker", DOCKER)
    node.stub("dockerd", "")
    node.step_stub("signal", "")
    node.stub("systemctl", f"[ $1 != cat ] || cat <<'X'\n{UNIT}X")
    return node


def test_swarm_init_makes_a_swarm_and_hands_out_the_workers_token(node):
    found = node.run("swarm_init.sh")
    assert found.returncode == 0, found.stderr
    assert "SWMTKN" not in found.stdout + found.stderr
    assert node.read("/run/magnum/signal-data") == "SWMTKN-1-worker\n"
    assert node.mode("/run/magnum/signal-data") == 0o600
    (init,) = [call for call in node.calls if call.startswith("docker swarm init --adv")]
    assert "--advertise-addr 10.0.0.4 --listen-addr 10.0.0.4:2377" in init
    assert "--default-addr-pool 10.100.0.0/16 --default-addr-pool-mask-length 25" in init
    assert not [call for call in node.calls if call.startswith("signal")]


def test_swarm_init_with_further_managers_hands_out_their_token_apart(node):
    node.variables(**NODE, TOKEN_SIGNAL="{handle}")
    node.step_stub("signal", 'cat "$4"')
    found = node.run("swarm_init.sh")
    assert found.stdout == "SWMTKN-1-manager\n"
    (signal,) = [call for call in node.calls if call.startswith("signal")]
    assert signal.startswith("signal SUCCESS token for managers {handle} ")
    assert not (node.root / "run/magnum/manager-token").exists()


def test_swarm_init_again_makes_no_second_swarm(node):
    node.run("swarm_init.sh")
    node.calls_file.write_text("")
    assert node.run("swarm_init.sh").returncode == 0
    assert not [call for call in node.calls if "swarm init" in call]


def test_swarm_join_tries_until_it_is_let_in_and_then_no_more(node):
    (node.root / "bin/docker.refuse").touch()
    for _ in range(2):
        assert node.run("swarm_join.sh").returncode == 0
    joins = [call for call in node.calls if "swarm join " in call]
    assert len(joins) == 2
    assert joins[0].endswith("--token SWMTKN-1-worker 10.0.0.3:2377")


def test_swarm_join_goes_from_a_lost_manager_to_the_next_and_leaves_the_attempt_behind(node):
    node.variables(**{**NODE, "MANAGER_IPS": "10.0.0.3,10.0.0.5"})
    (node.root / "bin/docker.refuse").touch()
    assert node.run("swarm_join.sh").returncode == 0
    asked = [call for call in node.calls if call.startswith(("docker swarm j", "docker swarm l"))]
    assert [call.split()[-1] for call in asked] == ["10.0.0.3:2377", "--force", "10.0.0.5:2377"]


def test_swarm_join_when_it_is_never_let_in_says_where(node):
    node.stub("docker", "exit 1")
    found = node.run("swarm_join.sh")
    assert found.returncode == 1
    assert found.stderr.endswith("this node cannot join the swarm at 10.0.0.3, port 2377\n")


@pytest.mark.parametrize(("chosen", "code"), [("false", 0), ("true", 1)])
def test_swarm_init_by_an_old_engine_ignores_no_label(node, chosen, code):
    node.variables(**{**NODE, "OVERLAY_CHOSEN": chosen})
    node.stub("docker", DOCKER.replace("echo --default-addr-pool", ":"))
    found = node.run("swarm_init.sh")
    assert found.returncode == code
    assert bool(found.stderr) == bool(code)
    assert not [call for call in node.calls if "addr-pool" in call]


def test_a_step_without_its_input_names_it(node):
    node.variables(**{**NODE, "JOIN_TOKEN": ""})
    found = node.run("swarm_join.sh")
    assert (found.returncode, found.stderr) == (1, "JOIN_TOKEN is not set\n")


def test_docker_listens_with_tls_and_keeps_the_image_s_own_options(node):
    found = node.run("docker.sh")
    assert found.returncode == 0, found.stderr
    assert json.loads(node.read("/etc/docker/daemon.json").replace(str(node.root), "")) == {
        "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"],
        "tlsverify": True,
        "tlscacert": "/etc/docker/ca.crt",
        "tlscert": "/etc/docker/server.crt",
        "tlskey": "/etc/docker/server.key",
    }
    unit = node.read("/etc/systemd/system/docker.service.d/magnum.conf")
    assert unit.splitlines()[:2] == ["[Service]", "ExecStart="]
    assert unit.splitlines()[2].split() == [
        "ExecStart=/usr/bin/dockerd-current",
        "--add-runtime",
        "oci=/x",
        "$OPTIONS",
        "$DOCKER_STORAGE_OPTIONS",
    ]
    assert "Environment" not in unit
    assert "systemctl restart docker.service" in node.calls


def test_docker_takes_over_what_the_template_asks_for(node):
    node.variables(
        **{**NODE, "TLS_DISABLED": "true"},
        STORAGE_DRIVER="overlay2",
        INSECURE_REGISTRY='a"b:5000',
        HTTP_PROXY="http://u:p%40@proxy",
        NO_PROXY=".example.com",
        CLUSTER_CIDR="10.0.0.0/24",
    )
    assert node.run("docker.sh").returncode == 0
    assert json.loads(node.read("/etc/docker/daemon.json")) == {
        "hosts": ["unix:///var/run/docker.sock", "tcp://10.0.0.4:2376"],
        "tls": False,
        "storage-driver": "overlay2",
        "insecure-registries": ['a"b:5000'],
    }
    unit = node.read("/etc/systemd/system/docker.service.d/magnum.conf")
    assert "DOCKER_STORAGE_OPTIONS" not in unit
    assert 'Environment="HTTP_PROXY=http://u:p%%40@proxy"\n' in unit
    assert (
        'Environment="NO_PROXY=localhost,127.0.0.1,10.0.0.4,10.0.0.3,10.0.0.0/24,.example.com"'
        in unit
    )


def test_docker_lets_no_image_keep_containers_without_their_engine(node):
    (node.root / "etc/sysconfig").mkdir()
    (node.root / "etc/sysconfig/docker").write_text("OPTIONS='--selinux-enabled --live-restore'\n")
    assert node.run("docker.sh").returncode == 0
    assert node.read("/etc/sysconfig/docker") == "OPTIONS='--selinux-enabled'\n"


def test_docker_when_the_engine_does_not_start_repeats_its_words(node):
    node.stub("systemctl", "[ $1 != restart ] || { echo 'See systemctl status.' >&2; exit 1; }")
    node.stub("journalctl", "echo no such storage driver")
    found = node.run("docker.sh")
    assert found.returncode == 1
    assert found.stderr == "no such storage driver\nthe container engine does not start\n"


def test_metadata_is_kept_from_containers_before_the_engine_starts(node):
    node.stub("iptables", "")
    assert node.run("metadata.sh").returncode == 0
    unit = node.read("/etc/systemd/system/magnum-metadata.service")
    assert "Before=docker.service" in unit
    (start,) = [line for line in unit.splitlines() if line.startswith("ExecStart=/bin/sh -c ")]
    # As systemd would run it: no rule is there yet, then all are.
    node.stub("iptables", 'case "$*" in *" -C "*) [ -e "$0.there" ] ;; esac')
    for _ in range(2):
        node.calls_file.write_text("")
        command = start.partition("'")[2].rstrip("'").replace("$$", "$")
        path = {"PATH": f"{node.root}/bin:/usr/bin:/bin"}
        subprocess.run(["sh", "-c", command], check=True, env=path)
        made = [call.split(" -A ")[1] for call in node.calls if " -A " in call]
        wanted = [
            f"PREROUTING -i {name} -d 169.254.169.254 -j DROP" for name in ("docker+", "br-+")
        ]
        assert made == ([] if (node.root / "bin/iptables.there").exists() else wanted)
        (node.root / "bin/iptables.there").touch()


def _ready(node, curl, verified=True, state="active"):
    node.stub("curl", curl)
    node.stub("openssl", "echo '    Verify return code: 0 (ok)'" if verified else "echo no")
    (node.root / "bin/docker.state").write_text(state + "\n")
    return node.run("readiness.sh")


@pytest.mark.parametrize("code", [35, 52, 55, 56])
def test_readiness_when_strangers_are_refused_is_there(node, code):
    assert _ready(node, f"exit {code}").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("echo OK",), "lets clients in that have no certificate"),
        (("exit 60",), "does not answer on 10.0.0.4:2376 with its certificate"),
        (("exit 7",), "does not answer on 10.0.0.4:2376 with its certificate"),
        (("exit 56", False), "does not answer on 10.0.0.4:2376 with its certificate"),
        (("exit 56", True, "pending"), "no active member of the swarm"),
    ],
)
def test_readiness_when_something_is_wrong_says_what(node, arguments, words):
    found = _ready(node, *arguments)
    assert found.returncode == 1
    assert words in found.stderr


def test_readiness_without_tls_wants_a_plain_answer(node):
    node.variables(**{**NODE, "TLS_DISABLED": "true"})
    assert _ready(node, "printf OK").returncode == 0
    assert _ready(node, "exit 7").returncode == 1


def _steps(node, *names):
    (node.root / "etc/magnum/steps").write_text("".join(f"{name}\n" for name in names))


def test_run_steps_runs_all_in_order_and_signals_once(node):
    _steps(node, "b", "a")
    for name in "ab":
        node.step_stub(f"{name}.sh", "echo words")
    for _ in range(2):
        assert node.run("run-steps").returncode == 0
    assert node.calls == ["b.sh ", "a.sh ", "signal SUCCESS all steps done", "b.sh ", "a.sh "]
    assert node.mode("/var/log/magnum-node.log") == 0o600
    assert "words" in node.read("/var/log/magnum-node.log")


def test_run_steps_when_a_step_fails_signals_its_last_words(node):
    _steps(node, "a", "b")
    node.step_stub("a.sh", "seq 1000; echo last words >&2; exit 3")
    node.step_stub("b.sh", "")
    found = node.run("run-steps")
    assert found.returncode == 1
    assert "last words" not in found.stdout  # the console is for everyone in the project
    assert node.calls == ["a.sh ", "signal FAILURE a: 998 999 1000 last words "]


def test_run_steps_cuts_what_comes_before_the_last_words(node):
    _steps(node, "a")
    node.step_stub("a.sh", "printf '%0700d\\n' 0; echo last words >&2; exit 3")
    assert node.run("run-steps").returncode == 1
    (call,) = node.calls[1:]
    assert call.startswith("signal FAILURE a: 0000")
    assert call.endswith("0 last words ")
    assert len(call) == len("signal FAILURE a: ") + 600


def test_run_steps_when_the_signal_fails_tries_again_next_time(node):
    _steps(node)
    node.step_stub("signal", "exit 1")
    assert node.run("run-steps").returncode == 1
    node.step_stub("signal", "")
    assert node.run("run-steps").returncode == 0
    assert node.calls == ["signal SUCCESS all steps done"] * 2


# Plays Keystone, Magnum and Heat: notes bodies, signs with an authority in $0.ca.
CURL = """
for word; do
    case ${previous:-} in
    -o) output=$word ;;
    -D) headers=$word ;;
    --data-binary) body=${word#@} ;;
    esac
    previous=$word url=$word
done
cat > /dev/null
[ -z "${body:-}" ] || cp "$body" "$0.body.${url##*/}"
pem() { printf '{"pem": "%s"}' "$(awk '{printf "%s\\\\n", $0}' "$1")" > "$output"; }
case $url in
*/auth/tokens) printf 'X-Subject-Token: T\\r\\n' > "$headers" ;;
*/certificates/*) pem "$0.ca.crt" ;;
*/certificates)
    sed 's/.*"csr": "//; s/".*//; s/\\\\n/\\n/g' "$body" > "$0.csr"
    openssl x509 -req -in "$0.csr" -CA "$0.ca.crt" -CAkey "$0.ca.key" -CAcreateserial -days 9 \\
        -out "$0.crt" 2> /dev/null
    pem "$0.crt" ;;
esac
printf 200
"""
CERTIFICATES = {
    **NODE,
    "AUTH_URL": "http://keystone/v3",
    "MAGNUM_URL": "http://magnum/v1",
    "CLUSTER_UUID": "uuid",
    "NODE_USER_ID": "user",
    "NODE_PASSWORD": "PASSWORD",
    "CERTIFICATE_NAME": "swarm.invalid",
    "CERTIFICATE_USAGES": "serverAuth",
}


def _openssl(*arguments):
    return subprocess.run(
        ["openssl", *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


def _authority(path):
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    files = ("-keyout", f"{path}.key", "-out", f"{path}.crt")
    _openssl("req", "-x509", *key, "-days", 9, "-subj", "/CN=ca", *files)


@pytest.fixture
def asking(node):
    node.tool("openssl")
    node.stub("curl", CURL)
    _authority(node.root / "bin/curl.ca")
    node.variables(**CERTIFICATES)
    return node


def test_certificates_asks_for_what_the_rule_allows(asking):
    found = asking.run("certificates.sh")
    assert found.returncode == 0, found.stderr
    login = json.loads(asking.read("/bin/curl.body.tokens"))["auth"]
    assert login["scope"] == "unscoped"
    assert login["identity"]["password"]["user"] == {"id": "user", "password": "PASSWORD"}
    assert json.loads(asking.read("/bin/curl.body.certificates"))["bay_uuid"] == "uuid"
    request = _openssl("req", "-in", asking.root / "bin/curl.csr", "-noout", "-text")
    assert "CN = swarm.invalid" in request
    assert "IP Address:10.0.0.4, IP Address:127.0.0.1, IP Address:198.51.100.4" in request
    assert "TLS Web Server Authentication" in request
    assert "Client Authentication" not in request
    assert "NIST CURVE: P-256" in request
    for name in ("ca.crt", "server.crt", "server.key"):
        assert asking.mode(f"/etc/docker/{name}") == 0o600
    assert "PASSWORD" not in found.stdout + found.stderr + "".join(asking.calls)


def test_certificates_again_keeps_a_good_one(asking):
    asking.run("certificates.sh")
    before = asking.read("/etc/docker/server.crt"), asking.read("/etc/docker/server.key")
    assert asking.run("certificates.sh").returncode == 0
    assert before == (asking.read("/etc/docker/server.crt"), asking.read("/etc/docker/server.key"))


def test_certificates_when_another_authority_signed_fails(asking):
    _authority(asking.root / "bin/curl.other")
    signs = '-CA "$0.ca.crt" -CAkey "$0.ca.key"'
    assert signs in CURL
    asking.stub("curl", CURL.replace(signs, signs.replace(".ca.", ".other.")))
    found = asking.run("certificates.sh")
    assert found.returncode == 1
    assert "does not fit this node" in found.stderr


HANDLE = json.dumps(
    {
        "alarm_url": "http://heat/v1/p/stacks/s/id/resources/handle/signal",
        "auth_url": "http://keystone/v3/",
        "user_id": "stack-user",
        "password": '!@#%^&*"',
        "project_id": "stack-project",
    }
)


def _signal(node, *arguments):
    node.install("node/signal.sh")
    node.stub("curl", CURL)
    node.variables(**NODE, HEAT_SIGNAL=HANDLE)
    (node.root / "run/magnum").mkdir(exist_ok=True)
    (node.root / "run/magnum/signal-data").write_text("SWMTKN-1-worker\n")
    found = node.run("signal", *arguments)
    assert found.returncode == 0, found.stderr
    return json.loads(node.read("/bin/curl.body.tokens")), json.loads(
        node.read("/bin/curl.body.signal")
    )


def test_signal_logs_in_as_the_stack_s_user_and_sends_the_data(node):
    login, sent = _signal(node, "SUCCESS", "done")
    user = {"id": "stack-user", "password": '!@#%^&*"'}
    assert login["auth"]["identity"]["password"]["user"] == user
    assert login["auth"]["scope"] == {"project": {"id": "stack-project"}}
    assert sent == {"status": "SUCCESS", "reason": "done", "data": "SWMTKN-1-worker", "id": "node"}


def test_signal_of_a_failure_sends_any_words_and_no_data(node):
    _, sent = _signal(node, "FAILURE", 'step: a "b" \\ c')
    assert sent == {"status": "FAILURE", "reason": 'step: a "b" \\ c', "data": "", "id": "node"}
