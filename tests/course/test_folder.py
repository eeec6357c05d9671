"""The learner's folder: made once, brought up to date without touching what was written, reset in parts."""

import pytest

from nnscratch.course import folder as folders
from nnscratch.course.exercises import CourseError, all_exercises, assignments_folder, find_exercise
from nnscratch.course.folder import find_folder, merged, reset, solution_of, start, starters
from nnscratch.course.inside import perform
from nnscratch.course.progress import Progress
from nnscratch.course.starters import BEGIN, END, function_in, is_untouched, starter_of

FORWARD, BACKWARD = (find_exercise(f"a2.affine_{way}") for way in ("forward", "backward"))


def test_starters_are_the_solutions_without_their_regions():
    """Outside the regions, starter and solution agree line for line, so that neither can drift."""
    for path in sorted((assignments_folder() / "solutions").glob("*/*.py")):
        solution = path.read_text()
        inside, outside = False, []
        for line in solution.splitlines():
            inside |= line.strip() == BEGIN
            if not inside:
                outside.append(line)
            inside &= line.strip() != END
        starter = starter_of(solution).splitlines()
        assert [line for line in starter if "raise NotWritten(" not in line] == outside, path
        assert starters()[path.relative_to(assignments_folder() / "solutions").as_posix()] == starter_of(solution)


def test_every_exercise_has_its_region_and_every_region_its_exercise():
    named = {(row.path, row.function) for row in all_exercises().values()}
    for name, text in starters().items():
        if name.endswith(".py"):
            regions = {line.split('"')[1] for line in text.splitlines() if "raise NotWritten(" in line}
            assert {(name, function) for function in regions} == {pair for pair in named if pair[0] == name}
            assert all(is_untouched(text, function) for function in regions)
            assert BEGIN not in text and END not in text


def test_start_never_overwrites(learner):
    learner.write(FORWARD, "def affine_forward(x, w, b):\n    return 'mine'")
    (learner.folder / "README.md").write_text("my notes")
    before = (learner.folder / FORWARD.path).read_text()
    done = start(learner.folder)
    assert (learner.folder / FORWARD.path).read_text() == before
    assert (learner.folder / "README.md").read_text() == "my notes"
    assert not (done.new or done.added or done.left)


def test_a_later_version_merges_in(learner, monkeypatch):
    later = dict(starters())
    later[FORWARD.path] = later[FORWARD.path].replace(
        "import numpy as np", "import math\n\nimport numpy as np"
    ) + ('\n\nLIMIT = 3\n\n\ndef affine_again(x):\n    """New."""\n    raise NotWritten("affine_again")\n')
    later[FORWARD.path] = later[FORWARD.path].replace(
        'def affine_backward(dout, cache):\n    """', 'def affine_backward(dout, cache):\n    """Clearer. '
    )
    later["a2_layers/brand_new.py"] = "x = 1\n"
    learner.write(FORWARD, "def affine_forward(x, w, b):\n    return 'mine'")
    monkeypatch.setattr(folders, "starters", lambda: later)
    done = start(learner.folder)
    text = (learner.folder / FORWARD.path).read_text()
    assert done.new == ["a2_layers/brand_new.py"]
    assert done.added == {FORWARD.path: ["affine_backward", "LIMIT", "affine_again"]}
    assert "return 'mine'" in text and "Clearer." in text and "LIMIT = 3" in text and "import math" in text
    compile(text, "affine.py", "exec")
    assert start(learner.folder).added == {}


def test_a_file_that_python_cannot_read_is_left_alone(learner, monkeypatch):
    path = learner.folder / FORWARD.path
    path.write_text("def affine_forward(x, w, b:\n")
    assert "cannot read it" in start(learner.folder).left[FORWARD.path]
    assert path.read_text() == "def affine_forward(x, w, b:\n"


def test_merging_an_empty_file_brings_all():
    starter = starters()[FORWARD.path]
    text, names = merged(starter, "")
    assert {"affine_forward", "affine_backward"} <= set(names)
    assert function_in(text, "affine_backward") == function_in(starter, "affine_backward")
    compile(text, "affine.py", "exec")


def test_reset_puts_aside_what_was_written(learner):
    for number in (1, 2):
        learner.write(FORWARD, f"def affine_forward(x, w, b):\n    return {number}")
        kept = reset(FORWARD, learner.folder)
        assert kept.name == f"a2.affine_forward-{number}.py" and f"return {number}" in kept.read_text()
    assert (learner.folder / FORWARD.path).read_text() == starters()[FORWARD.path]
    (learner.folder / FORWARD.path).write_text("def f(:")
    with pytest.raises(CourseError, match="cannot read the file"):
        reset(FORWARD, learner.folder)
    (learner.folder / FORWARD.path).unlink()
    assert reset(FORWARD, learner.folder) is None
    assert is_untouched((learner.folder / FORWARD.path).read_text(), "affine_forward")


def test_the_folder_is_found_from_below(learner, tmp_path):
    assert find_folder(learner.folder / "a2_layers") == learner.folder
    with pytest.raises(CourseError, match="nnscratch learn start"):
        find_folder(tmp_path)


def test_progress_counts_time_but_not_the_night(tmp_path):
    now = [0.0]
    progress = Progress(tmp_path, clock=lambda: now[0])
    progress.begin()
    for seconds, passed in ((60, False), (9 * 3600, False), (30, True), (50, True)):
        now[0] += seconds
        progress.record("a2.affine_forward", passed)
    record = Progress(tmp_path).of("a2.affine_forward")
    assert record["seconds"] == 60 + 600 + 30 and record["tries"] == 3 and record["passed"] == 9 * 3600 + 90


def test_a_solution_looked_at_gives_no_points(tmp_path):
    progress = Progress(tmp_path)
    progress.record(FORWARD.name, passed=True)
    progress.give_up(FORWARD.name)
    progress.give_up(BACKWARD.name)
    progress.record(BACKWARD.name, passed=True)
    assert progress.points(FORWARD) == FORWARD.points and progress.points(BACKWARD) == 0
    progress.forget(BACKWARD.name)
    assert progress.of(BACKWARD.name)["gave_up"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"exercises": 3}', '{"exercises": {"a": 1}}'])
def test_damaged_progress_is_said_with_a_remedy(content, tmp_path):
    (tmp_path / ".nnscratch-course.json").write_text(content)
    with pytest.raises(CourseError, match="is damaged: delete it"):
        Progress(tmp_path)


def test_solutions_are_shown_without_marks():
    for row in all_exercises().values():
        text = solution_of(row)
        assert BEGIN not in text and f"def {row.function}(" in text


def test_the_place_of_a_finding_is_below_the_folder_wherever_it_is_said(learner):
    learner.write(BACKWARD, solution_of(BACKWARD).replace("dout.sum(axis=0)", "dout.mean(axis=0)"))
    learner.write(FORWARD, solution_of(FORWARD))
    outcome = perform(BACKWARD.name, learner.folder)
    place = f"{BACKWARD.path}, line "
    assert outcome["where"].startswith(place) and outcome["finding"]["line"].startswith(place)
    assert f"see {place}" in outcome["report"]
