# SPDX-License-Identifier: Apache-2.0
"""Magnum: container clusters (bays) as a service for an OpenStack cloud.

Importing the package bars eventlet from the process.  Several oslo libraries
import it when it happens to be installed, only to ask whether it has patched
the interpreter; it never has here, and the import costs memory and start-up
time.  ``None`` in :data:`sys.modules` is Python's own way to say "not to be
imported"; the libraries then take it for absent.
"""

import sys

sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
