# SPDX-License-Identifier: Apache-2.0
"""How each OpenStack service is reached: the same few options in one group a service."""

from oslo_config import cfg

SERVICES = ("keystone", "heat", "glance", "nova", "neutron", "cinder", "barbican", "magnum")


def group(service: str) -> str:
    """Return the option group of a service, for example ``heat_client``."""
    return f"{service}_client"


def _options() -> list[cfg.Opt]:
    return [
        cfg.StrOpt("region_name", help="Region of the catalogue to look in; any when unset."),
        cfg.StrOpt(
            "endpoint_type",
            default="publicURL",
            help="Endpoint to take from the catalogue: publicURL, internalURL or adminURL, or "
            "their short names.",
        ),
        cfg.StrOpt("endpoint_override", help="URL to use instead of looking into the catalogue."),
        cfg.StrOpt("ca_file", help="CA bundle that the service's certificate is verified with."),
        cfg.StrOpt("cert_file", help="Client certificate to present."),
        cfg.StrOpt("key_file", help="Key of that certificate."),
        cfg.BoolOpt("insecure", default=False, help="Do not verify the service's certificate."),
        cfg.FloatOpt("timeout", default=30.0, min=1, max=600, help="Seconds one call may take."),
    ]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return (group, options) for every service."""
    return [(group(service), _options()) for service in SERVICES]
