# SPDX-License-Identifier: Apache-2.0
"""What nobody foresaw, as users are told of it."""

from magnum.core import errors


def surprise(error: Exception) -> errors.MagnumError:
    """Return what stands for an error that is not ours; whoever catches it logs it.

    Its own words are left out: they are written for nobody, and may hold a secret.
    """
    return errors.MagnumError(f"The service failed ({type(error).__name__}), its log tells more.")
