# SPDX-License-Identifier: Apache-2.0
"""Single containers on the engines of Swarm bays.

::

    verbs      what the API asks about containers, over the bus
    creations  which containers this process makes, leased like operations
    making     one container: its engine, its image, what a failure means
    pulls      images on their way to engines
    observing  how containers are, as their engines say
    located    the nodes of a bay's swarm, and which of them take containers
"""
