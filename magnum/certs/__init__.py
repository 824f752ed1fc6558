# SPDX-License-Identifier: Apache-2.0
"""Certificates: making and signing them, and where they are kept."""
