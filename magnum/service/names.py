# SPDX-License-Identifier: Apache-2.0
"""Names for what its creator did not name."""

import secrets

LETTERS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "sigma",
    "tau",
    "upsilon",
    "phi",
    "chi",
    "psi",
    "omega",
]


def generate(noun: str) -> str:
    """Return a name such as ``kappa-17-bay``; need not be unique, as no name need be."""
    return f"{secrets.choice(LETTERS)}-{secrets.randbelow(99) + 1}-{noun}"
