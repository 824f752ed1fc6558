# SPDX-License-Identifier: Apache-2.0
"""A host to type commands on: this machine, with an /etc that can be thrown away.

It is a mount namespace, which only root may make.
"""

import os
import pathlib
import shutil
import socket
import socketserver
import subprocess
import threading

from deployment.processes import Process

_HOLD = 'mount --bind "$1" /etc && echo ready && exec sleep infinity'


class Typed(AssertionError):
    """A command that was typed ended with an error; the text has its output."""


class Host:
    """Runs what an operator types, in bash and as root.

    :param folder: for all that is kept.
    :param tools: the folder of programs that comes first on PATH.
    """

    def __init__(self, folder: pathlib.Path, tools: pathlib.Path) -> None:
        self.folder = folder
        self.cwd = folder
        self._path = f"{_sudo(folder)}:{tools}:{os.environ['PATH']}"
        etc = folder / "etc"
        shutil.copytree("/etc", etc, symlinks=True, ignore=_unreadable)
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-euc", _HOLD, "sh", str(etc)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"

    def close(self) -> None:
        """Be no more."""
        self._holder.kill()
        self._holder.communicate()

    def _command(self, line: str, cwd: pathlib.Path) -> list[str]:
        inside = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", f"--wd={cwd}"]
        return [*inside, "env", f"PATH={self._path}", "bash", "-c", line]

    def type(self, line: str) -> str:
        """Run one command to its end and return all it prints.

        :raises Typed: it ended with an error.
        """
        done = subprocess.run(
            self._command(line, self.cwd),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Typed(f"{line} ended with status {done.returncode}:\n{done.stdout[-3000:]}")
        return done.stdout

    def start(self, line: str) -> Process:
        """Run a command that stays."""
        # Not from the checkout, where its folder magnum could be taken for the installed one.
        return Process(line, self._command(f"exec {line}", self.folder), self.folder)


def _sudo(folder: pathlib.Path) -> pathlib.Path:
    """Make the program for who is root already, and return its folder.

    The real one, where it is installed, would look for programs in folders of its own.
    """
    program = folder / "bin" / "sudo"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nexec "$@"\n')
    program.chmod(0o755)
    return program.parent


def _unreadable(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not os.access(pathlib.Path(folder, name), os.R_OK)]


class Forwarder(socketserver.ThreadingTCPServer):
    """Has a service of the mini cloud answer on localhost too, as it would on one machine.

    :param port: on localhost.
    :param service: address and port of what answers there.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, service: tuple[str, int]) -> None:
        self.service = service
        super().__init__(("127.0.0.1", port), _Connection)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    server: Forwarder

    def handle(self) -> None:
        with socket.create_connection(self.server.service) as service:
            back = threading.Thread(target=_pass, args=(service, self.request), daemon=True)
            back.start()
            _pass(self.request, service)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until it ends, and its end."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # one side is gone: so shall be the other
        source.close()
        target.close()
