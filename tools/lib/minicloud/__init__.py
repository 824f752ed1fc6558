# SPDX-License-Identifier: Apache-2.0
"""The mini cloud: a small real OpenStack on one address of this machine.

`tools/minicloud up` installs and starts Keystone, Glance, Placement, Nova on its fake driver,
Neutron, Heat and Barbican, with MariaDB, RabbitMQ and memcached, and a stand-in for the nodes
that Nova's fake driver does not boot. With real nodes, which do boot, there is Cinder for their
volumes besides. The functional tests and the demo run against it.

Read `cloud.py` first: it is the whole of `up` and `down` in order. `services.py` is the table
of what runs. Everything but `register.py` and the `nodes*.py` files runs with the system's
Python and its standard library only, because it runs before anything is installed.
"""
