# SPDX-License-Identifier: Apache-2.0
"""The limits on size: what needs more is two concepts.

* a file of Python: 400 lines;
* a function: 40 lines, its docstring not counted (a migration is one long list, and exempt);
* a script for nodes: 100 lines.

Ruff checks the third limit of ours, a complexity of 10.
"""

import ast
import pathlib
from collections.abc import Iterator

FILE_LINES = 400
FUNCTION_LINES = 40
SCRIPT_LINES = 100


def violations(root: pathlib.Path, files: list[pathlib.Path]) -> Iterator[str]:
    """Yield one line for each file or function that is too long."""
    for path in files:
        if path.suffix not in {".py", ".sh"}:
            continue
        text = path.read_text()
        lines = len(text.splitlines())
        shown = path.relative_to(root)
        if path.suffix == ".py":
            if lines > FILE_LINES:
                yield f"{shown}:1: {lines} lines, limit {FILE_LINES}"
            if shown.parts[:2] != ("alembic", "versions"):
                yield from (f"{shown}:{problem}" for problem in _long_functions(ast.parse(text)))
        elif path.suffix == ".sh" and "drivers" in path.parts and lines > SCRIPT_LINES:
            yield f"{shown}:1: {lines} lines, limit {SCRIPT_LINES}"


def _long_functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
        if length > FUNCTION_LINES:
            yield f"{node.lineno}: {node.name} has {length} lines, limit {FUNCTION_LINES}"


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1
