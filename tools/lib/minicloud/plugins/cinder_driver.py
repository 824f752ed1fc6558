# SPDX-License-Identifier: Apache-2.0
"""A Cinder driver that keeps each volume as a file, for there is nothing else on every machine.

Cinder's own ones want the device mapper, iSCSI or a file server. Nova's driver is told the file,
and the runner of real nodes makes a device of it. There are no snapshots and no volumes of images.
"""

import os
import pathlib

from cinder.volume import driver
from oslo_config import cfg

_GIB = 1 << 30


def _folder():
    """Return `minicloud.settings.Settings.volumes`, from what Cinder knows."""
    return pathlib.Path(cfg.CONF.state_path) / "volumes"


def _file(volume):
    return _folder() / volume.id


class FileDriver(driver.VolumeDriver):
    """Makes volumes that take room only as they are written to."""

    def check_for_setup_error(self):
        """Make the folder of all volumes."""
        _folder().mkdir(parents=True, exist_ok=True, mode=0o700)

    def create_volume(self, volume):
        """Make a file of nothing but a hole."""
        descriptor = os.open(_file(volume), os.O_WRONLY | os.O_CREAT, 0o600)
        os.truncate(descriptor, volume.size * _GIB)
        os.close(descriptor)

    def extend_volume(self, volume, new_size):
        """Make the hole larger; a device that is there already stays as it is."""
        os.truncate(_file(volume), new_size * _GIB)

    def delete_volume(self, volume):
        """Remove the file; one that is gone is no error."""
        _file(volume).unlink(missing_ok=True)

    def create_export(self, context, volume, connector):
        """Do nothing: a file needs no way to it."""

    def ensure_export(self, context, volume):
        """Do nothing, as above."""

    def remove_export(self, context, volume):
        """Do nothing, as above."""

    def initialize_connection(self, volume, connector):
        """Tell Nova where the file is."""
        return {"driver_volume_type": "minicloud", "data": {"path": str(_file(volume))}}

    def terminate_connection(self, volume, connector, **kwargs):
        """Do nothing: Nova has let go of the file."""

    def _update_volume_stats(self):
        self._stats = {
            "volume_backend_name": self.configuration.volume_backend_name,
            "vendor_name": "Mini cloud",
            "driver_version": "1",
            "storage_protocol": "file",
            "total_capacity_gb": "infinite",
            "free_capacity_gb": "infinite",
        }
