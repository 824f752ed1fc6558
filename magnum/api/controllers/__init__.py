# SPDX-License-Identifier: Apache-2.0
"""The handlers: parse the body, authorise, call the service layer, show the result."""
