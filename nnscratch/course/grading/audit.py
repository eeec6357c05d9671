"""Look through a learner's file, without running it, for what no exercise needs and cheating does."""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nnscratch.course.cells import Cell

ALLOWED = {
    "__future__", "abc", "bisect", "collections", "copy", "dataclasses", "enum", "functools", "heapq", "itertools",
    "math", "numbers", "numpy", "operator", "random", "statistics", "string", "time", "typing", "warnings",
}  # fmt: skip
NUMPY_PARTS = {"numpy", "numpy.linalg", "numpy.random", "numpy.fft", "numpy.lib.stride_tricks", "numpy.typing"}
NAMES = {
    "breakpoint", "compile", "delattr", "eval", "exec", "globals", "help", "input", "license", "locals", "open",
    "setattr", "vars",
}  # fmt: skip
FILES = {
    "DataSource", "dump", "dumps", "fromfile", "fromregex", "genfromtxt", "load", "loads", "loadtxt", "memmap",
    "open_memmap", "save", "savetxt", "savez", "savez_compressed", "tofile",
}  # fmt: skip
INSIDES = {
    "ABCMeta", "EnumMeta", "EnumType", "_evaluate", "ag_frame", "attrgetter", "cr_frame", "ctypeslib", "f2py",
    "f_back", "f_builtins", "f_globals", "f_locals", "get_type_hints", "gi_frame", "make_dataclass",
    "methodcaller", "singledispatch", "singledispatchmethod", "tb_frame", "update_wrapper", "wraps",
}  # fmt: skip
MODULES = {
    "builtins", "ctypes", "gc", "importlib", "inspect", "io", "linecache", "marshal", "multiprocessing", "os",
    "pathlib", "pickle", "pkgutil", "resource", "shutil", "signal", "socket", "subprocess", "sys", "tempfile",
    "threading", "traceback", "types", "weakref",
}  # fmt: skip
METHODS = {
    "__call__", "__enter__", "__exit__", "__getitem__", "__init__", "__iter__", "__len__", "__next__",
    "__post_init__", "__repr__", "__setitem__", "__str__",
}  # fmt: skip
DUNDER = re.compile(r"__\w+__")


class Breach(NamedTuple):
    """Something that is not allowed: where, and why; `function` is the top-level function it is in, "" outside.

    `cell` names the cell of a notebook, "" in a file.
    """

    line: int
    reason: str
    function: str = ""
    cell: str = ""


def breaches(source: bytes, siblings: set[str], solution: bytes = b"", cells: Sequence[Cell] = ()) -> list[Breach]:
    """Return what is not allowed in a file; nothing for one that Python cannot read (the check will say so).

    siblings: the names of the other files of the assignment, which may be imported. What the solution imports is
    allowed too. cells: those of notebooks that write functions of this file; what counts of them is read like it.

    >>> breaches(b"import numpy as np\\ndef relu_forward(x):\\n    np.maximum = max\\n", set())
    [Breach(line=3, reason='it changes numpy (np.maximum = ...)', function='relu_forward', cell='')]
    >>> breaches(b"from nnscratch.layers import relu_forward", set())[0].reason
    'it imports nnscratch.layers: what is built in is to be written here'
    """
    trees = _trees(source, cells)
    allowed = siblings | {name for node in ast.walk(_tree(solution)) for name in _imported(node)}
    roots = {
        alias.asname or alias.name.partition(".")[0]: alias.name
        for _, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    found = []
    for cell, tree in trees:
        for node, function in _with_functions(tree):
            reason = _reason(node, roots, allowed)
            if reason:
                found.append(Breach(node.lineno, reason, function, cell))
    return sorted(set(found))


def zeroed(
    source: bytes, found: list[Breach], functions: set[str], cells: Sequence[Cell] = ()
) -> dict[str, Breach]:
    """Return the breach for which each of these functions gets no points.

    A function answers for itself, for all top-level code of its file and of the cells that write functions of it,
    and for the functions there that it uses.

    >>> code = b"def helper(x): return open(x)\\ndef one(x): return helper(x)\\ndef two(x): return x"
    >>> list(zeroed(code, breaches(code, set()), {"one", "two"}))
    ['one']
    """
    outside = [breach for breach in found if not breach.function]
    if outside:
        return dict.fromkeys(sorted(functions), outside[0])
    uses: dict[str, set[str]] = {}
    for _, tree in _trees(source, cells):
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
                used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
                uses.setdefault(node.name, {node.name}).update(used)
    blamed = {}
    for function in sorted(functions):
        reached, more = set(), {function}
        while more:
            reached |= more
            more = {name for used in more for name in uses.get(used, ())} - reached
        guilty = [breach for breach in found if breach.function in reached]
        if guilty:
            blamed[function] = guilty[0]
    return blamed


def _trees(source, cells):
    """What Python would run of a file and of cells, by the cell's name ("" for the file)."""
    return [("", _tree(source)), *((cell.filename, _parsed(cell.tree)) for cell in cells)]


def _tree(source):
    return _parsed(lambda: ast.parse(source))  # from bytes, so that a declared encoding counts as when it is run


def _parsed(parse):
    try:
        return parse()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _with_functions(tree) -> Iterator[tuple[Any, str]]:
    """All nodes, each with the top-level function or class in whose body it stands."""
    for top in tree.body:
        inside = set()
        if isinstance(top, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = {id(node) for statement in top.body for node in ast.walk(statement)}
        for node in ast.walk(top):
            yield node, top.name if id(node) in inside else ""  # defaults and decorators run when it is loaded


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


def _reason(node: Any, roots: dict[str, str], allowed: set[str]) -> str:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return _import_reason(node, allowed)
    if isinstance(node, ast.Attribute):
        return _attribute_reason(node, roots)
    if isinstance(node, ast.Name):
        if node.id in NAMES or node.id == "__import__":
            return f"it uses {node.id}, which no exercise needs"
        if DUNDER.fullmatch(node.id) and node.id not in ("__name__", "__doc__"):
            return f"it uses {node.id}, which no exercise needs"
        return "it hands getattr on" if node.id == "getattr" and not hasattr(node, "called") else ""
    if isinstance(node, ast.Call) and _is_class_maker(node):
        return "it makes a class with type(...), which no exercise needs"
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        base = _base(node)
        if isinstance(node.value, ast.Attribute) and isinstance(base, ast.Name) and base.id in roots:
            return f"it changes {roots[base.id]} ({ast.unparse(node)} = ...)"
        return ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call_reason(node)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if DUNDER.fullmatch(node.name) and node.name not in METHODS:
            return f"it defines {node.name}: results that pretend to be equal are not graded"
        return ""
    if isinstance(node, ast.MatchClass) and any(map(DUNDER.fullmatch, node.kwd_attrs)):
        return "it reaches for what no exercise needs in a pattern"
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and DUNDER.fullmatch(node.value):
        return "" if node.value == "__main__" else f"it names {node.value} in a string, which no exercise needs"
    return ""


def _import_reason(node, allowed):
    for module in _imported(node):
        names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
        if module == "nnscratch.course" and names == {"NotWritten"}:
            continue
        top = module.partition(".")[0]
        if top == "nnscratch" and module not in allowed:
            return f"it imports {module}: what is built in is to be written here"
        fine = module in allowed or (top in ALLOWED and (top != "numpy" or module in NUMPY_PARTS))
        if not fine or (isinstance(node, ast.ImportFrom) and node.level):
            return (
                f"it imports {module or 'a package'}: only NumPy and the other files of the assignment are needed"
            )
        if "*" in names and top in ALLOWED:
            return f"it imports all of {module}: import the module, or names"
        hidden = names & (FILES | INSIDES | MODULES) | {name for name in names if name.startswith("_")}
        if hidden - {"annotations"} and top in ALLOWED:
            return f"it imports {', '.join(sorted(hidden))} from {module}, which no exercise needs"
    return ""


def _attribute_reason(node, roots):
    base = _base(node)
    if not isinstance(node.ctx, ast.Load) and isinstance(base, ast.Name) and base.id in roots:
        return f"it changes {roots[base.id]} ({ast.unparse(node)} = ...)"
    name = node.attr
    if DUNDER.fullmatch(name) and name not in ("__init__", "__name__", "__doc__"):
        return f"it reaches for {name}, which no exercise needs"
    if name in INSIDES or name in MODULES:
        return f"it reaches for {name}, which no exercise needs"
    of_a_module = isinstance(base, ast.Name) and base.id in roots
    if of_a_module and name.startswith("_"):
        return f"it reaches into {roots[base.id]} ({ast.unparse(node)})"
    if name in FILES:
        return f"it reads or writes files ({ast.unparse(node)})"
    return ""


def _base(node):
    """What the dotted name that a node ends begins with."""
    base = node.value
    while isinstance(base, ast.Attribute):
        base = base.value
    return base


def _call_reason(node):
    if node.func.id == "getattr":
        node.func.called = True
        name = node.args[1] if len(node.args) > 1 else None
        if not isinstance(name, ast.Constant) or name.value in FILES | INSIDES | MODULES:
            return "it uses getattr with a name that cannot be read here"
    if node.func.id == "type" and len(node.args) != 1:
        return "it makes a class with type(...), which no exercise needs"
    return ""


def _is_class_maker(node):
    """type(x)("Name", bases, dict), whatever x is."""
    inner = node.func
    return (
        len(node.args) > 2
        and isinstance(inner, ast.Call)
        and isinstance(inner.func, ast.Name)
        and inner.func.id == "type"
    )
