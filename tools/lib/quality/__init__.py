# SPDX-License-Identifier: Apache-2.0
"""How this project is checked: `testrun.py` is tools/test, `lint.py` the static checks.

Only `testrun.py` and `environment.py` run before anything is installed, with the standard
library alone.
"""
