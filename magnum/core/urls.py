# SPDX-License-Identifier: Apache-2.0
"""URLs of OpenStack's services, which name a version at their end or do not."""

import re


def versioned(url: str, version: str) -> str:
    """Return a service's URL with ``/<version>`` in it, whichever version it ended in.

    A project's id that follows the right version stays: Nova of 2016 needs it there.

    :param version: the last part of the URL, for example ``v3`` or ``v2.1``.
    """
    url = url.rstrip("/")
    if f"/{version}/" in f"{url}/":
        return url
    return re.sub(r"/v\d+(\.\d+)?(/[0-9a-f]{32})?$", "", url) + f"/{version}"
