"""Code that would hang, flood or crash a course gets one friendly line each, and the course goes on."""

import dataclasses
import subprocess
import sys
import time

import pytest

from nnscratch.course import sandbox
from nnscratch.course.check import check
from nnscratch.course.exercises import find_exercise

ROW = dataclasses.replace(find_exercise("a2.affine_forward"), seconds=20, megabytes=1024)
HEAD = "def affine_forward(x, w, b):\n"

HOSTILE = {
    "sys.exit": ("    import sys; sys.exit(0)", "exit", "calls sys.exit"),
    "exit with words": ("    raise SystemExit('done')", "exit", "calls sys.exit"),
    "os._exit": ("    import os; os._exit(0)", "exit", "ended Python"),
    "segmentation fault": ("    import ctypes; ctypes.string_at(0)", "crash", "SIGSEGV"),
    "abort": ("    import os; os.abort()", "crash", "SIGABRT"),
    "kills itself": ("    import os; os.kill(os.getpid(), 9)", "crash", "SIGKILL"),
    "20 GB in one array": ("    return np.ones(20 * 2**30, np.uint8)", "memory", "20.0 GiB"),
    "20 GB in a list": ("    a = [0] * 10**7\n    while True: a = a + a", "memory", "memory"),
    "a gigabyte printed": ("    for _ in range(1024): print('x' * 2**20)", "output", "prints more than 10 MB"),
    "endless recursion": ("    return affine_forward(x, w, b)", "error", "without end"),
    "asks the keyboard": ("    return input('x?')", "error", "EOFError"),
    "syntax error": ("    return x +", "syntax", "Python cannot read it"),
    "tabs and spaces": ("    y = 1\n\treturn x", "syntax", "Python cannot read it"),
    "raises what is no Exception": ("    raise GeneratorExit", "error", "GeneratorExit"),
    "closes its output": ("    import os; os.close(1); os.close(2)\n    return None", "wrong", "returns None"),
    "forgets to return": ("    x @ w + b", "wrong", "returns None"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_gets_a_friendly_line(name, learner):
    source, kind, words = HOSTILE[name]
    path = learner.folder / ROW.path
    text = path.read_text()
    path.write_text(text.replace('    raise NotWritten("affine_forward")', source))
    outcome = check(ROW, learner.folder)
    assert outcome.kind == kind, outcome
    assert words in outcome.message and "\n" not in outcome.message.strip()
    assert outcome.where.startswith(ROW.path)
    assert "Traceback" not in outcome.message and len(outcome.output) <= sandbox.KEPT_OUTPUT


def test_an_endless_loop_is_ended(learner):
    learner.write(ROW, HEAD + "    while True: pass")
    start = time.monotonic()
    outcome = check(dataclasses.replace(ROW, seconds=2), learner.folder)
    assert outcome.kind == "time" and "did not end within 2 seconds" in outcome.message
    assert time.monotonic() - start < 60


def test_what_it_started_ends_with_it(learner, tmp_path):
    mark = tmp_path / "alive"
    loop = f"while True: pathlib.Path({str(mark)!r}).write_text(str(time.time())); time.sleep(0.05)"
    child = f"import time, pathlib\n{loop}"
    source = f"    import subprocess, sys, time\n    subprocess.Popen([sys.executable, '-c', {child!r}])\n"
    learner.write(ROW, HEAD + source + "    time.sleep(1)\n    return None")
    assert check(ROW, learner.folder).kind == "wrong"
    time.sleep(0.3)
    before = mark.read_text() if mark.exists() else ""
    time.sleep(0.5)
    assert (mark.read_text() if mark.exists() else "") == before


def test_threads_that_never_end_do_not_hold_the_check_up(learner):
    thread = "threading.Thread(target=lambda: [time.sleep(1) for _ in range(10**6)]).start()"
    learner.write(ROW, f"{HEAD}    import threading, time\n    {thread}\n    return None")
    outcome = check(ROW, learner.folder)
    assert outcome.kind == "wrong" and "returns None" in outcome.message


def test_an_error_in_the_file_names_its_line(learner):
    path = learner.folder / ROW.path
    path.write_text(path.read_text() + "\nimport nunpy\n")
    outcome = check(ROW, learner.folder)
    last = len(path.read_text().splitlines())
    assert outcome.kind == "error" and "No module named 'nunpy'" in outcome.message
    assert outcome.where == f"{ROW.path}, line {last}: import nunpy"


def test_an_error_in_the_function_names_its_line(learner):
    learner.write(ROW, HEAD + "    y = x.reshpe(2, 3)\n    return y, x")
    outcome = check(ROW, learner.folder)
    assert outcome.kind == "error" and "reshpe" in outcome.message
    assert outcome.where.endswith("y = x.reshpe(2, 3)")
    assert "affine_forward" in outcome.report and "nnscratch/course" not in outcome.report


def test_what_is_printed_is_kept(learner):
    learner.write(ROW, HEAD + "    print('shape', x.shape)\n    return None")
    assert check(ROW, learner.folder).output.startswith("shape (3, 5)")


def test_a_function_that_was_deleted_or_is_none(learner):
    path = learner.folder / ROW.path
    path.write_text("affine_forward = 3\n")
    assert check(ROW, learner.folder).message == "affine_forward should be a function, it is the number 3"
    path.write_text("")
    assert "there is no function affine_forward" in check(ROW, learner.folder).message
    path.unlink()
    assert "is missing: nnscratch learn start ." in check(ROW, learner.folder).message


def test_bytes_that_are_no_text(learner):
    (learner.folder / ROW.path).write_bytes(b"\xff\xfe\x00def")
    outcome = check(ROW, learner.folder)
    assert outcome.kind in ("syntax", "error") and outcome.where.startswith(ROW.path)


def test_modules_beside_the_file_do_not_hide_the_library(learner):
    (learner.folder / "a2_layers" / "numpy.py").write_text("raise SystemExit")
    (learner.folder / "numpy.py").write_text("raise SystemExit")
    assert check(ROW, learner.folder).kind == "not written"


def test_a_check_is_given_up_when_asked(learner):
    learner.write(ROW, HEAD + "    while True: pass")
    start = time.monotonic()
    assert check(ROW, learner.folder, stop=lambda: time.monotonic() - start > 0.5).kind == "stopped"


def test_time_in_which_the_watcher_was_stopped_does_not_count():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    clock = sandbox._Clock()
    clock._last -= 1000  # as after a night with the lid closed
    clock.wait(process)
    process.kill()
    process.wait()
    assert clock.seconds < 1
