# SPDX-License-Identifier: Apache-2.0
"""Swarm on images that call themselves coreos."""
