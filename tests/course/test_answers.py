"""Every solution passes, every starter says "not written yet", every wrong answer is told as it should be."""

import importlib.util
import shutil

import pytest

from nnscratch.course.exercises import all_exercises, assignments_folder
from nnscratch.course.inside import perform
from nnscratch.course.starters import function_in, starter_of, with_function

SOLUTIONS = assignments_folder() / "solutions"
ROWS = list(all_exercises().values())


def wrong_answers():
    for path in sorted((assignments_folder() / "wrong").glob("a[0-9]*.py")):
        spec = importlib.util.spec_from_file_location(f"wrong_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield from module.WRONG


WRONG = list(wrong_answers())


@pytest.fixture(scope="module")
def starters(tmp_path_factory):
    """The folder that a learner gets."""
    folder = tmp_path_factory.mktemp("starters")
    for path in SOLUTIONS.glob("a[0-9]*/*.py"):
        target = folder / path.relative_to(SOLUTIONS)
        target.parent.mkdir(exist_ok=True)
        target.write_text(starter_of(path.read_text()))
    return folder


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_solution_passes(row):
    for seed in (0, 1):
        outcome = perform(row.name, SOLUTIONS, seed)
        assert outcome["kind"] == "passed", outcome


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_untouched_starter_says_not_written_yet(row, starters):
    outcome = perform(row.name, starters)
    assert outcome["kind"] == "not written", outcome
    assert outcome["message"] == f"{row.function} is not written yet"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_whole(row):
    source = (SOLUTIONS / row.path).read_text()
    assert len(row.hints) == 3 and row.points > 0 and 5 <= row.minutes <= 40
    assert '"""' in function_in(starter_of(source), row.function)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.exercise}: {wrong.words}")
def test_every_wrong_answer_is_told_as_it_should(wrong, tmp_path):
    row = all_exercises()[wrong.exercise]
    home = tmp_path / row.assignment
    shutil.copytree(SOLUTIONS / row.assignment, home)
    path = tmp_path / row.path
    path.write_text(with_function(path.read_text(), row.function, wrong.source))
    outcome = perform(row.name, tmp_path)
    told = "\n".join(str(value) for value in outcome.values())
    assert outcome["kind"] not in ("passed", "not written"), "the wrong answer passes"
    assert any(words in told for words in wrong.says), told
