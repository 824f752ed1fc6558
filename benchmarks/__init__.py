# SPDX-License-Identifier: Apache-2.0
"""Measurements of the service on a mini cloud; `benchmarks/run` starts them.

The standard library suffices, but for `inside`, which runs in the service's own environment.
"""
