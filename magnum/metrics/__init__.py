# SPDX-License-Identifier: Apache-2.0
"""What monitoring reads of a process: counters, histograms, and a listener of their own.

::

    instruments   every metric, with its labels; costs nothing while nobody has them served
    workers       the figures of all worker processes of one API, put together
    listener      the port that monitoring asks; not one of tenants
    patience      an answer within a bounded time from what may hang

The library, prometheus_client, is loaded by who serves metrics and by nobody else.
"""
