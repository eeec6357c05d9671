"""Every notebook is a lesson: aims, ideas, questions, an exercise, sources; executed, small and tidy."""

import ast
import re

import nbformat
import pytest

from nnscratch.course.exercises import all_exercises
from notebooks import run

NOTEBOOKS = run.find([])
HOMES = re.compile(r"/(?:home|root|tmp|work|Users|usr)/|0x[0-9a-f]{6,}|\b[A-Z]:\\\\")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def cells(notebook, kind, tag=None):
    return [c for c in notebook.cells if c.cell_type == kind and (not tag or tag in c.metadata.get("tags", []))]


def prose(notebook):
    return "\n\n".join(cell.source for cell in cells(notebook, "markdown"))


def test_the_readme_lists_it(path):
    assert f"| {path.stem[:2]} | `{path.stem[3:]}` |" in (run.FOLDER / "README.md").read_text()


def test_it_is_valid_and_as_the_runner_saves_it(path, notebook):
    nbformat.validate(notebook)
    assert notebook.metadata == run.METADATA
    assert path.stat().st_size <= run.LARGEST
    number = path.name[:2]
    assert all(re.fullmatch(rf"{number}-\d\d[a-z]?", cell.id) for cell in notebook.cells)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_it_says_what_one_will_be_able_to_do(notebook):
    first = notebook.cells[0].source
    assert notebook.cells[0].cell_type == "markdown" and first.startswith("# ")
    assert "will be able to" in first and len(re.findall(r"^- ", first, re.MULTILINE)) >= 3


def test_it_asks_three_to_six_questions_with_folded_answers(notebook):
    text = prose(notebook)
    answers = re.findall(
        r"<details>\s*<summary>[^<]*Answer[^<]*</summary>\n\n(.+?)\n\n</details>", text, flags=re.DOTALL
    )
    assert 3 <= text.count("Think first") <= 6
    assert len(answers) == text.count("Think first") == text.count("<details>")
    assert all(len(answer) > 40 for answer in answers)


def test_it_ends_with_an_exercise_and_sources(notebook):
    headings = re.findall(r"^## (.+)$", prose(notebook), flags=re.MULTILINE)
    assert headings[-2:] == ["Your turn", "Sources"]
    yours = prose(notebook).split("## Your turn")[1]
    named = re.findall(r"nnscratch learn check (a\d\.\w+)", yours)
    assert named and set(re.findall(r"\ba\d\.\w+", prose(notebook))) <= set(all_exercises())
    assert len(re.findall(r"^- ", yours.split("## Sources")[1], re.MULTILINE)) >= 2


def test_its_first_code_cell_sets_up_and_some_cells_check(notebook):
    code = cells(notebook, "code")
    assert cells(notebook, "code", "setup") == code[:1]
    assert "nnscratch.course.notebook import" in code[0].source
    checks = cells(notebook, "code", "check")
    assert checks and all(
        any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(c.source))) for c in checks
    )


def test_it_was_executed_and_its_outputs_are_tidy(notebook):
    code = cells(notebook, "code")
    outputs = [out for cell in code for out in cell.outputs]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("image/png" in out.get("data", {}) for out in outputs)
    assert all(out.output_type in ("stream", "execute_result", "display_data") for out in outputs)
    assert all(out.get("name") != "stderr" for out in outputs), "a warning was saved"
    kinds = {kind for out in outputs for kind in out.get("data", {})}
    assert kinds <= {"text/plain", "text/html", "image/png"}, "widgets are saved as their picture"


def test_it_holds_no_place_of_one_machine_and_no_results_on_other_data(notebook):
    texts = [cell.source for cell in notebook.cells]
    printed = []
    for cell in cells(notebook, "code"):
        for out in cell.outputs:
            data = out.get("data", {})
            printed += [out.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    assert not [text for text in texts + printed if HOMES.search(text)]
    assert not [text for text in printed if "JPEG copy" in text]
