# SPDX-License-Identifier: Apache-2.0
"""Barbican's WSGI application from a paste file of our choice; its own insists on /etc."""

import os

from paste import deploy

application = deploy.loadapp("config:" + os.environ["BARBICAN_PASTE_FILE"])
