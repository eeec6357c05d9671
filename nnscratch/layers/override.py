"""Put a user's own forward/backward pairs in place of the built-in ones of the same name, for a while."""

import contextlib
import functools
import importlib.util
import inspect
import sys
from pathlib import Path

import nnscratch.layers as layers
from nnscratch.choices import choose
from nnscratch.layers.base import shortcuts

ENDINGS = ("_forward", "_backward")


class OverrideError(ValueError):
    """A user's file has no pair that can stand in for a built-in one."""


def load_pairs(path):
    """Run a user's Python file and return its pairs as a dict, `{"relu_forward": ..., "relu_backward": ...}`.

    Only functions that the file itself defines count. Raises OverrideError when the file is missing, has an
    error, a half of a pair only, no pair at all, a name that no built-in pair has, or too few arguments.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mine.py")
    ...     _ = path.write_text("def relu_forward(x): return x, x\\ndef relu_backward(dout, x): return dout")
    ...     sorted(load_pairs(path))
    ['relu_backward', 'relu_forward']
    """
    module = _run(Path(path))
    found = {
        name: value
        for name, value in vars(module).items()
        if name.endswith(ENDINGS) and inspect.isfunction(value) and value.__module__ == module.__name__
    }
    if not found:
        raise OverrideError(
            f"{path} defines no pair: write for instance relu_forward(x) and relu_backward(dout, cache)"
        )
    for name, function in found.items():
        _check(path, name, function, found)
    return found


def _run(path):
    if not path.is_file() or path.suffix != ".py":
        raise OverrideError(f"there is no Python file {path}: give the path of a .py file with your layers")
    spec = importlib.util.spec_from_file_location(f"user_layers_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # a path that ends in .py has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = error.lineno if isinstance(error, SyntaxError) else _line_in(error.__traceback__, path)
        raise OverrideError(f"{path}, line {line}: {type(error).__name__}: {error}") from error
    return module


def _line_in(traceback, path):
    lines = []
    while traceback:
        if Path(traceback.tb_frame.f_code.co_filename) == path:
            lines.append(traceback.tb_lineno)
        traceback = traceback.tb_next
    return lines[-1] if lines else "?"


def _check(path, name, function, found):
    pair = name.rsplit("_", 1)[0]
    for ending in ENDINGS:
        if pair + ending not in found:
            raise OverrideError(f"{path} has {name} but no {pair}{ending}: write both halves of the pair")
    try:
        built_in = choose(name, {n: getattr(layers, n) for n in dir(layers) if n.endswith(ENDINGS)}, "pair")
    except ValueError as error:
        raise OverrideError(f"{path}: {error}") from None
    expected = inspect.signature(built_in)
    try:
        inspect.signature(function).bind(*expected.parameters)
    except TypeError as error:
        raise OverrideError(
            f"{path}: {name}{expected} is called with these arguments, but yours: {error}"
        ) from None


def _with_cache(forward):
    """Wrap a forward function so that one which forgets its cache is named."""

    @functools.wraps(forward)
    def checked(*args, **options):
        result = forward(*args, **options)
        if not isinstance(result, tuple) or len(result) != 2:
            place = f"{forward.__code__.co_filename}, line {forward.__code__.co_firstlineno}"
            raise OverrideError(
                f"{place}: {forward.__name__} must return (out, cache), not {type(result).__name__}"
            )
        return result

    return checked


@contextlib.contextmanager
def using(pairs):
    """Use these functions in place of the built-in ones of the same name inside the `with` block.

    >>> import numpy as np
    >>> with using({"relu_forward": lambda x: (x * 0 + 7, x)}):
    ...     layers.ReLU().forward(np.ones(2))[0]
    array([7., 7.])
    >>> layers.ReLU().forward(np.ones(2))[0]
    array([1., 1.])
    """
    homes = {name: sys.modules[getattr(layers, name).__module__] for name in pairs}
    before = {name: getattr(home, name) for name, home in homes.items()}
    token = shortcuts.set(False)  # which would pass the pairs by
    try:
        for name, home in homes.items():
            setattr(home, name, _with_cache(pairs[name]) if name.endswith("_forward") else pairs[name])
        yield
    finally:
        for name, home in homes.items():
            setattr(home, name, before[name])
        shortcuts.reset(token)
