"""All code cells run, in the fast form; the command executes, checks, saves and refuses."""

import ast

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nnscratch.course import notebook as course
from notebooks import run
from notebooks.run import NotebookError, execute, find, main
from tests import needs


@pytest.mark.parametrize("path", find([]), ids=lambda path: path.stem)
def test_all_cells_run_in_the_fast_form(path, monkeypatch, capsys):
    """In this process, so that no kernel has to start; what a cell ends with is drawn."""
    monkeypatch.setattr(course, "FAST", True)
    monkeypatch.setenv("NNSCRATCH_STATIC", "1")
    monkeypatch.setenv("NNSCRATCH_NOTEBOOK_DATA", "shapes10")
    monkeypatch.chdir(path.parent)
    names = {"__name__": "__main__", "display": draw}
    if path.stem.startswith("16"):  # it is about compiled kernels
        needs.package("numba")
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            lines = ast.parse(cell.source)
            last = lines.body.pop() if lines.body and isinstance(lines.body[-1], ast.Expr) else None
            exec(compile(lines, f"<{cell.id}>", "exec"), names)
            if last:
                draw(eval(compile(ast.Expression(last.value), f"<{cell.id}>", "eval"), names))


def draw(value):
    if hasattr(value, "_repr_png_"):
        assert value._repr_png_()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "FOLDER", tmp_path)
    return tmp_path


def write(folder, *sources, tags=(), name="01-example.ipynb"):
    cells = [
        new_code_cell(source, id=f"01-{n:02}", metadata={"tags": list(tags)}) for n, source in enumerate(sources)
    ]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Example", id="01-99"), *cells]), folder / name)
    return folder / name


def test_the_command_executes_saves_and_saves_the_same_again(folder, capsys):
    path = write(
        folder,
        "from nnscratch.course.notebook import FAST\nfrom nnscratch.plotting import panels\nprint(FAST)",
        "panels()[0]",
    )
    assert main(["01", "--save"]) == 0
    assert "01-example.ipynb" in capsys.readouterr().out
    first = path.read_bytes()
    saved = nbformat.read(path, as_version=4)
    assert saved.cells[1].outputs[0].text == "False\n"
    assert list(saved.cells[2].outputs[0].data) == ["image/png"]
    assert main(["01", "--save"]) == 0
    assert path.read_bytes() == first


def test_a_failed_check_names_notebook_and_cell(folder, capsys):
    before = write(folder, "x = 1", "assert x == 2, 'x is 2'", tags=["check"]).read_bytes()
    assert main(["--fast"]) == 1
    told = capsys.readouterr().err
    assert "01-example.ipynb, cell 3 (01-01): its check failed" in told
    assert "AssertionError: x is 2" in told and "\x1b" not in told
    assert (folder / "01-example.ipynb").read_bytes() == before


def test_an_error_an_endless_cell_and_a_dead_kernel_are_failures(folder):
    with pytest.raises(NotebookError, match=r"cell 2 \(01-00\): it raises an error(?s:.*)ZeroDivisionError"):
        execute(write(folder, "1 / 0"), fast=True)
    with pytest.raises(NotebookError, match="01-example.ipynb: A cell timed out"):
        execute(write(folder, "while True: pass"), limit=2)
    with pytest.raises(NotebookError, match="01-example.ipynb: Kernel died"):
        execute(write(folder, "import os", "os._exit(1)"), fast=True)


def test_measured_times_are_kept_until_they_are_cleared(folder):
    path = write(folder, "import time", "print(time.perf_counter())", tags=["timed"])
    assert main(["--save"]) == 0
    first = path.read_bytes()
    assert main(["--save"]) == 0
    assert path.read_bytes() == first
    cleared = nbformat.read(path, as_version=4)
    cleared.cells[2].outputs = []
    nbformat.write(cleared, path)
    assert main(["--save"]) == 0
    assert path.read_bytes() != first


def test_a_notebook_that_has_become_large_is_not_saved(folder, capsys):
    path = write(folder, "print('x' * 700_000)")
    before = path.read_bytes()
    assert main(["--save"]) == 1
    assert "600,000 are allowed" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_notebooks_are_found_by_number_and_by_name_and_unknown_ones_are_refused(folder, capsys):
    for name in ("01-one.ipynb", "02-two.ipynb"):
        (folder / name).touch()
    assert [path.name for path in find([])] == ["01-one.ipynb", "02-two.ipynb"]
    assert [path.name for path in find(["02", "notebooks/01-one.ipynb"])] == ["02-two.ipynb", "01-one.ipynb"]
    with pytest.raises(SystemExit):
        main(["03"])
    assert "there is no notebook 03: choose from 01-one, 02-two" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--fast", "--save"])
