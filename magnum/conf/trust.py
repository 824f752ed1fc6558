# SPDX-License-Identifier: Apache-2.0
"""The domain in which node users live, and the roles this service takes in tenants' projects.

The group has kept its name from the time when nodes worked with trusts.
"""

from oslo_config import cfg

GROUP = "trust"

OPTIONS = (
    cfg.StrOpt(
        "trustee_domain_id",
        help="Id of the domain of node users.  When no trustee_domain option is set, it is the "
        "domain 'magnum', which the service makes if it is not there and in which its own user, "
        "having the role admin, acts.",
    ),
    cfg.StrOpt("trustee_domain_name", help="Name of that domain, when no id is given."),
    cfg.StrOpt("trustee_domain_admin_id", help="Id of the user that administers that domain."),
    cfg.StrOpt("trustee_domain_admin_name", help="Name of that user, when no id is given."),
    cfg.StrOpt(
        "trustee_domain_admin_domain_id",
        help="Id of the domain that user is in; the trustee domain when unset.",
    ),
    cfg.StrOpt("trustee_domain_admin_domain_name", help="Name of the domain that user is in."),
    cfg.StrOpt("trustee_domain_admin_password", secret=True, help="Password of that user."),
    cfg.ListOpt(
        "roles",
        default=["member"],
        help="Roles the service's own user takes in a tenant's project while that project has "
        "clusters.  They must suffice for Heat, Nova and Neutron there.",
    ),
)
