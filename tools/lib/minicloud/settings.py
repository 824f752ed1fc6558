# SPDX-License-Identifier: Apache-2.0
"""What distinguishes one mini cloud from another: prefix, address, ports, secret.

The settings are written to `<prefix>/settings.json` by the first `up`; every later command finds
them there, so that options need to be given only once.
"""

import dataclasses
import hashlib
import hmac
import ipaddress
import json
import os
import pathlib
import secrets

DEFAULT_PREFIX = "/opt/minicloud"
REGION = "RegionOne"

PORTS = {
    "keystone": 5000,
    "glance": 9292,
    "placement": 8778,
    "neutron": 9696,
    "nova": 8774,
    "heat": 8004,
    "heat-cfn": 8000,
    "barbican": 9311,
    "cinder": 8776,
    "magnum": 9511,
    "mariadb": 3306,
    "memcached": 11211,
    "rabbitmq": 5672,
    "registry": 5001,
    "mirror": 3128,
}


class SettingsError(Exception):
    """The options given contradict each other or the cloud that exists at the prefix."""


def _erlang_ports(address: str) -> dict[str, int]:
    """Return two ports of Erlang's, different for each address.

    epmd binds 127.0.0.1 whatever it is told, and RabbitMQ refuses a distribution port that is
    taken on any address; so two clouds would fight for fixed ones.
    """
    number = int(ipaddress.IPv4Address(address)) % 1000
    return {"epmd": 24000 + number, "rabbitmq-dist": 25000 + number}


@dataclasses.dataclass(frozen=True)
class Settings:
    """One mini cloud's settings, and the names and paths that follow from them."""

    prefix: pathlib.Path
    address: str = "198.19.0.1"
    external_range: str = "198.18.0.0/16"
    token_expiration: int = 14400  # seconds
    ports: dict[str, int] = dataclasses.field(default_factory=lambda: dict(PORTS))
    secret: str = ""
    real_nodes: bool = False

    def __post_init__(self) -> None:
        try:
            ipaddress.IPv4Address(self.address)
            ipaddress.IPv4Network(self.external_range)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        for name, number in (PORTS | _erlang_ports(self.address)).items():
            self.ports.setdefault(name, number)

    @property
    def has_volumes(self) -> bool:
        """Whether Cinder runs: only where some nodes could use its volumes."""
        return self.real_nodes

    @property
    def volumes(self) -> pathlib.Path:
        """Where Cinder's driver keeps each volume as a file, named by its id."""
        return self.var / "cinder" / "volumes"

    @property
    def venv(self) -> pathlib.Path:
        return self.prefix / "venv"

    @property
    def etc(self) -> pathlib.Path:
        return self.prefix / "etc"

    @property
    def var(self) -> pathlib.Path:
        return self.prefix / "var"

    @property
    def log(self) -> pathlib.Path:
        return self.prefix / "log"

    @property
    def run(self) -> pathlib.Path:
        return self.prefix / "run"

    @property
    def plugins(self) -> pathlib.Path:
        return self.prefix / "plugins"

    @property
    def cloud_json(self) -> pathlib.Path:
        return self.prefix / "cloud.json"

    @property
    def state(self) -> tuple[pathlib.Path, ...]:
        """All that `down --wipe` removes: what the cloud holds, not what it is installed from."""
        return (self.var, self.etc, self.log, self.run, self.cloud_json)

    @property
    def database_socket(self) -> pathlib.Path:
        return self.run / "mariadb.sock"

    @property
    def database_scratch(self) -> pathlib.Path:
        """Where MariaDB's temporary tables are: as it starts, it removes all it finds there."""
        return self.var / "mariadb-scratch"

    @property
    def memcached(self) -> str:
        return f"{self.address}:{self.ports['memcached']}"

    @property
    def auth_url(self) -> str:
        return self.url("keystone", "/v3")

    @property
    def transport_url(self) -> str:
        password = self.password("rabbitmq")
        return f"rabbit://minicloud:{password}@{self.address}:{self.ports['rabbitmq']}/"

    def tool(self, name: str) -> str:
        """Return the path of a program in the virtual environment."""
        return str(self.venv / "bin" / name)

    def url(self, service: str, path: str = "") -> str:
        """Return the address of one of the HTTP services."""
        return f"http://{self.address}:{self.ports[service]}{path}"

    def password(self, name: str) -> str:
        """Return the password of one account: each its own, so that a mix-up cannot work."""
        return hmac.new(self.secret.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]

    def database_url(self, user: str, name: str) -> str:
        """Return the SQLAlchemy URL with which `user` opens database `name`."""
        account = f"{user}:{self.password('db-' + user)}"
        place = f"{self.address}:{self.ports['mariadb']}"
        return f"mysql+pymysql://{account}@{place}/{name}?charset=utf8mb4"


def exists(prefix: pathlib.Path) -> bool:
    """Tell whether `up` has ever begun at a prefix."""
    return (prefix / "settings.json").exists()


def load(prefix: pathlib.Path) -> Settings:
    """Return the settings of the cloud at a prefix.

    :raises SettingsError: there is none.
    """
    try:
        stored = json.loads((prefix / "settings.json").read_text())
    except FileNotFoundError as error:
        raise SettingsError(f"there is no mini cloud at {prefix}") from error
    return Settings(prefix=prefix, **stored)


def resolve(prefix: pathlib.Path, given: dict) -> Settings:
    """Combine options with what the prefix remembers.

    :param given: only the options the caller gave: address, external_range, token_expiration,
        real_nodes, ports (name to number, merged with the known ones).
    :raises SettingsError: a fact that the databases already hold would change.
    """
    stored = load(prefix) if exists(prefix) else None
    base = stored or Settings(prefix=prefix, secret=secrets.token_hex(24))
    ports = dict(base.ports) | given.pop("ports", {})
    if "address" in given and given["address"] != base.address:
        ports |= _erlang_ports(given["address"])
    wanted = dataclasses.replace(base, ports=ports, **given)
    if stored and (prefix / "var" / "mariadb").exists():
        for fact in ("address", "external_range"):
            if getattr(stored, fact) != getattr(wanted, fact):
                raise SettingsError(
                    f"the cloud at {prefix} has {fact} {getattr(stored, fact)}; run "
                    "`down --wipe` first, or give the new one a --prefix of its own"
                )
    return wanted


def save(settings: Settings) -> None:
    """Write the settings where later commands find them, readable by the owner only."""
    facts = dataclasses.asdict(settings)
    del facts["prefix"]
    write_private(settings.prefix / "settings.json", json.dumps(facts, indent=2) + "\n")


def write_private(path: pathlib.Path, text: str) -> None:
    """Write a file of mode 0600 in one step, so that no reader sees half of it."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
