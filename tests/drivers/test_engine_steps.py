# SPDX-License-Identifier: Apache-2.0
"""What the steps do that see to the container engine, run by a real shell in a sandbox."""

import json
import subprocess

import pytest

from tests.drivers.sandbox import Sandbox

NODE = {"NODE_IP": "10.0.0.4", "MANAGER_IPS": "10.0.0.3", "TLS_DISABLED": "false"}
UNIT = """[Service]
ExecStart=/usr/bin/dockerd-current \\
          --add-runtime oci=/x -H fd:// --live-restore=true $OPTIONS \\
          $DOCKER_STORAGE_OPTIONS
"""


@pytest.fixture
def node(tmp_path):
    node = Sandbox(tmp_path, **NODE)
    node.stub("docker", "echo '  -f, --format string   Format the output'")
    node.stub("dockerd", "")
    node.stub("systemctl", f"[ $1 != cat ] || cat <<'X'\n{UNIT}X")
    return node


def settings(node):
    """Return what the node's engine is told, but for where its certificates are."""
    found = node.run("settings.sh")
    assert found.returncode == 0, found.stderr
    return json.loads(node.read("/etc/docker/daemon.json").replace(str(node.root), ""))


def start(node):
    """Have the node's engine started; returns the command that does."""
    found = node.run("docker.sh")
    assert found.returncode == 0, found.stderr
    unit = node.read("/etc/systemd/system/docker.service.d/magnum.conf").splitlines()
    assert unit[:2] == ["[Service]", "ExecStart="]
    return unit[2].removeprefix("ExecStart=").split()


def test_settings_are_to_listen_with_tls(node):
    assert settings(node) == {
        "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"],
        "tlsverify": True,
        "tlscacert": "/etc/docker/ca.crt",
        "tlscert": "/etc/docker/server.crt",
        "tlskey": "/etc/docker/server.key",
    }


def test_settings_are_what_the_template_asks_for(node):
    node.variables(
        **{**NODE, "TLS_DISABLED": "true"},
        STORAGE_DRIVER="overlay2",
        INSECURE_REGISTRY='a"b:5000',
    )
    assert settings(node) == {
        "hosts": ["unix:///var/run/docker.sock", "tcp://10.0.0.4:2376"],
        "tls": False,
        "storage-driver": "overlay2",
        "insecure-registries": ['a"b:5000'],
    }


# As the kernel shows it: link, destination, gateway, flags, two counters, metric, mask, ...
ROUTES = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth1\t00000000\t0100000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0
ens3\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth2\t00000000\t0100000A\t0001\t0\t0\t0\t00000080\t0\t0\t0
"""


def links(node, routes=ROUTES, **mtus):
    """Give the node links."""
    (node.root / "proc/net").mkdir(parents=True)
    (node.root / "proc/net/route").write_text(routes)
    for link, mtu in mtus.items():
        (node.root / "sys/class/net" / link).mkdir(parents=True)
        (node.root / "sys/class/net" / link / "mtu").write_text(f"{mtu}\n")


def test_settings_on_a_tunnelled_network_are_its_mtu_for_every_network(node):
    links(node, ens3=1442, eth0=1300, eth1=1300, eth2=1300)
    node.stub("dockerd", "echo '      --default-network-opt mapmap   Default network options'")
    written = settings(node)
    assert written["mtu"] == 1442
    option = {"com.docker.network.driver.mtu": "1442"}
    assert written["default-network-opts"] == {"bridge": option, "overlay": option}


def test_settings_of_an_engine_that_has_none_for_every_network_are_the_bridge_s_mtu(node):
    links(node, ens3=1450)
    node.stub("dockerd", "echo '      --network-control-plane-mtu int'")
    assert settings(node)["mtu"] == 1450
    assert "default-network-opts" not in settings(node)


@pytest.mark.parametrize(
    ("routes", "mtus"),
    [
        (ROUTES, {"ens3": 1500}),
        (ROUTES, {"ens3": 8942}),
        (ROUTES, {"eth0": 1442}),
        ("\n".join(ROUTES.splitlines()[:2]), {"eth0": 1442}),
        ("", {}),
    ],
    ids=["ethernet", "jumbo", "no such link", "no default route", "no route"],
)
def test_settings_elsewhere_leave_the_mtu_to_the_engine(node, routes, mtus):
    links(node, routes, **mtus)
    assert not {"mtu", "default-network-opts"} & settings(node).keys()


def test_docker_keeps_the_image_s_own_options(node):
    settings(node)
    assert start(node) == [
        "/usr/bin/dockerd-current",
        "--add-runtime",
        "oci=/x",
        "$OPTIONS",
        "$DOCKER_STORAGE_OPTIONS",
    ]
    assert "Environment" not in node.read("/etc/systemd/system/docker.service.d/magnum.conf")
    assert "systemctl restart docker.service" in node.calls


STORAGE = "--storage-driver devicemapper --storage-opt=dm.thinpooldev=/dev/x"
NETWORK = "--mtu=1400 --default-network-opt bridge=com.docker.network.driver.mtu=1400"


@pytest.mark.parametrize(
    ("variables", "mtu", "taken", "left"),
    [
        ({}, 1500, "-H fd://", f"{STORAGE} {NETWORK}"),
        ({}, 1500, "--host=fd:// -H unix:///x -H=tcp://[::]:1", "--host-gateway-ip=10.0.0.1"),
        ({"STORAGE_DRIVER": "overlay2"}, 1500, STORAGE, NETWORK),
        ({"STORAGE_DRIVER": "overlay2"}, 1500, "--storage-driver=overlay2", NETWORK),
        ({"STORAGE_DRIVER": "overlay2"}, 1500, "-s overlay2", "--userland-proxy -shy"),
        ({}, 1500, "--tls=true --tlsverify --tlskey=/k --tlscert /c --tlscacert /a", "-s vfs"),
        ({"INSECURE_REGISTRY": "r"}, 1500, "--insecure-registry=a:1 --insecure-registry b", "-D"),
        ({}, 1500, "--tls", "--insecure-registry a:5000"),
        ({}, 1442, NETWORK, STORAGE),
        ({}, 1442, "--mtu 1400", "--network-control-plane-mtu=1400"),
    ],
)
def test_docker_is_given_no_option_by_the_image_that_is_in_its_settings(
    node, variables, mtu, taken, left
):
    node.variables(**NODE, **variables)
    links(node, ens3=mtu)
    settings(node)
    (node.root / "etc/sysconfig").mkdir()
    for line, rest in ((f"{taken} {left}", left), (f"{left} {taken}", left), (taken, "")):
        node.stub("systemctl", f"[ $1 != cat ] || echo 'ExecStart=/usr/bin/dockerd --a {line}'")
        (node.root / "etc/sysconfig/docker").write_text(f"# Options\nOPTIONS='{line}'\nX=\"y\"\n")
        for _ in range(2):
            assert start(node) == ["/usr/bin/dockerd", "--a", *rest.split()]
            _, options, other = node.read("/etc/sysconfig/docker").splitlines()
            assert options.removeprefix("OPTIONS='").removesuffix("'").split() == rest.split()
            assert other == 'X="y"'


def test_docker_drops_the_image_s_storage_options_where_the_template_has_a_driver(node):
    node.variables(**NODE, STORAGE_DRIVER="overlay2")
    settings(node)
    assert start(node)[-1] == "$OPTIONS"


def test_docker_goes_through_the_template_s_proxies(node):
    node.variables(
        **NODE,
        HTTP_PROXY="http://u:p%40@proxy",
        NO_PROXY=".example.com",
        CLUSTER_CIDR="10.0.0.0/24",
    )
    settings(node)
    start(node)
    unit = node.read("/etc/systemd/system/docker.service.d/magnum.conf")
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
    settings(node)
    found = node.run("docker.sh")
    assert found.returncode == 1
    assert found.stderr == "no such storage driver\nthe container engine does not start\n"


def test_docker_of_a_time_when_swarms_could_not_be_asked_is_told_at_once(node):
    node.stub(
        "docker",
        """
case "$*" in
*--help) echo '      --help   Print usage' ;;
"version --format"*) echo 1.12.6 ;;
"info --format"*) echo 'unknown flag: --format' >&2; exit 125 ;;
esac
""",
    )
    settings(node)
    found = node.run("docker.sh")
    words = "the container engine is too old, 1.13 is the first that can be used\n"
    assert (found.returncode, found.stdout, found.stderr) == (1, "1.12.6\n", words)


def at_boot(node, unit):
    """Do what a unit does before the engine starts, as systemd would; returns the rules it made."""
    text = node.read(f"/etc/systemd/system/{unit}")
    assert "Before=docker.service" in text
    assert f"systemctl enable {unit}" in node.calls
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    command = line.split("'")[1]
    node.calls_file.write_text("")
    path = {"PATH": f"{node.root}/bin:/usr/bin:/bin"}
    subprocess.run(["sh", "-c", command.replace("$$", "$")], check=True, env=path)
    return [call.removeprefix("iptables -w -t mangle -A ") for call in node.calls if " -A " in call]


RULES = {
    "metadata": [
        "PREROUTING -i docker+ -d 169.254.169.254 -j DROP",
        "PREROUTING -i br-+ -d 169.254.169.254 -j DROP",
    ],
    "segments": ["FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"],
}


@pytest.mark.parametrize("step", RULES)
def test_rules_are_there_before_the_engine_starts_and_once(node, step):
    node.stub("iptables", 'case "$*" in *" -C "*) [ -e "$0.there" ] ;; esac')
    assert node.run(f"{step}.sh").returncode == 0
    calls = node.calls
    assert f"systemctl restart magnum-{step}.service" in calls
    assert at_boot(node, f"magnum-{step}.service") == RULES[step]
    (node.root / "bin/iptables.there").touch()
    node.calls_file.write_text("\n".join(calls))
    assert at_boot(node, f"magnum-{step}.service") == []


@pytest.mark.parametrize(("step", "is_needed"), [("metadata", True), ("segments", False)])
def test_a_kernel_without_a_rule_fails_the_node_where_the_rule_is_needed(node, step, is_needed):
    node.stub("iptables", "exit 2")
    node.run(f"{step}.sh")
    if is_needed:
        with pytest.raises(subprocess.CalledProcessError):
            at_boot(node, f"magnum-{step}.service")
        node.stub("systemctl", "[ $1 != restart ]")
        assert node.run(f"{step}.sh").returncode == 1
    else:
        at_boot(node, f"magnum-{step}.service")
