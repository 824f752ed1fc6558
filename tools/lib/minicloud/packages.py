# SPDX-License-Identifier: Apache-2.0
"""Install what the cloud needs: Debian packages, and OpenStack into a virtual environment.

cloud-init, which would take a machine over at its next boot, is not installed at all: its package
is unpacked below the prefix, for its Python modules.
"""

import os
import pathlib
import shutil
import subprocess

from minicloud import commands, debian
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


def policy_note(settings: Settings) -> pathlib.Path:
    """Return where it is written down that the policy against starting services is ours."""
    return settings.prefix / "installed" / "policy-rc.d-is-ours"


def install_debian(settings: Settings, progress: Progress) -> None:
    """Install the Debian packages that are missing.

    :raises CommandError: apt failed; the message holds the end of its log.
    """
    log = settings.log / "apt.log"
    debian.install(DEBIAN, UNITS, log, policy_note(settings), progress.say)


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
        debian.apt(log, "update")
        commands.run(fetch, log)
    package = next(part.glob("*.deb"))
    commands.run(["dpkg-deb", "-x", str(package), str(part)], log)
    package.unlink()
    part.rename(target)


def uv_environment(cache: pathlib.Path) -> dict[str, str]:
    """Let uv follow the settings that pip follows, and keep its cache in a folder."""
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
    commands.run([*install, "--requirement", str(LOCK)], log, env=uv_environment(cache))
    shutil.rmtree(cache, ignore_errors=True)
    stamps.set("venv", wanted)


def install_plugins(settings: Settings) -> None:
    """Put our own few plugin modules where the services look for them."""
    site = next((settings.venv / "lib").glob("python3*/site-packages"))
    source = HERE / "plugins"
    shutil.copyfile(source / "ml2_driver.py", site / "minicloud_ml2.py")
    shutil.copyfile(source / "barbican_wsgi.py", site / "minicloud_barbican.py")
    shutil.copyfile(source / "cinder_driver.py", site / "minicloud_cinder.py")
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
