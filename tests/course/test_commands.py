"""`nnscratch learn ACTION` as a learner types it: words, exit codes, and what is kept."""

import json

import numpy as np
import pytest

from nnscratch.cli import main
from nnscratch.course.exercises import CourseError, all_exercises, find_exercise
from nnscratch.course.folder import solution_of
from nnscratch.course.mine import PARTS, own_parts, train_mine
from nnscratch.course.progress import Progress
from tests.data.samples import write_image_folder

FORWARD, BACKWARD = (find_exercise(f"a2.affine_{way}") for way in ("forward", "backward"))


@pytest.fixture
def says(learner, monkeypatch, capsys):
    """Run `nnscratch learn` in the learner's folder; return its exit code and all that it said, in one line."""
    monkeypatch.chdir(learner.folder)

    def run(*words):
        code = main(["learn", *words])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, " ".join((said.out + said.err).split())

    return run


def test_start_says_what_to_do_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["learn", "start", "my-course"]) == 0
    said = capsys.readouterr().out
    assert "cd my-course" in said and f"{len(all_exercises())} exercises" in said
    assert main(["learn", "start", "my-course"]) == 0
    assert "up to date" in capsys.readouterr().out


def test_outside_of_a_course_it_says_how_to_make_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in ([], ["check"], ["status"], ["hint"], ["train", "--mine"]):
        assert main(["learn", *words]) == 2
        assert "nnscratch learn start my-course makes one" in capsys.readouterr().err


def test_check_the_exercise_at_hand_then_others(says, learner):
    first = next(iter(all_exercises().values()))
    code, said = says("check")
    assert code == 1 and f"{first.function} is not written yet" in said
    learner.write(FORWARD, solution_of(FORWARD))
    code, said = says("check", "affine_forward")
    assert code == 0 and "passed a2.affine_forward" in said
    code, said = says("check", "a2_layers/affine.py")
    assert code == 1 and "passed 1 of 2" in said and "affine_backward is not written yet" in said
    code, said = says("check", "a2.afine_forward")
    assert code == 2 and "did you mean a2.affine_forward?" in said


def test_check_shows_the_whole_report_of_the_doctor(says, learner):
    learner.write(FORWARD, solution_of(FORWARD))
    wrong = solution_of(BACKWARD).replace("dout.sum(axis=0)", "dout.mean(axis=0)")
    assert wrong != solution_of(BACKWARD)
    learner.write(BACKWARD, wrong)
    code, said = says("check", BACKWARD.name)
    assert code == 1 and "constant-factor in b" in said and "findings:" in said


def test_hints_come_one_by_one(says):
    for count in (1, 2, 3, 3):
        code, said = says("hint", FORWARD.name)
        assert code == 0 and f"hint {count}/3" in said and f"hint {count + 1}/3" not in said
    assert "--give-up" in said


def test_the_solution_comes_after_passing_or_giving_up(says, learner):
    code, said = says("solution", FORWARD.name)
    assert code == 2 and "is not passed yet" in said
    code, said = says("solution", FORWARD.name, "--give-up")
    assert code == 0 and "def affine_forward" in said
    learner.write(FORWARD, solution_of(FORWARD))
    assert says("check", FORWARD.name)[0] == 0
    assert says("solution", FORWARD.name)[0] == 0
    assert "given up a2.affine_forward" in says("status")[1]
    assert Progress(learner.folder).points(FORWARD) == 0


def test_status_as_a_table_and_as_json(says, learner):
    learner.write(FORWARD, solution_of(FORWARD))
    says("check", FORWARD.name)
    code, said = says("status")
    rows = [row for row in all_exercises().values() if row.assignment == "a2_layers"]
    assert code == 0 and "a2-layers" in said and f"1 of {len(rows)}" in said
    assert FORWARD.name in says("status", "--all")[1]
    content = json.loads(says("status", "--json")[1])
    assert content["total"]["passed"] == 1 and content["exercises"][FORWARD.name]["points"] == FORWARD.points


def test_reset_begins_anew(says, learner):
    learner.write(FORWARD, solution_of(FORWARD))
    says("check", FORWARD.name)
    code, said = says("reset", FORWARD.name)
    assert code == 0 and "set-aside/a2.affine_forward-1.py" in said
    assert "affine_forward is not written yet" in says("check", FORWARD.name)[1]


def test_parts_fit_their_exercises():
    assert all(name in all_exercises() for part in PARTS for name in part.exercises)


def test_a_network_of_own_layers_learns_like_the_built_in_one(learner):
    """All parts are the learner's, whichever norm the network has, and both curves agree."""
    with pytest.raises(CourseError, match="none of your layers"):
        train_mine(learner.folder)
    progress = Progress(learner.folder)
    for row in all_exercises().values():
        if row.assignment in ("a2_layers", "a3_convnets"):
            learner.write(row, solution_of(row))
            progress.record(row.name, passed=True)
    for norm, other in (("batch", "lrn"), ("lrn", "batch_norm")):
        own, missing = own_parts(learner.folder, norm)
        assert list(own) == [part.name for part in PARTS if part.name != other] and not missing
    said = []
    for norm in ("lrn", "batch"):
        said.clear()
        hear = lambda label, text: said.append((label, text))  # noqa: E731
        trained = train_mine(learner.folder, epochs=1, images=64, norm=norm, say=hear, source="shapes10")
        assert np.allclose(trained["yours"].losses, trained["built-in"].losses, rtol=1e-3)
    assert trained["picture"].read_bytes()[1:4] == b"PNG"
    labels = ["yours", "data", "training", "time", "yours", "built-in", "apart", "picture"]
    assert [label for label, _ in said] == labels and said[1][1] == "64 images of shapes10"


def test_own_layers_train_on_a_folder_of_pictures(learner, tmp_path):
    pictures = write_image_folder(tmp_path / "pictures", classes=[f"c{n}" for n in range(300)], size=(16, 16))
    progress = Progress(learner.folder)
    for name in ("a2.relu_forward", "a2.relu_backward"):
        learner.write(all_exercises()[name], solution_of(all_exercises()[name]))
        progress.record(name, passed=True)
    said = {}
    train_mine(learner.folder, epochs=1, images=64, say=said.setdefault, source=str(pictures))
    assert said["yours"] == "relu" and said["data"] == "64 images of pictures"


def test_a_layer_that_no_longer_loads_is_named(learner):
    for row in (FORWARD, BACKWARD):
        Progress(learner.folder).record(row.name, passed=True)
    (learner.folder / FORWARD.path).write_text("def affine_forward(")
    with pytest.raises(CourseError, match="a2_layers/affine.py: SyntaxError"):
        own_parts(learner.folder)
