# SPDX-License-Identifier: Apache-2.0
"""One dockerd as a node of a bay has it: its own address, host name and data."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import docker

from tests.engines import network
from tests.engines.authority import Authority
from tests.engines.registry import ADDRESS

START_SECONDS = 40
STOP_SECONDS = 20
_START = """\
hostname "$NODE" && mount --make-rprivate / &&
mount --bind "$FOLDER/resolv.conf" /etc/resolv.conf && exec dockerd "$@"
"""


class Daemon:
    """Started by :meth:`start`, ended by :meth:`remove` with all that it has made.

    :param authority: whose certificates it uses; None for a bay without TLS.
    """

    def __init__(self, number: int, folder: pathlib.Path, authority: Authority | None) -> None:
        self.number = number
        self.address = network.address(number)
        self.name = f"node-{number}"
        self._folder = folder / self.name
        self._authority = authority
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        # Nothing may be looked up: a resolver that is not there answers at once.
        (self._folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        inside = ["nsenter", f"--net=/run/netns/{network.namespace(self.number)}"]
        inside += ["unshare", "--mount", "--uts", "sh", "-c", _START, "sh"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*inside, *self._options()],
                env={**os.environ, "NODE": self.name, "FOLDER": str(self._folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def _options(self) -> list[str]:
        folder = self._folder
        options = [f"--data-root={folder}/data", f"--exec-root={folder}/run"]
        options += [f"--pidfile={folder}/pid", f"--host=unix://{self.socket}"]
        options += [f"--host=tcp://{self.address}:2376", "--storage-driver=overlay2"]
        options += [f"--insecure-registry={ADDRESS}"]
        if self._authority is not None:
            self._authority.write_server(folder, self.address, "127.0.0.1")
            options += ["--tlsverify", f"--tlscacert={folder}/ca.crt"]
            options += [f"--tlscert={folder}/server.crt", f"--tlskey={folder}/server.key"]
        return options

    @property
    def socket(self) -> str:
        """The path of the socket that a test may ask it by, beside the service."""
        return f"{self._folder}/docker.sock"

    def local(self) -> docker.APIClient:
        """Return a client at its socket; to be closed."""
        return docker.APIClient(base_url=f"unix://{self.socket}", version="1.41", timeout=30)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:  # the SDK leaves one open that is refused
                probe.connect(self.socket)
            with contextlib.closing(self.local()) as client:
                return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Have it take connections and answer nothing while the block runs."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Let it die at once, as with its machine; its containers die too."""
        self._signal(signal.SIGKILL)
        self._wait()
        self._kill_rest()

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _wait(self) -> None:
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _kill_rest(self) -> None:
        """Kill what dockerd has started, known by the folder that it names."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{self._folder}/".encode() in (process / "cmdline").read_bytes():
                    self._kill_tree(int(process.name))
        (self._folder / "pid").unlink(missing_ok=True)
        shutil.rmtree(self._folder / "run", ignore_errors=True)  # as a machine's /run goes

    @staticmethod
    def _kill_tree(process: int) -> None:
        children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text()
        os.kill(process, signal.SIGKILL)
        for child in children.split():
            with contextlib.suppress(OSError):
                os.kill(int(child), signal.SIGKILL)

    def _kill_containers(self) -> None:
        """A command that heeds no signal would hold up the end of its engine for long."""
        if not self._answers():
            return
        nothing = contextlib.suppress(docker.errors.DockerException, OSError)
        with nothing, contextlib.closing(self.local()) as client:
            for each in client.containers():
                client.kill(each["Id"])

    def remove(self) -> None:
        """End it and remove all it has written."""
        self._kill_containers()
        self._signal(signal.SIGTERM)
        self._wait()
        self._kill_rest()
        for line in reversed(pathlib.Path("/proc/mounts").read_text().splitlines()):
            if (point := line.split()[1]).startswith(f"{self._folder}/"):
                subprocess.run(["umount", "--lazy", point], check=False)
        shutil.rmtree(self._folder, ignore_errors=True)
