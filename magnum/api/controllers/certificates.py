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
        ident = _only_one(values["bay_uuid"], values["cluster_uuid"])
        csr = values["csr"]
        try:
            cluster = self._cluster(call, ident, "create")
        except errors.NotFound as error:
            raise errors.ReferencedMissing(error.message) from error
        pem = call.services.certificates.sign(call.context, cluster, csr)
        return Reply(views.certificate(call.base_url, cluster.uuid, csr=csr, pem=pem), 201)

    def _cluster(self, call: Call, ident: str, action: str) -> Any:
        cluster = call.services.certificates.cluster(call.context, ident)
        if call.context.has_project:
            call.authorise(f"certificate:{action}", cluster)
        return cluster


def _only_one(bay_uuid: str | None, cluster_uuid: str | None) -> str:
    """Return the cluster's uuid or name, by whichever name it was sent."""
    if bay_uuid is None and cluster_uuid is None:
        raise errors.Invalid("bay_uuid is missing but must be the uuid or name of a bay.")
    if bay_uuid is not None and cluster_uuid is not None and bay_uuid != cluster_uuid:
        raise errors.InvalidField("bay_uuid", bay_uuid, "be the same as cluster_uuid")
    return bay_uuid or cluster_uuid or ""
