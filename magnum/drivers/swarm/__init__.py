# SPDX-License-Identifier: Apache-2.0
"""Docker Swarm clusters, by the swarm mode built into the engine."""
