# SPDX-License-Identifier: Apache-2.0
"""The database: the only truth about what was asked for and how far it is."""
