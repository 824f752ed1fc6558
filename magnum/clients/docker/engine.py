# SPDX-License-Identifier: Apache-2.0
"""One Docker engine of a bay: its containers and, of a manager, its swarm."""

from magnum.clients.docker.containers import ContainerVerbs
from magnum.clients.docker.swarm import SwarmVerbs


class Engine(ContainerVerbs, SwarmVerbs):
    """All verbs; safe for threads."""
