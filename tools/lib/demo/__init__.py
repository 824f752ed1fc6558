# SPDX-License-Identifier: Apache-2.0
"""`tools/demo`: a bay's life on the mini cloud, seen through the client of 2016.

`program.py` is the whole in order, `story.py` the life of the bay, `terminal.py` how it is shown.
"""
