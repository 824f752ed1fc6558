# SPDX-License-Identifier: Apache-2.0
"""Swarm on Debian."""
