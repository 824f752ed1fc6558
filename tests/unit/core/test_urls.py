# SPDX-License-Identifier: Apache-2.0
import pytest

from magnum.core.urls import versioned


@pytest.mark.parametrize(
    "url", ["http://k.test", "http://k.test/", "http://k.test/v2.0", "http://k.test/v3/"]
)
def test_a_url_ends_in_the_version_wanted(url):
    assert versioned(url, "v3") == "http://k.test/v3"


@pytest.mark.parametrize("start", ["http://v2/compute", "http://n.test:8774"])
def test_a_project_in_a_url_stays_where_the_version_is_right(start):
    project = "0123456789abcdef0123456789abcdef"
    assert versioned(f"{start}/v2.1/{project}", "v2.1") == f"{start}/v2.1/{project}"
    assert versioned(f"{start}/v2/{project}", "v2.1") == f"{start}/v2.1"
    assert versioned(start, "v2.1") == f"{start}/v2.1"
