"""A function may be written in a tagged cell of a notebook: for checks, for the loop, and for a grade."""

import json
import shutil
import zipfile

import pytest

from nnscratch.cli import main
from nnscratch.course.cells import cells_of, look
from nnscratch.course.check import check
from nnscratch.course.exercises import CourseError, assignments_folder, find_exercise, select
from nnscratch.course.folder import solution_of
from nnscratch.course.grading.grade import grade
from nnscratch.course.grading.submissions import SubmissionError, read_submission
from nnscratch.course.inside import perform
from nnscratch.course.watch import Watch

FORWARD, BACKWARD = ROWS = select(["a2.affine_forward", "a2.affine_backward"])
RELU = find_exercise("a2.relu_forward")
WRONG_BACKWARD = """def affine_backward(dout, cache):
    x, w = cache
    dw = x.reshape(len(x), -1).T @ dout / 3
    return (dout @ w.T).reshape(x.shape), dw, dout.sum(axis=0)
"""


def test_a_function_may_be_written_in_a_notebook(learner):
    own = solution_of(FORWARD) + "\n%matplotlib inline\nraise SystemExit('a trial')"
    learner.write_cells((own, FORWARD.name), (WRONG_BACKWARD, BACKWARD.name), ("1 / 0", "setup"))
    assert check(FORWARD, learner.folder).passed
    outcome = check(BACKWARD, learner.folder)
    assert outcome.finding["kind"] == "constant-factor"
    assert outcome.where.startswith("notes.ipynb, cell a2.affine_backward, line 3: dw =")


def said(learner, row=FORWARD):
    found = perform(row.name, learner.folder)
    return found["kind"], found["message"], found["where"]


def test_the_place_is_the_cell_whatever_is_wrong(learner):
    learner.write_cells(("import math\n\ndef affine_forward(x, w, b):\n    return x * 0, 1", FORWARD.name))
    kind, _, where = said(learner)
    assert (kind, where) == ("wrong", "notes.ipynb, cell a2.affine_forward, line 3")
    learner.write_cells(("def affine_forward(", FORWARD.name))
    kind, _, where = said(learner)
    assert (kind, where) == ("syntax", "notes.ipynb, cell a2.affine_forward, line 1")
    learner.write_cells(("def affine_forward(x, w, b):\n    return product(x)", FORWARD.name))
    kind, message, where = said(learner)
    assert kind == "error" and where == "notes.ipynb, cell a2.affine_forward, line 2: return product(x)"
    assert "what a cell uses stands in it, in another tagged cell, or in a2_layers/affine.py" in message


@pytest.mark.parametrize(
    "cells, remark",
    [
        ([("x = 1", "a2.afine_forward")], "notes.ipynb: the tag a2.afine_forward names no exercise"),
        ([("def forward(): ...", FORWARD.name)], "cell a2.affine_forward: it has no function affine_forward"),
        ([("x = 1", "remove-input")], ""),
    ],
)
def test_not_written_says_what_is_amiss_in_the_notebook(cells, remark, learner):
    learner.write_cells(*cells)
    kind, message, _ = said(learner)
    assert kind == "not written" and remark in message
    assert remark or message.endswith("not written yet")


@pytest.mark.parametrize("content", ["half a noteb", "[]", '{"cells": [{}]}', "[" * 100_000, '{"cells": [3]}'])
def test_what_is_no_notebook_is_said_in_a_remark(content, learner):
    (learner.folder / "notes.ipynb").write_text(content)
    assert said(learner)[1].endswith("(notes.ipynb: it cannot be read as a notebook)")
    with pytest.raises(CourseError, match="cannot be read as a notebook"):
        cells_of(content.encode(), "notes.ipynb")


def test_what_is_written_twice_counts_nowhere_until_one_is_gone(learner):
    learner.write_cells((solution_of(FORWARD), FORWARD.name), (solution_of(BACKWARD), BACKWARD.name))
    learner.write(FORWARD, solution_of(FORWARD))
    kind, message, where = said(learner)
    assert kind == "twice" and where == "notes.ipynb, cell a2.affine_forward"
    assert (
        "written 2 times, in notes.ipynb, cell a2.affine_forward and in a2_layers/affine.py, line 8: keep"
        in message
    )
    assert said(learner, BACKWARD)[0] == "passed"
    main(["learn", "--folder", str(learner.folder), "reset", FORWARD.name])
    assert said(learner)[0] == "passed"
    learner.write_cells((solution_of(FORWARD), FORWARD.name), (solution_of(FORWARD), FORWARD.name))
    kind, message, _ = said(learner)
    assert kind == "twice" and "in notes.ipynb, cell a2.affine_forward (2): keep" in message


def test_reset_says_that_the_cell_is_still_there(learner, capsys):
    learner.write_cells((solution_of(FORWARD), FORWARD.name))
    assert main(["learn", "--folder", str(learner.folder), "reset", FORWARD.name]) == 0
    assert "notes.ipynb, cell a2.affine_forward: notebooks are left" in " ".join(capsys.readouterr().out.split())


def test_one_cell_may_have_several_tags_and_several_cells_one(learner):
    both = solution_of(FORWARD) + "\n\n" + solution_of(BACKWARD)
    learner.write_cells((both, FORWARD.name, BACKWARD.name, "slide"))
    assert [said(learner, row)[0] for row in ROWS] == ["passed", "passed"]
    helped = "def affine_forward(x, w, b):\n    return flat(x) @ w + SCALE * b, (x, w)"
    learner.write_cells(
        ("SCALE = 1\ndef flat(x): return x.reshape(len(x), -1)", FORWARD.name), (helped, "affine_forward")
    )
    assert said(learner)[0] == "passed"


def test_a_trial_of_another_function_in_a_cell_does_not_count(learner):
    learner.write_cells(
        (solution_of(FORWARD), FORWARD.name),
        ("def affine_forward(x, w, b): return None\n\n" + solution_of(BACKWARD), BACKWARD.name),
    )
    assert [said(learner, row)[0] for row in ROWS] == ["passed", "passed"]


def test_files_import_what_cells_of_others_write(learner):
    learner.write_cells(*((solution_of(row), row.name) for row in select(["a3.output_size", "a3.im2col"])))
    assert said(learner, find_exercise("a3.im2col"))[0] == "passed"


def test_operators_at_the_beginning_of_a_line_are_no_magics(learner):
    cell = "%%time\n!ls\n%matplotlib inline\ndef f(a, b):\n    return (a\n        % b\n        != a)\n"
    learner.write_cells((cell, FORWARD.name))
    [found] = look(learner.folder).cells
    assert found.source == "\n\n\n" + cell.partition("inline\n")[2]


def test_the_loop_goes_to_the_cell_that_was_saved(learner):
    watch = Watch(learner.folder)

    def moved(*cells):
        learner.write_cells(*cells)
        watch._pending = {"notes.ipynb"}
        return watch._moved(FORWARD)

    cells = (solution_of(FORWARD), FORWARD.name), ("plot()", "slide"), ("x = 1", RELU.name)
    assert moved(*cells) == FORWARD
    assert moved(*cells[:2], ("x = 2", RELU.name)) == RELU
    assert moved(*cells[:2], ("x = 2", RELU.name)) == FORWARD  # saved, and nothing new
    assert watch._place(FORWARD) == "notes.ipynb, cell a2.affine_forward"
    assert watch._place(RELU) == RELU.path


@pytest.fixture
def handed_in(learner, tmp_path):
    """The learner's work as a folder, as a zip, and the notebook alone."""

    def paths():
        (learner.folder / "pictures").mkdir(exist_ok=True)
        zipped = tmp_path / "zipped.zip"
        with zipfile.ZipFile(zipped, "w") as archive:
            for path in (path for path in learner.folder.rglob("*") if path.suffix in (".py", ".ipynb")):
                archive.write(path, f"homework/{path.relative_to(learner.folder)}")
        alone = tmp_path / "alone"
        alone.mkdir(exist_ok=True)
        shutil.copy(learner.folder / "notes.ipynb", alone)
        return [alone, learner.folder, zipped]

    return paths


def test_cells_are_graded_in_folders_and_zips_and_alone(learner, handed_in):
    learner.write_cells((solution_of(FORWARD) + "\nopen('x')\n", FORWARD.name), (WRONG_BACKWARD, BACKWARD.name))
    for one in grade(handed_in(), ROWS, seed=3):
        forward, backward = one.outcomes.values()
        assert forward.passed, one
        assert backward.kind == "wrong" and backward.where.startswith(
            "notes.ipynb, cell a2.affine_backward, line 3"
        )


def test_a_notebook_handed_in_alone_may_use_other_files_of_the_assignment(learner, handed_in):
    rows = select(["a3.im2col", "a3.col2im"])
    learner.write_cells(
        (solution_of(rows[0]), rows[0].name), (solution_of(find_exercise("a3.output_size")), "a3.output_size")
    )
    [one] = grade(handed_in()[:1], rows)
    assert [outcome.kind for outcome in one.outcomes.values()] == ["passed", "not written"]


HONEST = "def affine_forward(x, w, b):\n    return x.reshape(len(x), -1) @ w + b, (x, w, b)\n"
HOSTILE = {
    "calls the built-in layer": (
        "def affine_forward(x, w, b):\n    from nnscratch.layers import affine_forward as theirs\n"
        "    return theirs(x, w, b)",
        "it imports nnscratch.layers: what is built in is to be written here",
        "line 2",
    ),
    "changes numpy, which the file imports": (
        "def affine_forward(x, w, b):\n    np.testing.assert_allclose = None\n    return x, w",
        "it changes numpy",
        "line 2",
    ),
    "reads when it is loaded": ("def f(x=open('/x')): ...\n" + HONEST, "it uses open", "line 1"),
    "reads in a class": ("class A:\n    text = open('/x').read()\n" + HONEST, "it uses open", "line 2"),
    "uses a helper that cheats": (
        "def helper(x):\n    return eval('x')\n" + HONEST.replace("@ w", "@ helper(w)"),
        "it uses eval",
        "line 2",
    ),
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_a_hostile_cell_gets_no_points_and_a_reason(trick, learner):
    source, reason, line = HOSTILE[trick]
    learner.write_cells((source, FORWARD.name))
    [one] = grade([learner.folder], [FORWARD], seed=3)
    outcome = one.outcomes[FORWARD.name]
    assert outcome.kind == "cheat" and reason in outcome.message
    assert outcome.where == f"notes.ipynb, cell a2.affine_forward, {line}"


@pytest.mark.parametrize("trick", ["vars(np)['array_equal'] = max", "open(SOLUTION).read()"])
def test_what_slips_past_the_eye_is_seen_by_the_guard_in_cells_too(trick, learner):
    from nnscratch.course.grading.grade import check_under_guard

    trick = trick.replace("SOLUTION", repr(str(assignments_folder() / "solutions" / FORWARD.path)))
    learner.write_cells((HONEST.replace("\n    return", f"\n    {trick}\n    return"), FORWARD.name))
    outcome = check_under_guard(FORWARD, learner.folder)
    assert outcome.kind == "cheat" and ("numpy.array_equal" in outcome.message or "solutions" in outcome.message)


def test_notebooks_too_large_are_refused_with_the_remedy_and_broken_ones_are_told(learner):
    (learner.folder / "notes.ipynb").write_text("half a noteb")
    [one] = grade([learner.folder], [FORWARD])
    assert "notes.ipynb: it cannot be read as a notebook" in one.outcomes[FORWARD.name].message
    (learner.folder / "notes.ipynb").write_text(json.dumps({"cells": [], "picture": "0" * 9 * 2**20}))
    with pytest.raises(SubmissionError, match="holds more than 8 MB, which no exercise needs: clear its outputs"):
        read_submission(learner.folder, ROWS)


def test_a_folder_with_an_environment_of_its_own_is_read(learner, monkeypatch):
    from nnscratch.course.grading import submissions

    monkeypatch.setattr(submissions, "MOST_FILES", 50)
    home = learner.folder / ".venv" / "lib"
    home.mkdir(parents=True)
    for number in range(60):
        (home / f"{number}.py").write_text("import os")
    assert len(read_submission(learner.folder, ROWS).files) > 5
