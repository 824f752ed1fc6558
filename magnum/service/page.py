# SPDX-License-Identifier: Apache-2.0
"""One page of a list, in the words of the table it is read from."""

from magnum.db.repository import Page

__all__ = ["Page"]
