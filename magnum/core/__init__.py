# SPDX-License-Identifier: Apache-2.0
"""The words of the domain: what a cluster is, its states, fields and errors.

Pure: standard library only, no input or output, imported by every other package.
"""
