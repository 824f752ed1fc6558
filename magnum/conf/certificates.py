# SPDX-License-Identifier: Apache-2.0
"""Where certificates and their keys are kept."""

from oslo_config import cfg

GROUP = "certificates"

OPTIONS = (
    cfg.StrOpt(
        "cert_manager_type",
        default="barbican",
        help="Where the certificates and keys of bays are kept, an entry point of "
        "magnum.cert_manager.backend.  'barbican': as secrets of the service's own project.  "
        "'database' (or 'x509keypair', its former name): in the service's database, encrypted.  "
        "'local': in files below storage_path, encrypted; the API and all conductors have to "
        "share that directory.  All processes need the same value; nothing is moved when it "
        "changes, and bays made before cannot be reached by the new store.",
    ),
    cfg.StrOpt(
        "storage_path",
        default="/var/lib/magnum/certificates/",
        help="Directory of the store 'local'.  It is made at need; only its owner may be able "
        "to use it (mode 0700).",
    ),
    cfg.StrOpt(
        "encryption_key_file",
        default="/etc/magnum/certificates.keys",
        help="File of the Fernet keys, one a line, that encrypt what the stores 'database' and "
        "'local' keep.  The first one encrypts, all of them decrypt.  Made and changed by "
        "magnum-db-manage new-certificate-key; every host needs the same.  Only its owner may "
        "be able to read it (mode 0600).  It is read at each use, without a restart.",
    ),
    cfg.IntOpt(
        "cache_seconds",
        default=300,
        min=0,
        help="Seconds a process keeps a fetched certificate and key in its memory; 0 for never.",
    ),
)
