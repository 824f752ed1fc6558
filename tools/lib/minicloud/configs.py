# SPDX-License-Identifier: Apache-2.0
"""Render the services' configuration files from the templates in `etc/`.

Templates use `${name}`; what the names stand for is in `facts`. The files go to
`<prefix>/etc/<project>/`. oslo.config looks in `~/.<project>/` before /etc, and the services run
with `<prefix>/etc` as their home: so they find them, and nothing is written to /etc.
"""

import base64
import pathlib
import shutil
import string

from minicloud.settings import REGION, Settings
from minicloud.stamps import digest

_HERE = pathlib.Path(__file__).parent
TEMPLATES = _HERE / "etc"

# project -> (template, place below etc/<project>)
FILES = {
    "keystone": (("keystone.conf", "keystone.conf"),),
    "glance": (("glance.conf", "glance-api.conf"), ("glance.conf", "glance-manage.conf")),
    "placement": (("placement.conf", "placement.conf"),),
    "neutron": (("neutron.conf", "neutron.conf"), ("ml2.ini", "plugins/ml2/ml2_conf.ini")),
    "nova": (("nova.conf", "nova.conf"),),
    "heat": (("heat.conf", "heat.conf"),),
    "barbican": (("barbican.conf", "barbican.conf"),),
    "cinder": (("cinder.conf", "cinder.conf"),),
    "rabbitmq": (("rabbitmq.conf", "rabbitmq.conf"),),
    "registry": (("registry.yml", "config.yml"),),
    "mirror": (("tinyproxy.conf", "tinyproxy.conf"),),
}
SERVICE_USERS = (
    *("glance", "placement", "neutron", "nova", "heat", "barbican", "cinder"),
    "magnum",
)
DATABASES = (
    *("keystone", "glance", "placement", "neutron", "nova", "nova_api", "nova_cell0"),
    *("heat", "barbican", "cinder"),
)


def _credentials(settings: Settings, user: str) -> str:
    """Return the option lines with which a service user logs in."""
    options = {
        "auth_type": "password",
        "auth_url": settings.url("keystone"),
        "project_domain_id": "default",
        "user_domain_id": "default",
        "region_name": REGION,
        "project_name": "service",
        "username": user,
        "password": settings.password(user),
    }
    return "\n".join(f"{name} = {value}" for name, value in options.items())


def _token_check(settings: Settings, user: str) -> str:
    """Return the section with which a service checks the tokens it is shown."""
    options = {
        "www_authenticate_uri": settings.url("keystone"),
        "memcached_servers": settings.memcached,
        "service_token_roles": "service",
        "service_token_roles_required": "true",
    }
    lines = (f"{name} = {value}" for name, value in options.items())
    return "\n".join(["[keystone_authtoken]", _credentials(settings, user), *lines])


def facts(settings: Settings) -> dict[str, str]:
    """Return what the names in the templates stand for."""
    key = settings.password("barbican-kek").encode()  # 32 characters, as the plugin wants
    return {
        "address": settings.address,
        "etc": str(settings.etc),
        "var": str(settings.var),
        "region": REGION,
        "memcached": settings.memcached,
        "transport_url": settings.transport_url,
        "token_expiration": str(settings.token_expiration),
        "heat_plugins": str(_HERE / "plugins" / "heat"),
        "heat_key": settings.password("heat-encryption"),
        "heat_domain_admin_password": settings.password("heat_domain_admin"),
        "heat_password": settings.password("heat"),
        "rabbitmq_password": settings.password("rabbitmq"),
        **{
            f"port_{name}": str(settings.ports[name]) for name in ("rabbitmq", "registry", "mirror")
        },
        "barbican_kek": base64.b64encode(key).decode(),
        **{f"url_{name.replace('-', '_')}": settings.url(name) for name in settings.ports},
        **{f"database_{name}": settings.database_url("minicloud", name) for name in DATABASES},
        **{f"login_{user}": _credentials(settings, user) for user in SERVICE_USERS},
        **{f"token_check_{user}": _token_check(settings, user) for user in SERVICE_USERS},
    }


def _copy_defaults(settings: Settings, project: str) -> None:
    """Bring the paste files and the like that the project's distribution carries."""
    shipped = settings.venv / "etc" / project
    if shipped.is_dir():
        shutil.copytree(shipped, settings.etc / project, dirs_exist_ok=True)


def render(settings: Settings) -> str:
    """Write all configuration files.

    :returns: the digest of what was written, to tell whether a running service is out of date.
    """
    known = facts(settings)
    written = []
    for project, files in FILES.items():
        folder = settings.etc / project
        folder.mkdir(parents=True, exist_ok=True)
        _copy_defaults(settings, project)
        home = settings.etc / f".{project}"
        home.unlink(missing_ok=True)
        home.symlink_to(project)
        for template, place in files:
            text = string.Template((TEMPLATES / template).read_text()).substitute(known)
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o600)
            written.append(text)
    paste = settings.etc / "barbican" / "barbican-api-paste.ini"
    # As shipped it names the pipeline with Keystone in recent releases; make sure of it.
    lines = paste.read_text().splitlines()
    paste.write_text(
        "\n".join("/v1: barbican-api-keystone" if s.startswith("/v1:") else s for s in lines) + "\n"
    )
    return digest(*written)
