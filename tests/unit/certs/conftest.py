# SPDX-License-Identifier: Apache-2.0
import pathlib

import pytest
from oslo_config import cfg

from magnum.certs import sealing
from tests.fakes.openstack import FakeOpenStack


@pytest.fixture
def cloud() -> FakeOpenStack:
    return FakeOpenStack()


@pytest.fixture
def keys(conf: cfg.ConfigOpts, tmp_path: pathlib.Path) -> pathlib.Path:
    """A file with one key, and the options that lead to it and to a directory of its own."""
    path = tmp_path / "certificates.keys"
    sealing.add_key(path, standby=False)
    conf.set_override("encryption_key_file", str(path), "certificates")
    conf.set_override("storage_path", str(tmp_path / "certificates"), "certificates")
    return path
