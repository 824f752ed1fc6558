# SPDX-License-Identifier: Apache-2.0
"""The list of all option groups, for registration and for oslo's sample generator."""

from oslo_config import cfg

from magnum.conf import (
    api,
    certificates,
    clients,
    cluster,
    cluster_heat,
    cluster_template,
    conductor,
    default,
    docker,
    legacy,
    metrics,
    trust,
    x509,
)

_MODULES = (
    api,
    certificates,
    cluster,
    cluster_heat,
    cluster_template,
    conductor,
    default,
    docker,
    metrics,
    trust,
    x509,
)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return (group, options) for every group of ours."""
    ours = [(module.GROUP, list(module.OPTIONS)) for module in _MODULES]
    return ours + clients.list_opts() + legacy.list_opts()
