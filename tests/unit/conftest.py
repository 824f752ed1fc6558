# SPDX-License-Identifier: Apache-2.0
"""What tests of several folders need beside a database."""

import pathlib

import pytest
from oslo_config import cfg

from magnum.certs import sealing


@pytest.fixture
def keys(conf: cfg.ConfigOpts, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a file with a key of certificates; options lead to it, and to a new directory."""
    path = tmp_path / "certificates.keys"
    sealing.add_key(path, standby=False)
    conf.set_override("encryption_key_file", str(path), "certificates")
    conf.set_override("storage_path", str(tmp_path / "certificates"), "certificates")
    return path
