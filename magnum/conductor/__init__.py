# SPDX-License-Identifier: Apache-2.0
"""Carries out what the API wrote down: claims operations, runs their steps, watches Heat.

::

    service    the process: threads, timers, start and stop
    leases     which operations this process holds, and keeping them
    runner     one operation: steps in order, what a failure of one means
    lifecycle  which steps make a creation, an update, a deletion
    steps      what each step does; every one can be repeated by another conductor
    watch      stacks in flight, looked at together
    progress   what a stack's resources do, told as events
"""
