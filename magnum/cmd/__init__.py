# SPDX-License-Identifier: Apache-2.0
"""The programs: parse options, put the parts together, run."""
