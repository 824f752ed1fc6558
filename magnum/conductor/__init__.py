# SPDX-License-Identifier: Apache-2.0
"""Carries out what the API wrote down: claims operations, runs their steps, watches Heat.

::

    service    the process: threads, timers, start and stop
    holding    what this process holds of the table's work, and keeping it
    leases     the operations among it
    runner     one operation: steps in order, what a failure of one means
    patience   how often a step that fails is tried again
    lifecycle  which steps make a creation, an update, a deletion
    steps      what each step does; every one can be repeated by another conductor
    watch      stacks in flight, looked at together
    nodes      steps on a bay's own nodes; victims chooses those that go
    aftermath  a swarm put in order after an update that failed
    health     looks at the nodes of finished bays now and then
    swarm      what these want of a bay's managers
    progress   what a stack's resources do, told as events

    containers single containers: made, observed, told what to do
    engines    the Docker engines of a bay, and its managers
    asking     several engines at the same time
    surprise   what nobody foresaw, as users are told of it
"""
