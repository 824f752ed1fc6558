# SPDX-License-Identifier: Apache-2.0
"""The table of what runs: how each service starts, where it listens, when it serves."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

from minicloud.probes import Answers, Listens, Probe, Reports
from minicloud.settings import Settings

API_THREADS = 4
_LIB = pathlib.Path(__file__).parent.parent


@dataclasses.dataclass(frozen=True)
class Service:
    """One row of the table.

    :param command: gives the argument vector.
    :param port: the name of its port in `Settings.ports`; None when it listens nowhere.
    :param probe: when it counts as up; None: as soon as its process runs.
    :param env: gives environment variables beyond those that all services get.
    :param sources: patterns of our own modules that it reads when it starts, from this folder.
    """

    name: str
    command: Callable[[Settings], list[str]]
    port: str | None = None
    probe: Probe | None = None
    env: Callable[[Settings], dict[str, str]] = lambda settings: {}
    sources: tuple[str, ...] = ()


def _mariadb(settings: Settings) -> list[str]:
    return [
        "/usr/sbin/mariadbd",
        "--no-defaults",
        "--user=root",
        f"--datadir={settings.var}/mariadb",
        f"--tmpdir={settings.database_scratch}",
        f"--bind-address={settings.address}",
        f"--port={settings.ports['mariadb']}",
        f"--socket={settings.database_socket}",
        f"--pid-file={settings.run}/mariadbd.own-pid",
        "--max-connections=600",
        "--innodb-buffer-pool-size=256M",
        # The state is worth nothing after a power cut, and waiting for the disk is slow.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-doublewrite=0",
        "--sync-binlog=0",
        "--skip-log-bin",
        "--skip-name-resolve",
        "--performance-schema=OFF",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_general_ci",
    ]


def _memcached(settings: Settings) -> list[str]:
    port = str(settings.ports["memcached"])
    return ["/usr/bin/memcached", "-u", "root", "-l", settings.address, "-p", port, "-m", "128"]


def _rabbitmq(settings: Settings) -> list[str]:
    return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]


def _rabbitmq_env(settings: Settings) -> dict[str, str]:
    home = settings.var / "rabbitmq"
    interface = settings.address.replace(".", ",")
    return {
        "HOME": str(home),  # Erlang's cookie
        "RABBITMQ_NODENAME": f"minicloud@{settings.address}",
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_DIST_PORT": str(settings.ports["rabbitmq-dist"]),
        "ERL_EPMD_ADDRESS": settings.address,
        "ERL_EPMD_PORT": str(settings.ports["epmd"]),
        # Idle schedulers must sleep: by default they spin, which costs the others their CPU.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"-kernel inet_dist_use_interface {{{interface}}} "
            "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
        ),
        "RABBITMQ_CONFIG_FILE": str(settings.etc / "rabbitmq" / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(settings.etc / "rabbitmq" / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(settings.log / "rabbitmq"),
    }


def _api(
    name: str, module: str, path: str = "/", workers: int = 1, sources: tuple[str, ...] = ()
) -> Service:
    """Return the row of an HTTP service: one uWSGI with a few threads."""

    def command(settings: Settings) -> list[str]:
        options = {
            "http-socket": f"{settings.address}:{settings.ports[name]}",
            "module": f"{module}:application",
            "processes": str(workers),
            "threads": str(API_THREADS),
            "buffer-size": "65535",
            "listen": "100",
            # uWSGI keeps no connection open; clients should not believe that it does.
            "add-header": "Connection: close",
            "hook-master-start": "unix_signal:15 gracefully_kill_them_all",
        }
        switches = (
            "master",
            "enable-threads",
            "lazy-apps",
            "die-on-term",
            "need-app",
            "no-orphans",
        )
        words = [settings.tool("uwsgi"), *(f"--{switch}" for switch in switches)]
        for option, value in options.items():
            words += [f"--{option}", value]
        return words

    return Service(name, command, name, Answers(name, path), sources=sources)


def _daemon(name: str, probe: Probe, sources: tuple[str, ...] = ()) -> Service:
    """Return the row of a service that only talks to the message bus."""
    return Service(name, lambda settings: [settings.tool(name)], None, probe, sources=sources)


def _reports(binary: str) -> Reports:
    # Nova's and Cinder's own sign of life, at first 5 s after the start and then every few seconds.
    table = f"{binary.partition('-')[0]}.services"
    return Reports(
        f"SELECT 1 FROM {table} WHERE `binary`='{binary}' AND updated_at >= {{since}} LIMIT 1"
    )


# Each start of an engine worker writes a row of its own.
_HEAT_ENGINE = Reports("SELECT 1 FROM heat.service WHERE created_at >= {since} LIMIT 1")


def _module(name: str) -> Callable[[Settings], list[str]]:
    """Return the command of one of our own modules."""
    return lambda settings: [settings.tool("python"), "-m", name, str(settings.prefix)]


def _our_modules(settings: Settings) -> dict[str, str]:
    return {"PYTHONPATH": str(_LIB)}


def _registry(settings: Settings) -> list[str]:
    return ["/usr/bin/docker-registry", "serve", str(settings.etc / "registry" / "config.yml")]


def _mirror(settings: Settings) -> list[str]:
    return ["/usr/bin/tinyproxy", "-d", "-c", str(settings.etc / "mirror" / "tinyproxy.conf")]


INFRASTRUCTURE = (
    Service("mariadb", _mariadb, "mariadb", Listens("mariadb")),
    Service("memcached", _memcached, "memcached", Listens("memcached")),
    Service("rabbitmq", _rabbitmq, "rabbitmq", Listens("rabbitmq"), _rabbitmq_env),
)
IDENTITY = _api("keystone", "keystone.wsgi.api", "/v3", workers=2)
OPENSTACK = (
    _daemon("nova-conductor", _reports("nova-conductor")),
    _daemon("nova-scheduler", _reports("nova-scheduler")),
    Service(
        "nova-compute",
        lambda settings: [settings.tool("nova-compute")],
        probe=_reports("nova-compute"),
        env=_our_modules,
        sources=("plugins/nova_driver.py", "real_nodes/servers.py"),
    ),
    _api("nova", "nova.wsgi.osapi_compute"),
    _daemon("heat-engine", _HEAT_ENGINE, ("plugins/heat/*.py",)),
    _api("heat", "heat.wsgi.api"),
    _api("heat-cfn", "heat.wsgi.cfn"),
    _api("neutron", "neutron.wsgi.api", "/v2.0/networks", sources=("plugins/ml2_driver.py",)),
    _api("placement", "placement.wsgi.api"),
    _api("glance", "glance.wsgi.api", "/v2/schemas/image"),
    _api("barbican", "minicloud_barbican"),
)
NODES = Service(
    "nodes",
    _module("minicloud.nodes"),
    env=_our_modules,
    sources=("nodes/*.py", "real_nodes/servers.py"),
)
VOLUMES = (
    _api("cinder", "cinder.wsgi.api"),
    _daemon("cinder-scheduler", _reports("cinder-scheduler")),
    Service(
        "cinder-volume",
        lambda settings: [settings.tool("cinder-volume")],
        probe=_reports("cinder-volume"),
        sources=("plugins/cinder_driver.py",),
    ),
)
REAL_NODES = (
    Service("registry", _registry, "registry", Answers("registry", "/v2/")),
    Service("mirror", _mirror, "mirror", Listens("mirror")),
    Service(
        "real-nodes",
        _module("minicloud.real_nodes"),
        env=_our_modules,
        sources=("real_nodes/*.py", "administrator.py"),
    ),
)
SERVICES = (*INFRASTRUCTURE, IDENTITY, *OPENSTACK, *VOLUMES, NODES, *REAL_NODES)


def wanted(settings: Settings) -> tuple[Service, ...]:
    """Return the services that a cloud consists of: those of real nodes only when it has some."""
    unwanted = set() if settings.real_nodes else set(REAL_NODES)
    if not settings.has_volumes:
        unwanted |= set(VOLUMES)
    return tuple(s for s in SERVICES if s not in unwanted)


def environment(settings: Settings, service: Service | None = None) -> dict[str, str]:
    """Return the environment of a service, or of an administrative command.

    It is made anew: nothing of the caller's shell (tokens, proxies) leaks into a daemon.
    """
    etc = settings.etc
    common = {
        "PATH": f"{settings.venv}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(etc),  # where oslo.config finds ~/.<project>/<project>.conf
        "OS_KEYSTONE_CONFIG_DIR": str(etc / "keystone"),
        "OS_GLANCE_CONFIG_DIR": str(etc / "glance"),
        "OS_PLACEMENT_CONFIG_DIR": str(etc / "placement"),
        "OS_NEUTRON_CONFIG_DIR": str(etc / "neutron"),
        "OS_NOVA_CONFIG_DIR": str(etc / "nova"),
        "BARBICAN_PASTE_FILE": str(etc / "barbican" / "barbican-api-paste.ini"),
        "TMPDIR": str(settings.var / "tmp"),
        "SPT_NOENV": "1",  # process titles must not overwrite the mark in the environment
    }
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if name in os.environ:
            common[name] = os.environ[name]
    return common | (service.env(settings) if service else {})


def find(name: str) -> Service:
    """Return a row by name.

    :raises KeyError: there is no such service.
    """
    return {service.name: service for service in SERVICES}[name]
