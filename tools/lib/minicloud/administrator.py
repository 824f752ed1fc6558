# SPDX-License-Identifier: Apache-2.0
"""Ask the mini cloud's services as its administrator, as what plays the nodes does."""

from keystoneauth1 import adapter, identity, session

from minicloud.settings import REGION, Settings


def connect(
    settings: Settings, service_type: str, microversion: str | None = None
) -> adapter.Adapter:
    """Return a way to ask one service; nothing is sent yet.

    :param service_type: in the catalogue, for example ``compute``.
    :param microversion: that is asked for where a request names none.
    """
    auth = identity.Password(
        auth_url=settings.auth_url,
        username="admin",
        password=settings.password("admin"),
        project_name="admin",
        user_domain_id="default",
        project_domain_id="default",
    )
    return adapter.Adapter(
        session.Session(auth),
        service_type=service_type,
        region_name=REGION,
        default_microversion=microversion,
    )
