# SPDX-License-Identifier: Apache-2.0
"""The Docker engines of a bay, over the network, by the Docker SDK for Python.

::

    errors       what goes wrong, with docker's own words
    allowance    how long a call may take and how much it may bring
    tls          the bay's authority and our client certificate, never on a disk
    transport    HTTP to one engine within these bounds
    connection   one engine: how many calls at a time, which version of the API
    swarm        the verbs about the members of its swarm
    containers   the verbs about its containers
    engine       both together
    pool         the engines that are in use, each connected once

Engines belong to tenants.  So nothing an engine sends is trusted: neither its length nor its speed,
and no log in of this host is ever shown to it.
"""
