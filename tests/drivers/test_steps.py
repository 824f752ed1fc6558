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
    node.step_stub("signal", "")
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


def _ready(node, curl, verified=True, state="active"):
    node.stub("curl", curl)
    node.stub("openssl", "echo '    Verify return code: 0 (ok)'" if verified else "echo no")
    (node.root / "bin/docker.state").write_text(state + "\n")
    return node.run("readiness.sh")


@pytest.mark.parametrize("code", [35, 52, 55, 56, 58, 98])
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
    "NODE_PORT_ID": "0c3f9a52-6f1f-4d0e-9f57-3b6f0b1f8c11",
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
    (proof,) = [line for line in request.splitlines() if "challengePassword" in line]
    assert proof.rpartition(":")[2] == CERTIFICATES["NODE_PORT_ID"]
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
