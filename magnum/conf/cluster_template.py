# SPDX-License-Identifier: Apache-2.0
"""Which network drivers a site allows in cluster templates (baymodels)."""

from oslo_config import cfg

GROUP = "cluster_template"

_DEFAULT_NETWORK_DRIVER = {"kubernetes": "flannel", "swarm": "docker", "mesos": "docker"}


def _options(coe: str, default: str) -> list[cfg.Opt]:
    allowed, fallback = f"{coe}_allowed_network_drivers", f"{coe}_default_network_driver"
    return [
        cfg.ListOpt(
            allowed,
            default=["all"],
            deprecated_opts=[cfg.DeprecatedOpt(allowed, group="baymodel")],
            help=f"Network drivers allowed for {coe}; 'all' allows every one its driver knows.",
        ),
        cfg.StrOpt(
            fallback,
            default=default,
            deprecated_opts=[cfg.DeprecatedOpt(fallback, group="baymodel")],
            help=f"Network driver of a {coe} template that names none.",
        ),
    ]


OPTIONS = [
    option for coe, default in _DEFAULT_NETWORK_DRIVER.items() for option in _options(coe, default)
]
