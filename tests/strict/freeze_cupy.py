"""Write down what CuPy has, for the double: run it where CuPy is installed, once for each version to be served.

    python -m tests.strict.freeze_cupy > 14.txt        (with CuPy 14; it needs no card)
    python -m tests.strict.freeze_cupy 14.txt > tests/strict/cupy_names.txt      (with CuPy 13)

A line is a name with its parameters, or with `...` where it takes any or does not tell. Given the lines of another
version, what only one of them has is left out.
"""

import inspect
import sys
from pathlib import Path

PLACES = (
    "", "ndarray", "ufunc", "lib.stride_tricks", "linalg", "RawModule", "cuda", "cuda.runtime", "cuda.memory",
    "cuda.Stream", "cuda.Graph", "cuda.MemoryPool", "cuda.Device",
)  # fmt: skip


def parameters(value):
    """Return the names of a function's parameters; None where it takes any, or does not tell."""
    try:
        found = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in found):
        return None
    return [p.name for p in found if p.name != "self"]


def names_in(cupy):
    """Return {name with its place: parameters} for all that is public, and for the operators of arrays."""
    found = {"__version__": [cupy.__version__]}
    for place in PLACES:
        owner = cupy
        for part in filter(None, place.split(".")):
            owner = getattr(owner, part)
        for name in dir(owner):
            if not name.startswith("_") or (place == "ndarray" and name.startswith("__")):
                found[f"{place}.{name}".lstrip(".")] = parameters(getattr(owner, name, None))
    return found


def common(one, other):
    """Keep the names, and for each the parameters, that two versions have in common."""
    kept = {"__version__": sorted(one.pop("__version__") + other.pop("__version__"))}
    for name in sorted(one.keys() & other.keys()):
        mine, theirs = one[name], other[name]
        kept[name] = [p for p in mine if p in theirs] if mine and theirs else mine or theirs
    return kept


def to_line(name, arguments):
    """Return `name(argument, argument)`."""
    return f"{name}({'...' if arguments is None else ', '.join(arguments)})"


def from_lines(text):
    """Return {name: parameters} of such lines."""
    found = {}
    for line in text.splitlines():
        name, _, arguments = line.rstrip(")").partition("(")
        found[name] = None if arguments == "..." else [part for part in arguments.split(", ") if part]
    return found


def main():
    import cupy

    found = names_in(cupy)
    for path in sys.argv[1:]:
        found = common(found, from_lines(Path(path).read_text()))
    print("\n".join(to_line(name, arguments) for name, arguments in found.items()))


if __name__ == "__main__":
    main()
