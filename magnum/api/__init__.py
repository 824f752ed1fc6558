# SPDX-License-Identifier: Apache-2.0
"""HTTP: parse, authorise, call the service layer, render.

A request goes through :mod:`magnum.api.app`'s middleware, is parsed by
:mod:`magnum.api.intake`, finds its handler in the table of :mod:`magnum.api.routes`, and what it
may not do ends in :mod:`magnum.api.faults`.
"""
