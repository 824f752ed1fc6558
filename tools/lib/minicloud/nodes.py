# SPDX-License-Identifier: Apache-2.0
"""The node stand-in (to come)."""
import time
while True:
    time.sleep(3600)
