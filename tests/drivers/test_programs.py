# SPDX-License-Identifier: Apache-2.0
"""How a node comes by the programs its image lacks: steps run in a sandbox, downloads from a
mirror on the loopback interface, packages from a stand-in for apt-get."""

import hashlib
import io
import pathlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator

import pytest

from tests.drivers.sandbox import Sandbox

NODE = {"NODE_IP": "10.0.0.4", "MANAGER_IPS": "10.0.0.3", "TLS_DISABLED": "true"}
PROXIED = "http:/packages.invalid/docker.tgz"
"""Where a web server looks for what it is asked for as a proxy."""


PROGRAM = "#!/bin/sh\necho --format\n"
"""What ``docker info --help`` has to know."""


def archive(*names: str, **links: str) -> bytes:
    """Pack programs that do next to nothing, as the engine's own archive has them.

    :param links: where a name leads to that is a link.
    """
    text = PROGRAM.encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            entry = tarfile.TarInfo(f"docker/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
        for name, target in links.items():
            entry = tarfile.TarInfo(f"docker/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return packed.getvalue()


ENGINE = archive("docker", "dockerd", "containerd", "runc")


class Mirror:
    """A web server."""

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"

    def offer(self, name: str, content: bytes) -> str:
        """Serve a file; returns its checksum."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def mirror(tmp_path_factory) -> Iterator[Mirror]:
    folder = tmp_path_factory.mktemp("mirror")
    serve = ["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), "0"]
    with subprocess.Popen(
        [sys.executable, *serve], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().split(" port ")[1].split()[0])
        yield Mirror(folder, port)
        server.terminate()


@pytest.fixture
def node(tmp_path) -> Sandbox:
    """A node without an engine that runs the steps from `engine` to `docker`."""
    node = Sandbox(tmp_path)
    node.tool("curl")
    node.step_stub("signal", "")
    # There is a unit where somebody wrote one.
    unit = f"{tmp_path}/etc/systemd/system/docker.service"
    node.stub("systemctl", f"[ $1 != cat ] || cat {unit} 2> /dev/null")
    (tmp_path / "etc/magnum/steps").write_text("engine\nsettings\ndocker\n")
    return node


def run(node: Sandbox, **variables: str) -> str:
    """Boot the node; returns what it signals."""
    node.variables(**NODE, **variables)
    node.run("run-steps")
    (signal,) = [call for call in node.calls if call.startswith("signal ")]
    return signal.removeprefix("signal ").strip()


def label(mirror: Mirror, name: str = "docker.tgz", content: bytes = ENGINE) -> dict[str, str]:
    return {"DOCKER_URL": f"{mirror.url}/{name}", "DOCKER_SHA256": mirror.offer(name, content)}


def programs(node: Sandbox) -> list[str]:
    folder = node.root / "opt/magnum/programs"
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_a_root_without_docker_gets_one_from_the_mirror(node, mirror):
    assert run(node, **label(mirror)) == "SUCCESS all steps done"
    assert programs(node) == ["containerd", "docker", "dockerd", "runc"]
    folder = f"{node.root}/opt/magnum/programs"
    unit = node.read("/etc/systemd/system/docker.service")
    assert f"\nExecStart={folder}/dockerd\n" in unit
    assert "\nExecReload=/bin/kill -s HUP $MAINPID\n" in unit
    dropin = node.read("/etc/systemd/system/docker.service.d/magnum.conf")
    assert f"\nExecStart={folder}/dockerd\n" in dropin
    assert f":{folder}" in dropin.partition('"PATH=')[2]  # its containerd is there too
    assert "systemctl restart docker.service" in node.calls
    assert list((node.root / "opt/magnum").glob("download*")) == []


def test_a_checksum_may_be_in_capitals(node, mirror):
    labels = label(mirror)
    labels["DOCKER_SHA256"] = labels["DOCKER_SHA256"].upper()
    assert run(node, **labels) == "SUCCESS all steps done"


def test_a_wrong_checksum_fails_the_node_with_program_and_reason(node, mirror):
    labels = {**label(mirror), "DOCKER_SHA256": "0" * 64}
    found = hashlib.sha256(ENGINE).hexdigest()
    assert run(node, **labels) == (
        f"FAILURE engine: docker from {mirror.url}/docker.tgz has the SHA-256 {found}, "
        f"the label docker_sha256 is {'0' * 64}"
    )
    assert programs(node) == []


def test_nothing_to_download_from_fails_the_node_with_the_program(node, mirror):
    words = run(node, DOCKER_URL=f"{mirror.url}/nothing", DOCKER_SHA256="0" * 64)
    assert words.startswith("FAILURE engine: ")
    assert words.endswith(f" docker cannot be downloaded from {mirror.url}/nothing")
    assert "404" in words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive("containerd"), "docker is not in what was downloaded from {}"),
        (b"not an archive", "dockerd is not in what was downloaded from {}"),
        (archive("docker"), "dockerd is not in what was downloaded from {}"),
    ],
)
def test_an_archive_without_the_program_fails_the_node(node, mirror, content, words):
    url = f"{mirror.url}/odd.tgz"
    assert run(node, **label(mirror, "odd.tgz", content)) == f"FAILURE engine: {words.format(url)}"


def test_a_broken_archive_fails_the_node(node, mirror):
    words = run(node, **label(mirror, "half.tgz", ENGINE[:-20]))
    assert words.endswith(f" docker from {mirror.url}/half.tgz cannot be unpacked")
    assert programs(node) == []


def test_a_program_that_nobody_has_fails_the_node_with_its_name(node):
    assert run(node) == (
        "FAILURE engine: docker is not in the image, the label docker_url is not set, "
        "and there is no apt-get"
    )


def test_a_program_of_the_image_is_used_whatever_the_labels_say(node, mirror):
    for name in ("docker", "dockerd"):
        node.stub(name, "echo --format")
    assert run(node, **{**label(mirror), "DOCKER_SHA256": "0" * 64}) == "SUCCESS all steps done"
    assert programs(node) == []
    assert not (node.root / "etc/systemd/system/docker.service").exists()


def test_an_engine_by_its_old_name_is_one(node):
    for name in ("docker", "dockerd-current"):
        node.stub(name, "echo --format")
    assert run(node) == "SUCCESS all steps done"


APT = r"""
umask >> "$0.umask"
echo "proxies ${http_proxy:-} ${https_proxy:-} ${no_proxy:-}" >> "$0.env"
case " $* " in
*" --simulate "*) ;;
*" install docker.io "*)
    for name in docker dockerd; do
        printf '#!/bin/sh\necho --format\n' > "${0%/*}/$name"
        chmod 755 "${0%/*}/$name"
    done
    ;;
esac
"""


def test_without_a_label_the_distribution_s_package_is_taken(node):
    node.stub("apt-get", APT)
    assert run(node) == "SUCCESS all steps done"
    update, install = (call for call in node.calls if call.startswith("apt-get "))
    assert update.endswith(" update")
    assert " -o APT::Update::Error-Mode=any " in update
    assert install.endswith(" --no-install-recommends install docker.io")
    assert node.read("/bin/apt-get.env").splitlines() == ["proxies   "] * 2
    assert node.read("/bin/apt-get.umask").splitlines() == ["0022"] * 2


# As Debian 13 has it.
APART = r"""
put() { printf '#!/bin/sh\necho --format\n' > "${0%/*}/$1"; chmod 755 "${0%/*}/$1"; }
case " $* " in
*" install docker.io "*) put dockerd ;;
*" install docker-cli "*) put docker ;;
esac
"""


def test_where_the_client_is_a_package_of_its_own_it_is_installed_too(node):
    node.stub("apt-get", APART)
    assert run(node) == "SUCCESS all steps done"
    installed = [call.split()[-1] for call in node.calls if " install " in call]
    assert installed == ["docker.io", "docker-cli"]


def test_where_there_is_no_such_package_the_node_fails_with_the_program(node):
    node.stub("apt-get", 'case "$*" in *docker-cli) echo "E: no docker-cli" >&2; exit 100 ;; esac')
    assert run(node) == (
        "FAILURE engine: E: no docker-cli docker is not in the image, the label docker_url is not "
        "set, and it is not in its package docker.io"
    )


def test_apt_goes_through_the_template_s_proxies(node):
    node.stub("apt-get", APT)
    proxies = {"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:2", "NO_PROXY": "a,b"}
    run(node, **proxies)
    lines = node.read("/bin/apt-get.env").splitlines()
    assert lines == ["proxies http://p:1 http://p:2 a,b"] * 2


@pytest.mark.parametrize(
    ("apt", "words"),
    [
        ("[ $# = 0 ]", "apt-get cannot update"),
        (
            'case "$*" in *install*) exit 100 ;; esac',
            "its package docker.io cannot be installed",
        ),
        ("", "it is not in its package docker.io"),
    ],
)
def test_when_apt_cannot_help_the_node_fails_with_the_program(node, apt, words):
    node.stub("apt-get", apt)
    lacking = "docker is not in the image, the label docker_url is not set,"
    assert run(node) == f"FAILURE engine: {lacking} and {words}"


# What apt-get does without a network: an update of nothing is a success, but for those who ask.
UNREACHED = """
case " $* " in
*Error-Mode=any*" update "*)
    for suite in one two three; do echo "E: Failed to fetch $suite" >&2; done
    exit 100
    ;;
*" update "*) echo "W: Failed to fetch" >&2 ;;
*" install "*)
    for word in package glob regex; do echo "E: no $word" >&2; done
    exit 100
    ;;
esac
"""


def test_apt_that_reaches_nobody_is_asked_again_and_then_tells_why(node):
    node.stub("apt-get", UNREACHED)
    words = run(node)
    assert words.startswith("FAILURE engine: E: Failed to fetch one E: Failed to fetch two ")
    assert words.endswith(" and apt-get cannot update")
    updates = [call for call in node.calls if call.startswith("apt-get ") and "update" in call]
    assert len(updates) == 3


def test_a_source_out_of_reach_does_no_harm_where_the_package_is_in_another_one(node):
    node.stub("apt-get", f'case " $* " in *" update "*) exit 100 ;; esac\n{APT}')
    assert run(node) == "SUCCESS all steps done"


def test_downloads_go_through_the_template_s_proxy(node, mirror):
    sha256 = mirror.offer(PROXIED, ENGINE)
    labels = {"DOCKER_URL": "http://packages.invalid/docker.tgz", "DOCKER_SHA256": sha256}
    assert run(node, **labels, HTTP_PROXY=mirror.url) == "SUCCESS all steps done"


def test_downloads_keep_from_the_proxy_what_no_proxy_names(node, mirror):
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    assert run(node, **label(mirror), **nowhere) == "SUCCESS all steps done"


def test_the_cloud_s_services_are_never_asked_through_the_proxy(node):
    (node.root / "etc/magnum/steps").write_text("")
    node.install("node/signal.sh")
    node.stub("curl", 'echo "${http_proxy:-none}" "$@" >> "$0.log"; exit 7')
    handle = (
        '{"alarm_url": "http://h", "auth_url": "http://k", "user_id": "u", "password": "p", '
        '"project_id": "p"}'
    )
    node.variables(**NODE, HEAT_SIGNAL=handle, HTTP_PROXY="http://127.0.0.1:9")
    assert node.run("run-steps").returncode == 1
    lines = node.read("/bin/curl.log").splitlines()
    assert lines
    assert all(line.startswith("none ") and " --noproxy * " in line for line in lines)


def test_a_program_of_one_file_is_downloaded_as_it_is(node, mirror):
    content = b"#!/bin/sh\n"
    sha256 = mirror.offer("iptables-static", content)
    (node.root / "etc/magnum/steps").write_text("metadata\n")
    labels = {"IPTABLES_URL": f"{mirror.url}/iptables-static", "IPTABLES_SHA256": sha256}
    assert run(node, **labels) == "SUCCESS all steps done"
    file = node.root / "opt/magnum/programs/iptables"
    assert file.read_bytes() == content
    unit = node.read("/etc/systemd/system/magnum-metadata.service")
    assert f":{file.parent}" in unit.partition('"PATH=')[2].partition("\n")[0]


def test_a_program_that_is_a_link_to_one_of_many_names_is_downloaded_with_it(node, mirror):
    content = archive("xtables-nft-multi", iptables="xtables-nft-multi", ip6tables="nowhere")
    sha256 = mirror.offer("iptables.tgz", content)
    (node.root / "etc/magnum/steps").write_text("metadata\n")
    labels = {"IPTABLES_URL": f"{mirror.url}/iptables.tgz", "IPTABLES_SHA256": sha256}
    assert run(node, **labels) == "SUCCESS all steps done"
    assert programs(node) == ["ip6tables", "iptables", "xtables-nft-multi"]
    folder = node.root / "opt/magnum/programs"
    assert (folder / "iptables").readlink() == pathlib.Path("xtables-nft-multi")
    assert node.mode("/opt/magnum/programs/xtables-nft-multi") == 0o755
    assert node.mode("/opt/magnum/programs") == 0o755


@pytest.mark.skipif(not shutil.which("wget"), reason="needs wget")
def test_without_curl_it_is_wget_that_downloads(node, mirror):
    (node.root / "tools/curl").unlink()
    node.tool("wget")
    assert run(node, **label(mirror)) == "SUCCESS all steps done"


def test_a_download_without_anything_to_download_with_says_so(node, mirror):
    (node.root / "tools/curl").unlink()
    assert run(node, **label(mirror)) == (
        "FAILURE engine: docker is not in the image, "
        "and neither curl nor wget is there to download it"
    )
