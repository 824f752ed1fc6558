# SPDX-License-Identifier: Apache-2.0
"""Real nodes: a booted Debian for each Nova server of an image that asks for one.

Nova's driver (`plugins/nova_driver.py`) writes down which servers there should be (`servers.py`);
Neutron knows the networks, routers, floating IPs and security groups (`neutron.py`), and its driver
(`plugins/ml2_driver.py`) tells when they changed. The runner (`runner.py`) makes it so, again and
again: namespaces, bridges and routes (`fabric.py`), filters (`firewall.py`), DHCP (`dhcp.py`), the
metadata service (`metadata.py`), and for each server a systemd-nspawn container with its own root
(`machine.py`, `root.py`), which runs the server's user data as any other guest would.

All but `runner.py` and `neutron.py` need the standard library only: `up` and `down` use it, too.
"""
