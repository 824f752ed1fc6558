# SPDX-License-Identifier: Apache-2.0
"""Carries out what the API wrote down: claims operations, runs their steps, watches Heat.

::

    service    the process: threads, timers, start and stop
    holding    what this process holds of the table's work, and keeping it
    leases     the operations among it
    runner     one operation: steps in order, what a failure of one means
    lifecycle  which steps make a creation, an update, a deletion
    steps      what each step does; every one can be repeated by another conductor
    watch      stacks in flight, looked at together
    nodes      steps on a bay's own nodes; victims chooses those that go
    health     looks at the nodes of finished bays now and then
    swarm      what these want of a bay's managers
    progress   what a stack's resources do, told as events

    containers what the API asks about containers, over the bus
    creations  which containers this process makes, leased like operations
    making     one container: its engine, its image, what a failure means
    pulls      images on their way to engines
    observing  how containers are, as their engines say
    located    the nodes of a bay's swarm, and which of them take containers
    engines    the Docker engines of a bay, and its managers
    asking     several engines at the same time
"""
