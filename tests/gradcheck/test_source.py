"""A finding names the line of the user's backward, in a file or in a notebook's cell."""

import importlib.util

import pytest

from nnscratch.gradcheck.source import line_of


@pytest.mark.parametrize(("folder", "name"), [("layers", "123.py"), ("ipykernel_7", "this cell")])
def test_the_line_is_named_by_its_file_or_its_cell(tmp_path, folder, name):
    path = tmp_path / folder / "123.py"
    path.parent.mkdir()
    path.write_text("def backward(dout, cache):\n    dx = 2 * dout\n    return dx\n")
    spec = importlib.util.spec_from_file_location("own_layers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert line_of(module.backward, "x") == f"{name}, line 2: dx = 2 * dout"
