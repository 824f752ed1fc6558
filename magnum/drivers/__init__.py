# SPDX-License-Identifier: Apache-2.0
"""Drivers: from a wanted cluster to a Heat stack, and from a stack's outputs to what is seen.

The conductor calls :mod:`~magnum.drivers.registry`; the rest is reached through
:mod:`~magnum.drivers.contract`.  Nothing here talks to a database or to the network.
"""
