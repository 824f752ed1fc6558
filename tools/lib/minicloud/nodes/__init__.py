# SPDX-License-Identifier: Apache-2.0
"""The node stand-in: does for Nova's fake servers what their nodes would do with their user data.

Nova's fake driver boots nothing, so nobody would answer a cluster's wait conditions. For each
server whose user data is ours, the stand-in takes the document apart with cloud-init's own
code (`userdata.py`), checks that every step finds its inputs (`steps.py`), runs the certificate
step for real against Magnum's API, in a copy of this machine's file system that vanishes afterwards
(`room.py`), and signals as the node would. A missing input or a failing step is signalled as
FAILURE with the step's name. `watch.py` is the loop. Real nodes can take its place.
"""
