# SPDX-License-Identifier: Apache-2.0
"""`up` and `down`, in order.

Every step finds out by itself whether there is something to do, so that `up` after an `up` that
was stopped anywhere just continues.
"""

import contextlib
import fcntl
import pathlib
import shutil
import time
from collections.abc import Iterator, Sequence

from minicloud import (
    commands,
    configs,
    databases,
    debian,
    network,
    packages,
    processes,
    report,
    services,
    settings as settings_module,
)
from minicloud.processes import Processes
from minicloud.progress import Progress
from minicloud.real_nodes import provision, registry
from minicloud.services import Service, environment
from minicloud.settings import Settings
from minicloud.stamps import Stamps, digest

_PATIENCE = 180  # seconds a service may take to serve, on a busy machine
_STATE_FOLDERS = (
    *("rabbitmq", "keystone", "nova", "cinder", "tmp"),
    *("glance/images", "glance/staging", "glance/tasks"),
)
_HERE = pathlib.Path(__file__).parent


class CloudError(Exception):
    """The cloud cannot be brought up; the text says which part, and why."""


@contextlib.contextmanager
def locked(prefix: pathlib.Path) -> Iterator[None]:
    """Let one `up` or `down` work on a prefix at a time; the kernel frees the lock on any end."""
    prefix.mkdir(parents=True, exist_ok=True)
    with (prefix / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another minicloud command on {prefix}", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Cloud:
    """One mini cloud, with what its steps share."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings = settings
        self.progress = progress
        self.running = Processes(settings.prefix)
        self.stamps = Stamps(settings.var / "stamps")
        self._serving: set[str] = set()

    def up(self) -> None:
        """Install, start and register whatever is not yet there.

        :raises CommandError: an installation or a migration failed.
        :raises CloudError: a service does not come up.
        """
        self._prepare()
        self._restart_outdated()
        self._start(services.INFRASTRUCTURE)
        self._wait(services.INFRASTRUCTURE)
        databases.create_accounts(self.settings)
        databases.migrate(self.settings, self.stamps, self.progress, {"keystone": self._identity})
        self._start((services.IDENTITY,))
        self._register("identity")
        rows = [s for s in services.wanted(self.settings) if s not in services.INFRASTRUCTURE]
        self._start(rows)
        self._wait(rows)
        if self.settings.real_nodes:
            registry.push_busybox(self.settings)
        self._register("resources")

    def _prepare(self) -> None:
        """Install software and write files; nothing runs yet."""
        settings = self.settings
        for folder in (settings.etc, settings.var, settings.log, settings.run):
            folder.mkdir(parents=True, exist_ok=True)
        settings.run.chmod(0o700)
        settings_module.save(settings)
        packages.install_debian(settings, self.progress)
        packages.unpack_cloud_init(settings, self.progress)
        packages.build_venv(settings, Stamps(settings.prefix / "installed"), self.progress)
        packages.install_plugins(settings)
        packages.link_clients(settings)
        if settings.real_nodes:
            provision.prepare(settings, self.progress)
        network.add(settings)
        for name in _STATE_FOLDERS:
            (settings.var / name).mkdir(parents=True, exist_ok=True)
        configs.render(settings)
        databases.prepare_server(settings)

    def _plan(self, service: Service) -> str:
        """Return the digest of all that a service reads when it starts."""
        project = service.name.partition("-")[0]
        places = (place for _, place in configs.FILES.get(project, ()))
        files = [self.settings.etc / project / place for place in places]
        files += (path for pattern in service.sources for path in sorted(_HERE.glob(pattern)))
        words = [*service.command(self.settings), str(service.env(self.settings))]
        return digest(packages.LOCK, *words, *files)

    def _restart_outdated(self) -> None:
        """Stop the services that run with another configuration than today's."""
        outdated = [
            service.name
            for service in services.SERVICES
            if self.running.leader(service.name)
            and (
                service not in services.wanted(self.settings)
                or not self.stamps.fresh(f"run-{service.name}", self._plan(service))
            )
        ]
        if outdated:
            self.progress.say(f"stopping, for their configuration changed: {', '.join(outdated)}")
            self.running.stop(outdated)
        if not self.settings.real_nodes:
            provision.power_off(self.settings)

    def _start(self, rows: Sequence[Service]) -> None:
        for service in rows:
            if not self.running.leader(service.name):
                self.stamps.set(f"run-{service.name}", self._plan(service))
                self.running.start(
                    service.name,
                    service.command(self.settings),
                    environment(self.settings, service),
                    self.settings.log / f"{service.name}.log",
                )

    def _wait(self, rows: Sequence[Service]) -> None:
        """Wait until services serve.

        :raises CloudError: one of them died or is silent for too long.
        """
        pending = {service.name: service for service in rows if service.name not in self._serving}
        deadline = time.monotonic() + _PATIENCE
        while pending:
            ready: list[str] = []
            for name, service in list(pending.items()):
                pid = self.running.leader(name)
                if pid is None:
                    raise CloudError(self._obituary(name, "died"))
                began = processes.since_epoch(pid)
                if service.probe is None or service.probe.serves(self.settings, began):
                    del pending[name]
                    self._serving.add(name)
                    ready.append(name)
            if ready:
                self.progress.say(f"up: {', '.join(ready)}")
            if pending and time.monotonic() > deadline:
                name = next(iter(pending))
                raise CloudError(self._obituary(name, f"does not serve after {_PATIENCE} s"))
            time.sleep(0.2 if pending else 0)

    def _obituary(self, name: str, fate: str) -> str:
        log = self.settings.log / f"{name}.log"
        return f"{name} {fate}; end of {log}:\n{commands.tail(log)}"

    def _identity(self) -> None:
        """Start Keystone and fill it; this runs beside the other services' migrations."""
        self._start((services.IDENTITY,))
        self._wait((services.IDENTITY,))
        self._register("identity")

    def _register(self, half: str) -> None:
        """Register one half, unless that was done with these settings by this program."""
        names = ("register.py", "population.py", "facts.py", "settings.py", "real_nodes/servers.py")
        sources = [_HERE / name for name in names]
        wanted = digest(repr(self.settings), *sources)
        step = f"register-{half}"
        if self.stamps.fresh(step, wanted) and (half == "identity" or self._has_facts()):
            return
        self._wait((services.IDENTITY,))
        env = environment(self.settings) | {"PYTHONPATH": str(_HERE.parent)}
        argv = [self.settings.tool("python"), "-m", "minicloud.register", half]
        log = self.settings.log / "register.log"
        commands.run([*argv, str(self.settings.prefix)], log, env=env)
        self.stamps.set(step, wanted)
        self.progress.say(f"registered: {half}")

    def _has_facts(self) -> bool:
        return self.settings.cloud_json.exists()

    def down(self, wipe: bool, purge: bool) -> None:
        """Stop what runs, and remove as much as asked for."""
        infrastructure = [service.name for service in services.INFRASTRUCTURE]
        names = {service.name for service in services.SERVICES} | set(self.running.recorded())
        self.progress.say("stopping the OpenStack services")
        self.running.stop(sorted(names - set(infrastructure)))
        provision.power_off(self.settings)
        self.progress.say("stopping MariaDB, RabbitMQ, memcached")
        self.running.stop(infrastructure, patience=40)
        network.remove(self.settings)
        if wipe or purge:
            self.progress.say("removing the state")
            for path in (*self.settings.state, *self.settings.prefix.glob("openrc-*")):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        if purge:
            debian.withdraw_policy(packages.policy_note(self.settings))
            self.progress.say(f"removing {self.settings.prefix}")
            shutil.rmtree(self.settings.prefix)

    def survey(self) -> list[report.Line]:
        """Return the state of all services."""
        return report.survey(self.settings, self.running)
