# SPDX-License-Identifier: Apache-2.0
"""Install and run the service against a mini cloud, and look at the cloud from outside.

Shared by the demo (`tools/lib/demo`) and the functional tests. The standard library suffices.
"""
