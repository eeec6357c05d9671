"""Nothing public is forgotten: every pair has both halves, a row, a docstring and an example that runs."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import nnscratch
from nnscratch import layers
from nnscratch.layers.base import Layer
from tests.cases import CASES, LOSSES

PACKAGE = Path(nnscratch.__file__).parent
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(PACKAGE)], "nnscratch.")
    if not module.name.endswith("__main__")
)


def public(module_name):
    """Yield the name and value of every public function and class that a module defines."""
    for name, value in vars(importlib.import_module(module_name)).items():
        defined_here = getattr(value, "__module__", "") == module_name
        if defined_here and not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value)):
            yield name, value


PAIRS = sorted(name[:-8] for name in vars(layers) if name.endswith("_forward"))


@pytest.mark.parametrize("pair", PAIRS)
def test_every_forward_has_a_backward_and_a_row(pair):
    assert hasattr(layers, f"{pair}_backward")
    assert pair in {case.pair for case in CASES}


def test_every_loss_has_a_row():
    losses = {name for name in vars(layers) if name.endswith("_loss")}
    assert losses == {case.loss.__name__ for case in LOSSES}


def test_every_layer_object_has_a_row():
    def kinds(layer):
        yield type(layer)
        for child in layer.children.values():
            yield from kinds(child)

    used = {kind for case in CASES for kind in kinds(case.layer())}
    objects = {value for value in vars(layers).values() if inspect.isclass(value) and issubclass(value, Layer)}
    assert objects - used == {Layer, layers.Container}


def needs_no_example(value):
    """Exceptions and records explain themselves; a twin's example stands with its reference."""
    record = inspect.isclass(value) and issubclass(value, (Exception, tuple))
    return record or inspect.getdoc(value).startswith("Twin of reference.")


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_docstring_and_an_example(module):
    try:
        source = inspect.getsource(importlib.import_module(module))
    except ImportError as error:  # numba twins without numba
        pytest.skip(f"{error}: pip install numba")
    examples = "\n".join(line for line in source.splitlines() if line.strip().startswith((">>>", "...")))
    for name, value in public(module):
        assert inspect.getdoc(value), f"{module}.{name} has no docstring"
        assert needs_no_example(value) or name in examples, f"{module}.{name} appears in no example of its module"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_opens_with_one_sentence_and_is_short(path):
    text = path.read_text()
    opening = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    assert opening.endswith((".", "?")), f"{path.name} does not open with a sentence"
    assert len(text.splitlines()) <= 400
