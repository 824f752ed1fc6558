# SPDX-License-Identifier: Apache-2.0
"""How this service speaks to the others of the cloud: thin, typed, one module each."""
