# SPDX-License-Identifier: Apache-2.0
import warnings

with warnings.catch_warnings():
    # WebOb imports the deprecated module cgi, oslo.messaging its own eventletutils.
    warnings.simplefilter("ignore", DeprecationWarning)
    import magnum.api.app  # noqa: F401
