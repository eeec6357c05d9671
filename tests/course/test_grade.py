"""Grading: honest work gets its points, and hostile submissions get none, with a reason."""

import csv
import html
import io
import shutil
import zipfile

import pytest

from nnscratch.cli import main
from nnscratch.course.exercises import CourseError, assignments_folder, select
from nnscratch.course.grading import submissions
from nnscratch.course.grading.audit import breaches, zeroed
from nnscratch.course.grading.feedback import csv_text, page, write_pages
from nnscratch.course.grading.grade import Grade, check_under_guard, grade
from nnscratch.course.grading.submissions import SubmissionError, read_submission

SOLUTIONS = assignments_folder() / "solutions"
ROWS = select(["a2.affine_forward", "a2.affine_backward"])
AFFINE = (SOLUTIONS / "a2_layers" / "affine.py").read_text()


def function(body, name="affine_forward", arguments="x, w, b"):
    return f"def {name}({arguments}):\n" + "".join(f"    {line}\n" for line in body.splitlines())


def hand_in(folder, source, learner="eve"):
    """A submission whose affine.py is this source."""
    home = folder / learner / "a2_layers"
    home.mkdir(parents=True)
    (home / "affine.py").write_text(source)
    return folder / learner


HONEST = function("return x.reshape(len(x), -1) @ w + b, (x, w, b)")
HOSTILE = {
    "changes numpy": (
        "import numpy as np\nnp.testing.assert_allclose = lambda *a, **k: None\n" + HONEST,
        "it changes numpy",
    ),
    "changes numpy under another name": (
        "import numpy as np\nother = [np][0]\nother.array_equal = lambda *a: True\n" + HONEST,
        "it changes numpy",
    ),
    "changes nnscratch": (
        "import nnscratch.course.expect as e\ne.equal = lambda *a, **k: None\n" + HONEST,
        "it imports nnscratch.course.expect",
    ),
    "calls the built-in layer": (
        function("from nnscratch.layers import affine_forward as theirs\nreturn theirs(x, w, b)"),
        "it imports nnscratch.layers: what is built in is to be written here",
    ),
    "imports by a name that it makes up": (
        function("m = __import__('nnscr' + 'atch.layers', fromlist=['x'])\nreturn m.affine_forward(x, w, b)"),
        "it uses __import__",
    ),
    "reads the solutions": (
        function("exec(open('/solutions/affine.py').read())\nreturn None"),
        "it uses ",
    ),
    "reads them with numpy": (
        "import numpy as np\n" + function("return np.fromfile(x), x"),
        "it reads or writes files (np.fromfile)",
    ),
    "looks for the checker on the stack": (
        "import sys\n" + function("return sys._getframe(1).f_locals['expected'], None"),
        "it imports sys",
    ),
    "walks from a class to everything": (
        function("return ().__class__.__base__.__subclasses__(), None"),
        "it reaches for __",
    ),
    "borrows sys from another module": (
        "import typing\n" + function("typing.sys.exit(0)"),
        "it reaches for sys",
    ),
    "pretends to be equal": (
        "import numpy as np\nclass Same(np.ndarray):\n    def __array_ufunc__(self, *a, **k):\n        return 1\n"
        + function("return np.zeros(3).view(Same), None"),
        "it defines __array_ufunc__",
    ),
    "starts a program": ("import os\nos.system('true')\n" + HONEST, "it imports os"),
    "hides behind an encoding": (
        "# coding: utf-7\n+AGkAbQBwAG8AcgB0- os\n" + function("return x, x"),
        "it imports os",
    ),
    "spells exec in other letters": (function("ｅｘｅｃ('x = 1')\nreturn None"), "it uses exec"),
    "merges the checker's names into its own": (
        "import functools\n" + function("functools.update_wrapper(affine_forward, x, (), ('__glo' + 'bals__',))"),
        "it reaches for update_wrapper",
    ),
    "loads by a name in a string": (
        "import numpy as np\n" + function("return getattr(np, 'load')('/solutions.npy'), None"),
        "it uses getattr with a name",
    ),
    "makes a class that pretends": (
        "import numpy as np\n" + function("return type(type(x))('Same', (np.ndarray,), {})(3), None"),
        "it makes a class with type(...)",
    ),
    "takes all of numpy": ("from numpy import *\n" + HONEST, "it imports all of numpy"),
    "changes a table of numpy": (
        "import numpy as np\nnp.sctypeDict['float64'] = np.float16\n" + HONEST,
        "it changes numpy (np.sctypeDict['float64'] = ...)",
    ),
    "takes getattr apart": (
        "import functools\n" + function("return functools.reduce(getattr, ['a'], x), None"),
        "it hands getattr on",
    ),
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_a_hostile_submission_gets_no_points_and_a_reason(trick, tmp_path):
    source, reason = HOSTILE[trick]
    [one] = grade([hand_in(tmp_path, source)], ROWS[:1], seed=3)
    outcome = one.outcomes["a2.affine_forward"]
    assert outcome.kind == "cheat" and reason in outcome.message
    assert outcome.where.startswith("a2_layers/affine.py")
    assert one.points({"a2.affine_forward": 1}) == 0


GUARDED = {
    "reads the solutions": (
        "import io\nSOLUTION = io.open({solution!r}).read()\n" + HONEST,
        "it reads the solutions or the checks",
    ),
    "reads the solutions and hides its fright": (
        "try:\n    open({solution!r}).read()\nexcept BaseException:\n    pass\n" + HONEST,
        "it reads the solutions or the checks",
    ),
    "calls the built-in layer": (
        function("import importlib\nreturn importlib.import_module('nnscratch.interop.onnx_export').x, None"),
        "it imports or reads a file of nnscratch itself",
    ),
    "changes numpy": (
        "import numpy as np\nvars(np)['array_equal'] = lambda *a, **k: True\n" + HONEST,
        "it changes numpy (numpy.array_equal)",
    ),
    "changes the checker": (
        "import sys\nsys.modules['nnscratch.course.expect'].equal = lambda *a, **k: None\n"
        + function("return 1, 2"),
        "it changes nnscratch.course.expect (nnscratch.course.expect.equal)",
    ),
    "changes the checker's code": (
        "import sys\ne = sys.modules['nnscratch.course.expect']\n"
        "e.equal.__code__ = (lambda *a, **k: None).__code__\n" + function("return 1, 2"),
        "it changes nnscratch.course.expect",
    ),
    "puts a module in the checker's place": (
        "import sys\nsys.modules['nnscratch.course.causes'] = 3\n" + HONEST,
        "it puts another module in the place of nnscratch.course.causes",
    ),
    "starts a program": ("import os\n" + function("os.system('true')\nreturn None"), "it starts another program"),
    "forges the reply": (
        "import os, sys\nplace = sys.argv[1]\n"
        "os.write(os.open(place + '/reply.json', os.O_CREAT | os.O_WRONLY), b'{{}}')\nos._exit(0)\n",
        "it ",
    ),
    "watches the checker": (
        "import sys\nsys.settrace(lambda *a: None)\n" + HONEST,
        "it calls sys.settrace, which no exercise needs",
    ),
}


@pytest.mark.parametrize("trick", GUARDED)
def test_what_slips_past_the_eye_is_seen_by_the_guard(trick, tmp_path):
    source, reason = GUARDED[trick]
    solution = str(SOLUTIONS / "a2_layers" / "affine.py")
    source = source.replace("{solution!r}", repr(solution)).replace("{{}}", "{}")
    outcome = check_under_guard(ROWS[0], hand_in(tmp_path, source), seed=3)
    assert outcome.kind == "cheat" and reason in outcome.message


def test_a_forged_reply_does_not_know_the_word(tmp_path, monkeypatch):
    from nnscratch.course import sandbox

    forged = {"outcome": {"kind": "passed"}, "breaches": [], "word": "guessed"}
    monkeypatch.setattr(sandbox, "run", lambda *a, **k: sandbox.Ending("replied", forged, "", 1.0))
    outcome = check_under_guard(ROWS[0], hand_in(tmp_path, HONEST))
    assert outcome.kind == "cheat" and outcome.message == "the reply of the check was forged"


@pytest.mark.parametrize("body, kind", [("while True: pass", "time"), ("raise SystemExit", "exit")])
def test_what_does_not_end_well_is_no_cheat_but_gets_no_points(body, kind, tmp_path):
    import dataclasses

    row = dataclasses.replace(ROWS[0], seconds=3.0 if kind == "time" else 60.0)
    assert check_under_guard(row, hand_in(tmp_path, function(body))).kind == kind


def test_honest_work_gets_its_points_and_a_cheat_in_one_function_costs_that_one(tmp_path):
    cheat = AFFINE.replace(
        "\ndef affine_backward(dout, cache):", "\ndef affine_backward_(dout, cache):"
    ) + function(
        "from nnscratch.layers import affine_backward as theirs\nreturn theirs(dout, cache)",
        "affine_backward",
        "dout, cache",
    )
    paths = [hand_in(tmp_path, cheat, "eve"), shutil.copytree(SOLUTIONS, tmp_path / "ada")]
    paths.append(hand_in(tmp_path, AFFINE.replace("@ w + b", "@ w - b"), "=ben"))
    grades = grade(paths, ROWS, seed=5)
    assert [one.learner for one in grades] == ["=ben", "ada", "eve"]
    kinds = {one.learner: [found.kind for found in one.outcomes.values()] for one in grades}
    assert kinds["ada"] == ["passed", "passed"] and kinds["eve"] == ["passed", "cheat"]
    assert kinds["=ben"][0] == "wrong"
    table = list(csv.reader(io.StringIO(csv_text(grades, ROWS))))
    assert table[0] == ["learner", "points", "of", "a2.affine_forward", "a2.affine_backward", "reasons"]
    assert table[1][0] == "'=ben"  # no formula
    assert table[2][:2] == ["ada", str(sum(row.points for row in ROWS))] and table[2][-1] == ""
    assert "a2.affine_backward: it imports nnscratch.layers" in table[3][-1]
    assert csv_text(grades, ROWS) == csv_text(grade(paths[::-1], ROWS, seed=5, workers=1), ROWS)


def test_files_that_an_exercise_imports_are_there_when_only_some_are_graded():
    [one] = grade([SOLUTIONS], select(["a2.net_loss", "a3.im2col"]))
    assert [found.kind for found in one.outcomes.values()] == ["passed", "passed"]


def test_half_characters_in_a_message_stop_no_grading(tmp_path):
    [one] = grade([hand_in(tmp_path, function("raise ValueError('\\ud800 oh')"))], ROWS[:1])
    assert one.outcomes["a2.affine_forward"].message == "ValueError: ? oh"
    assert b"? oh" in write_pages([one], ROWS[:1], tmp_path / "pages")[0].read_bytes()


def test_who_uses_a_cheating_helper_answers_for_it():
    source = b"def helper(x):\n    return open(x)\ndef one(x):\n    return helper(x)\ndef two(x):\n    return x\n"
    found = breaches(source, set())
    assert [(breach.line, breach.function) for breach in found] == [(2, "helper")]
    assert list(zeroed(source, found, {"one", "two"})) == ["one"]
    source = b"def one(x=open('a')):\n    return x\ndef two(x):\n    return x\n"
    assert list(zeroed(source, breaches(source, set()), {"one", "two"})) == [
        "one",
        "two",
    ]  # runs when it is loaded


def test_no_solution_looks_like_a_cheat():
    for path in sorted(SOLUTIONS.rglob("*.py")):
        siblings = {other.stem for other in path.parent.glob("*.py")}
        assert breaches(path.read_bytes(), siblings, path.read_bytes()) == [], path


def zipped(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_zip_is_graded_like_a_folder(tmp_path):
    path = zipped(tmp_path / "ada.zip", **{"homework/a2_layers/affine.py": AFFINE, "homework/.venv/numpy.py": "1"})
    [one] = grade([path], ROWS)
    assert one.learner == "ada" and [found.kind for found in one.outcomes.values()] == ["passed", "passed"]


@pytest.mark.parametrize(
    "name", ["../a2_layers/affine.py", "/etc/a.py", "a2_layers\\..\\..\\a.py", "C:/a.py", "a/../../b.py"]
)
def test_paths_that_lead_outside_are_refused(name, tmp_path):
    path = tmp_path / "eve.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("x")
        entry.filename = name
        archive.writestr(entry, AFFINE)
    with pytest.raises(SubmissionError, match="outside of its folder"):
        read_submission(path, ROWS)
    [one] = grade([path], ROWS)
    assert "outside of its folder" in one.refused and one.points({row.name: 1 for row in ROWS}) == 0
    assert not (tmp_path.parent / "a2_layers").exists()


def test_zip_bombs_links_and_rubbish_are_refused(tmp_path, monkeypatch):
    bomb = zipped(tmp_path / "bomb.zip", **{"a2_layers/affine.py": b"\0" * (64 * 2**20)})
    assert bomb.stat().st_size < 100_000
    many = {f"{i}/a2_layers/affine.py": b"#" * 2**19 for i in range(60)}
    link = tmp_path / "link.zip"
    with zipfile.ZipFile(link, "w") as archive:
        entry = zipfile.ZipInfo("a2_layers/affine.py")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    twice = tmp_path / "twice.zip"
    with zipfile.ZipFile(twice, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a2_layers/affine.py", AFFINE)
        archive.writestr("a2_layers/affine.py", "import os")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(twice.read_bytes()[:-30])
    refused = {
        bomb: "which no exercise needs",
        zipped(tmp_path / "many.zip", **many): "a zip bomb",
        link: "is a link",
        twice: "in it twice",
        broken: "neither a folder nor a zip",
        tmp_path / "nowhere": "neither a folder nor a zip",
    }
    for path, reason in refused.items():
        with pytest.raises(SubmissionError, match=reason):
            read_submission(path, ROWS)
    monkeypatch.setattr(submissions, "MOST_FILES", 5)
    with pytest.raises(SubmissionError, match="more than 5 files"):
        read_submission(zipped(tmp_path / "files.zip", **{f"{i}.txt": "" for i in range(9)}), ROWS)


def test_a_link_in_a_folder_is_refused(tmp_path):
    folder = hand_in(tmp_path, AFFINE)
    (folder / "a2_layers" / "affine.py").unlink()
    (folder / "a2_layers" / "affine.py").symlink_to(SOLUTIONS / "a2_layers" / "affine.py")
    with pytest.raises(SubmissionError, match="is a link"):
        read_submission(folder, ROWS)


@pytest.mark.parametrize("name", ["nnscratch/course/expect.py", "checks/a2_layers.py", "sitecustomize.py",
                                  "a2_layers/numpy.py"])  # fmt: skip
def test_an_edited_checker_costs_the_points(name, tmp_path):
    folder = hand_in(tmp_path, AFFINE)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("def equal(*a, **k): pass\n")
    [one] = grade([folder], ROWS)
    assert {found.kind for found in one.outcomes.values()} == {"cheat"}
    assert f"brings {name}" in one.outcomes["a2.affine_forward"].message


def test_an_unchanged_copy_of_the_checker_costs_nothing(tmp_path):
    folder = hand_in(tmp_path, AFFINE)
    shutil.copytree(assignments_folder() / "checks", folder / "checks")
    assert read_submission(folder, ROWS).tampered == {}


def test_pages_show_the_doctors_report_and_nothing_is_run_in_them(tmp_path):
    wrong = AFFINE.replace("dout.sum(axis=0)", "dout.mean(axis=0)")
    assert wrong != AFFINE
    source = wrong + "\nprint('<script>alert(1)</script>')\n"
    [one] = grade([hand_in(tmp_path, source, "<b>eve")], ROWS)
    text = page(one, ROWS)
    assert "<script>" not in text and "<b>eve" not in text and "&lt;script&gt;" in text
    assert one.outcomes["a2.affine_backward"].report in text.replace("&#x27;", "'").replace("&gt;", ">")
    assert "batch" in text and "a2.affine_backward" in text


def test_every_learner_has_a_page_of_their_own(tmp_path):
    names = ["a:b", "a;b", "a|b", "a_b", "a_b-2"]
    paths = write_pages([Grade(name, {}, refused="no zip") for name in names], [], tmp_path)
    assert all(html.escape(name) in path.read_text() for name, path in zip(names, paths))


def test_the_command_writes_the_table_and_the_pages(tmp_path, capsys):
    folder, table = hand_in(tmp_path, AFFINE, "ada"), tmp_path / "grades.csv"
    words = [
        "grade",
        str(folder),
        str(tmp_path / "no.zip"),
        "--csv",
        str(table),
        "--exercises",
        "a2.affine_forward",
    ]
    assert main(words) == 0
    rows = list(csv.DictReader(table.open()))
    assert [row["learner"] for row in rows] == ["ada", "no"] and rows[0]["points"] == rows[0]["of"]
    assert "neither a folder nor a zip" in rows[1]["reasons"]
    assert (tmp_path / "grades-feedback" / "ada.html").is_file()
    assert "ada: 1 of 1 points" in capsys.readouterr().out
    assert main([*words[:3], "--csv", str(tmp_path / "nowhere" / "x.csv")]) == 2
    with pytest.raises(CourseError, match="name them after their learners"):
        grade([folder, zipped(tmp_path / "ada.zip")], ROWS)
