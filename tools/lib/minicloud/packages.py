# SPDX-License-Identifier: Apache-2.0
"""Install what the cloud needs: Debian packages, and OpenStack into a virtual environment.

No packaged service ever starts: Debian's hook `policy-rc.d` forbids it during the installation,
and on a machine with systemd the new units are disabled for the next boot too. cloud-init, which
would take a machine over at its next boot, is not installed at all: its package is unpacked below
the prefix, for its Python modules.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterator

from minicloud import commands
from minicloud.progress import Progress
from minicloud.settings import Settings
from minicloud.stamps import Stamps, digest

HERE = pathlib.Path(__file__).parent
LOCK = HERE / "requirements.lock"
SYSTEM_PYTHON = "/usr/bin/python3"

DEBIAN = (
    "ca-certificates",
    "curl",
    "iproute2",
    "mariadb-client-core",
    "mariadb-server-core",
    "memcached",
    "openssl",
    "python3-venv",
    "rabbitmq-server",
)
UNITS = ("rabbitmq-server", "memcached", "epmd.service", "epmd.socket")

_POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
_LOCK_PATIENCE = 300  # seconds, for another apt on this machine to finish


def _apt_environment() -> dict[str, str]:
    return os.environ | {"DEBIAN_FRONTEND": "noninteractive"}


def _apt(log: pathlib.Path, *words: str) -> None:
    """Run apt-get; when another one holds a lock, wait for it."""
    argv = ["apt-get", "-q", "-y", "-o", f"DPkg::Lock::Timeout={_LOCK_PATIENCE}", *words]
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            return commands.run(argv, log, env=_apt_environment(), outlive=True)
        except commands.CommandError as error:
            # Not every lock of apt's obeys its option.
            if "Could not get lock" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(3)


def _missing() -> list[str]:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *DEBIAN],
        capture_output=True,
        text=True,
        check=False,
    )
    installed = {
        line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")
    }
    return [name for name in DEBIAN if name not in installed]


@contextlib.contextmanager
def _no_service_starts(settings: Settings) -> Iterator[None]:
    """Forbid packages to start services; leaves a policy that was there before alone."""
    if not _POLICY.exists():
        _policy_note(settings).parent.mkdir(exist_ok=True)
        _policy_note(settings).touch()
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        withdraw_policy(settings)


def _policy_note(settings: Settings) -> pathlib.Path:
    return settings.prefix / "installed" / "policy-rc.d-is-ours"


def withdraw_policy(settings: Settings) -> None:
    """Remove the policy if it is ours; also one that a killed `up` left behind."""
    if _policy_note(settings).exists():
        _POLICY.unlink(missing_ok=True)
        _policy_note(settings).unlink()


def _disable(names: list[str]) -> None:
    """Keep systemd from starting newly installed services at the next boot."""
    if shutil.which("systemctl") is None:
        return
    for unit in UNITS:
        if unit.partition(".")[0] in (*names, "epmd"):
            subprocess.run(["systemctl", "disable", unit], capture_output=True, check=False)


def install_debian(settings: Settings, progress: Progress) -> None:
    """Install the Debian packages that are missing.

    :raises CommandError: apt failed; the message holds the end of its log.
    """
    withdraw_policy(settings)
    missing = _missing()
    if not missing:
        return
    log = settings.log / "apt.log"
    progress.say(f"installing Debian packages: {' '.join(missing)}")
    with _no_service_starts(settings):
        _apt(log, "update")
        try:
            _apt(log, "install", "--no-install-recommends", *missing)
        except commands.CommandError:
            # An installation that was shot half-way must be finished first.
            commands.run(["dpkg", "--configure", "-a"], log, env=_apt_environment(), outlive=True)
            _apt(log, "install", "--no-install-recommends", *missing)
        _disable(missing)


def cloud_init_modules(settings: Settings) -> pathlib.Path:
    """Return the folder from which `cloudinit` can be imported."""
    return settings.prefix / "cloud-init" / "usr/lib/python3/dist-packages"


def unpack_cloud_init(settings: Settings, progress: Progress) -> None:
    """Fetch Debian's cloud-init and unpack it below the prefix, without installing it."""
    target = settings.prefix / "cloud-init"
    if target.exists():
        return
    progress.say("unpacking Debian's cloud-init")
    log = settings.log / "apt.log"
    part = settings.prefix / "cloud-init.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    fetch = ["sh", "-c", f'cd "{part}" && apt-get download -q cloud-init']
    try:
        commands.run(fetch, log)
    except commands.CommandError:  # no package lists yet, or old ones
        _apt(log, "update")
        commands.run(fetch, log)
    package = next(part.glob("*.deb"))
    commands.run(["dpkg-deb", "-x", str(package), str(part)], log)
    package.unlink()
    part.rename(target)


def _uv_environment(cache: pathlib.Path) -> dict[str, str]:
    """Let uv follow the settings that pip follows, and keep its cache below the prefix."""
    env = {"UV_CACHE_DIR": str(cache)} | os.environ
    for ours, theirs in (
        ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"),
        ("UV_INDEX", "PIP_EXTRA_INDEX_URL"),
        ("SSL_CERT_FILE", "PIP_CERT"),
        ("UV_HTTP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"),
    ):
        if theirs in env:
            env.setdefault(ours, env[theirs])
    return env


def build_venv(settings: Settings, stamps: Stamps, progress: Progress) -> None:
    """Install the locked OpenStack into the virtual environment.

    :raises CommandError: pip or uv failed; the message holds the end of the log.
    """
    version = subprocess.run([SYSTEM_PYTHON, "-V"], capture_output=True, text=True, check=True)
    wanted = digest(LOCK, version.stdout)
    if stamps.fresh("venv", wanted):
        return
    progress.say("installing OpenStack from PyPI into a virtual environment")
    log = settings.log / "pip.log"
    stamps.clear("venv")
    commands.run([SYSTEM_PYTHON, "-m", "venv", "--clear", str(settings.venv)], log)
    python = settings.tool("python")
    pip = [python, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]
    commands.run([*pip, "--constraint", str(LOCK), "uv"], log)
    cache = settings.prefix / "uv-cache"  # spares an interrupted installation what it has fetched
    install = [settings.tool("uv"), "pip", "install", "--python", python, "--compile-bytecode"]
    commands.run([*install, "--requirement", str(LOCK)], log, env=_uv_environment(cache))
    shutil.rmtree(cache, ignore_errors=True)
    stamps.set("venv", wanted)


def install_plugins(settings: Settings) -> None:
    """Put our own few plugin modules where the services look for them."""
    site = next((settings.venv / "lib").glob("python3*/site-packages"))
    source = HERE / "plugins"
    shutil.copyfile(source / "ml2_driver.py", site / "minicloud_ml2.py")
    shutil.copyfile(source / "barbican_wsgi.py", site / "minicloud_barbican.py")
    shutil.copyfile(source / "nova_driver.py", site / "nova" / "virt" / "minicloud.py")
    # Neutron finds mechanism drivers by entry point only, so the module needs a distribution.
    meta = site / "minicloud-1.dist-info"
    meta.mkdir(exist_ok=True)
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: minicloud\nVersion: 1\n")
    (meta / "entry_points.txt").write_text(
        "[neutron.ml2.mechanism_drivers]\nminicloud = minicloud_ml2:MechanismDriver\n"
    )


def link_clients(settings: Settings) -> None:
    """Offer the command-line client in a folder of its own, for users' PATH.

    The environment's bin folder would put another Python before the user's.
    """
    folder = settings.prefix / "bin"
    folder.mkdir(exist_ok=True)
    link = folder / "openstack"
    link.unlink(missing_ok=True)
    link.symlink_to(settings.tool("openstack"))
