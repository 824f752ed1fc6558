# SPDX-License-Identifier: Apache-2.0
"""Certificates: the authority of a cluster, and signing by it.

The only calls that a caller without a project may make: a cluster's own nodes are such callers,
and the service layer tells whether they are.  Everybody else is authorised here.
"""

from typing import Any

from magnum.api import types, views
from magnum.api.call import Call, Reply
from magnum.api.vocabulary import Word
from magnum.core import errors, fields

WORDS = tuple(Word(field, field.name, listed=True) for field in fields.CERTIFICATE_FIELDS)
_RULE = "be the uuid or name of a bay of your project"


class CertificatesController:
    """``/v1/certificates``."""

    def get(self, call: Call) -> Reply:
        """Show a cluster's authority."""
        cluster = self._cluster(call, call.ident, "get")
        pem = call.services.certificates.authority(call.context, cluster)
        return Reply(views.certificate(call.base_url, cluster.uuid, pem=pem))

    def post(self, call: Call) -> Reply:
        """Sign a request: 201, without a Location.

        :raises ReferencedMissing: the cluster does not exist for the caller.
        """
        values = types.read("certificate", WORDS, call.body)
        field, ident = _only_one(values)
        csr = values["csr"]
        try:
            cluster = self._cluster(call, ident, "create")
        except errors.NotFound as error:
            raise errors.ReferencedMissing(errors.wrong(field, ident, _RULE)) from error
        pem = call.services.certificates.sign(call.context, cluster, csr)
        return Reply(views.certificate(call.base_url, cluster.uuid, csr=csr, pem=pem), 201)

    def _cluster(self, call: Call, ident: str, action: str) -> Any:
        cluster = call.services.certificates.cluster(call.context, ident)
        if call.context.has_project:
            call.authorise(f"certificate:{action}", cluster)
        return cluster


def _only_one(values: dict[str, Any]) -> tuple[str, str]:
    """Return the name by which the cluster was sent, and its uuid or name."""
    sent = {field: values[field] for field in ("bay_uuid", "cluster_uuid") if values[field]}
    if not sent:
        raise errors.Invalid(f"bay_uuid is missing but must {_RULE}.")
    if len(set(sent.values())) > 1:
        raise errors.InvalidField("bay_uuid", sent["bay_uuid"], "be the same as cluster_uuid")
    return next(iter(sent.items()))
