"""A finding names the line of the user's backward, in a file or in a notebook's cell."""

import importlib.util

import pytest

from nnscratch.gradcheck.source import line_of, named_below


def backward_in(path):
    path.parent.mkdir()
    path.write_text("def backward(dout, cache):\n    dx = 2 * dout\n    return dx\n")
    spec = importlib.util.spec_from_file_location("own_layers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.backward


@pytest.mark.parametrize(("folder", "name"), [("layers", "123.py"), ("ipykernel_7", "this cell")])
def test_the_line_is_named_by_its_file_or_its_cell(tmp_path, folder, name):
    assert line_of(backward_in(tmp_path / folder / "123.py"), "x") == f"{name}, line 2: dx = 2 * dout"


def test_the_line_is_named_by_its_path_below_a_folder_and_not_at_all_elsewhere(tmp_path):
    backward = backward_in(tmp_path / "layers" / "own.py")
    with named_below(tmp_path):
        assert line_of(backward, "x") == "layers/own.py, line 2: dx = 2 * dout"
    with named_below(tmp_path / "other"):
        assert line_of(backward, "x") is None
    assert line_of(backward, "x") == "own.py, line 2: dx = 2 * dout"
