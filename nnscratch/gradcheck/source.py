"""Point at the line of the user's backward in which a suspect gradient is computed."""

import ast
import contextlib
import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from nnscratch.gradcheck.findings import Finding

_home: ContextVar[Path | None] = ContextVar("home", default=None)


@contextlib.contextmanager
def named_below(home: Path | str) -> Iterator[None]:
    """In this block files go by their path below `home`, and lines of files elsewhere are not shown.

    >>> with named_below(Path(__file__).parent):
    ...     line_of(with_line, "x")
    'source.py, line ...: return dataclasses.replace(finding, line=line) if line else finding'
    """
    token = _home.set(Path(home).resolve())
    try:
        yield
    finally:
        _home.reset(token)


def with_line(finding: Finding, code: Any) -> Finding:
    """Return the finding with the line of `code`, the user's backward, in which its gradient is assigned.

    >>> with_line(Finding("sign", "x", "-1 times", "flip it"), None).line is None
    True
    """
    line = None if finding.line or code is None else line_of(code, finding.where)
    return dataclasses.replace(finding, line=line) if line else finding


def line_of(code: Any, name: str) -> str | None:
    """Return "file, line N: text" for the last line that assigns the gradient of `name`, or None.

    The gradient is called `dNAME` (also `grad_NAME`, `NAME_grad`), or is a key "NAME" of a dict, or stands in the
    return statement. Parameters such as "block.conv1.w" count by their last part.

    >>> line_of(max, "x") is None
    True
    """
    try:
        lines, start, tree, path = _source(code.func if isinstance(code, functools.partial) else code)
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    file = _name_of(path)
    if not file:
        return None
    word = name.rsplit(".", 1)[-1]
    wanted = {f"d{word}", f"grad_{word}", f"{word}_grad", f"d_{word}"}
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    found = [node for node in statements if _assigns(node, wanted, word)]
    if not found and name == "dout":
        found = [node for node in statements if _assigns(node, {"dout"}, "dout")]
    if not found:
        found = [node for node in statements if isinstance(node, ast.Return)]
        if len(found) != 1:
            return None
    node = max(found, key=lambda node: node.lineno)
    text = lines[node.lineno - 1].strip()
    return f"{file}, line {start + node.lineno - 1}: {text}"


@functools.lru_cache(maxsize=2)
def _source(code):
    """The lines of a function, the number of the first, its tree and its file."""
    function = inspect.unwrap(code)
    lines, start = inspect.getsourcelines(function)
    path = Path(inspect.getsourcefile(function) or "")
    return lines, start, ast.parse(textwrap.dedent("".join(lines))), path


def _name_of(path):
    """The name of a file, "" for none of the user's; that of a notebook's cell says nothing to its reader."""
    if path.parent.name.startswith("ipykernel_"):
        return "this cell"
    home = _home.get()
    if home is None:
        return path.name
    path = path.resolve()
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else ""


def _assigns(node, wanted, word):
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(_is_target(target, wanted, word) for target in targets)
    return False


def _is_target(target, wanted, word):
    if isinstance(target, (ast.Tuple, ast.List)):
        return any(_is_target(part, wanted, word) for part in target.elts)
    if isinstance(target, ast.Subscript):
        key = target.slice.value if isinstance(target.slice, ast.Constant) else None
        return key == word or _is_target(target.value, wanted, word)
    return isinstance(target, ast.Name) and target.id in wanted
