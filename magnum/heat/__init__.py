# SPDX-License-Identifier: Apache-2.0
"""Heat: stacks of one project, and what a failed one says."""
