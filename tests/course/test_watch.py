"""The loop in a real terminal (tmux): it checks on each save, moves on, never flickers, and leaves cleanly."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nnscratch
from nnscratch.course.changes import Changes
from nnscratch.course.exercises import find_exercise
from nnscratch.course.folder import solution_of
from nnscratch.course.screen import BEGIN, END

FORWARD, BACKWARD = (find_exercise(f"a2.affine_{way}") for way in ("forward", "backward"))
LOOKS, PAUSE = 1200, 0.05  # waiting is counted in looks, so that a machine that stands still does no harm
WRONG_BACKWARD = """
def affine_backward(dout, cache):
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout / len(x)
    return dx, dw, dout.sum(axis=0)
"""


class Terminal:
    """A tmux window of its own, with a recording of every byte that was sent to it."""

    def __init__(self, tmp_path, folder, words=""):
        self.socket, self.recording = str(tmp_path / "tmux"), tmp_path / "recording"
        go, script, root = tmp_path / "go", tmp_path / "script", Path(nnscratch.__file__).parents[1]
        script.write_text(
            f"trap : INT; cd {folder}; while [ ! -e {go} ]; do sleep {PAUSE}; done\n"
            f"PYTHONPATH={root} {sys.executable} -m nnscratch learn {words}; echo left with $?; sleep 600"
        )
        self.tmux("-f", os.devnull, "new-session", "-d", "-x", "100", "-y", "30", "sh", str(script))
        self.tmux("pipe-pane", f"cat > {self.recording}")
        go.touch()

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait_for(self, words):
        for _ in range(LOOKS):
            page = self.screen()
            if words in " ".join(page.split()):
                return page
            time.sleep(PAUSE)
        raise AssertionError(f"{words!r} did not come:\n{self.screen()}")


@pytest.fixture
def terminal(tmp_path, learner):
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux: apt install tmux, or brew install tmux")
    opened = []

    def run(words=""):
        opened.append(Terminal(tmp_path, learner.folder, words))
        return opened[-1]

    yield run
    for one in opened:
        one.tmux("kill-server")


def test_a_session_from_the_first_save_to_the_last(terminal, learner):
    seen = terminal("watch affine.py")
    page = seen.wait_for("affine_forward is not written yet")
    assert (
        "0 of 2 exercises" in page
        and "a2_layers/affine.py, line" in page
        and "def affine_forward(x, w, b)" in page
    )

    learner.write(FORWARD, "def affine_forward(x, w, b):\n    return x +")
    assert "Python cannot read it" in seen.wait_for("to mend")
    path = learner.folder / FORWARD.path
    path.write_text(path.read_text().replace("return x +", "print('hello')\n    return x"))
    page = seen.wait_for("should return two things")
    assert "printed   hello" in page

    learner.write(FORWARD, solution_of(FORWARD))
    page = seen.wait_for("affine_backward is not written yet")
    assert "passed    a2.affine_forward" in page and "1 of 2 exercises" in page

    learner.write(BACKWARD, WRONG_BACKWARD)
    page = seen.wait_for("constant-factor in w")
    assert "dw = x.reshape(len(x), -1).T @ dout / len(x)" in page and "times too small" in page
    seen.tmux("send-keys", "h")
    assert "hint 1/3" in seen.wait_for("hint 1/3")

    learner.write(BACKWARD, solution_of(BACKWARD))
    page = seen.wait_for("left with 0")
    assert "all of these exercises are passed" in page and "nnscratch learn: " not in page  # the shell is back

    sent = seen.recording.read_bytes().decode()
    pages = sent.split(BEGIN)[1:]
    assert "Traceback" not in sent
    assert len(pages) >= 6 and all(END in page for page in pages)
    assert "\x1b[2J" not in "".join(pages), "the screen is cleared, which flickers"
    assert all(a.partition(END)[0] != b.partition(END)[0] for a, b in zip(pages, pages[1:])), "drawn twice"


def test_an_endless_loop_is_left_by_saving_again_and_the_loop_by_ctrl_c(terminal, learner):
    learner.write(FORWARD, "def affine_forward(x, w, b):\n    while True: pass")
    seen = terminal("watch affine.py")
    seen.wait_for("checking affine_forward")
    learner.write(FORWARD, "def affine_forward(x, w, b):\n    return None")
    seen.wait_for("returns None")
    before = seen.recording.stat().st_size
    time.sleep(1)
    assert seen.recording.stat().st_size == before, "something is drawn while nothing happens"
    seen.tmux("resize-window", "-x", "60", "-y", "20")
    seen.wait_for("returns None")
    seen.tmux("send-keys", "C-c")
    page = seen.wait_for("left with 0")
    assert "nnscratch learn goes on" in page and "Traceback" not in seen.recording.read_text()


def test_a_save_elsewhere_moves_the_loop_there(terminal, learner):
    seen = terminal()
    seen.wait_for("not written yet")
    other = find_exercise("a2.relu_forward")  # which is not the first of the course
    learner.write(other, "def relu_forward(x):\n    return None")
    assert "exercise  a2.relu_forward" in seen.wait_for("relu_forward returns None")
    learner.write_cells((WRONG_BACKWARD, BACKWARD.name))
    page = seen.wait_for("affine_backward uses affine_forward, which is not written yet")
    assert "file      notes.ipynb, cell a2.affine_backward" in page
    learner.write_cells((WRONG_BACKWARD, BACKWARD.name), (solution_of(FORWARD), FORWARD.name))
    assert "passed    a2.affine_forward" in seen.wait_for("constant-factor in w")
    seen.tmux("send-keys", "q")
    seen.wait_for("left with 0")


@pytest.mark.parametrize("polling", [True, False])
def test_saves_are_noticed_in_place_and_by_renaming(polling, learner):
    changes = Changes(learner.folder, polling=polling)
    path = learner.folder / FORWARD.path

    def noticed():
        return next(filter(None, (changes.wait() for _ in range(LOOKS))), set())

    path.write_text(path.read_text() + "\n")
    assert noticed() == {FORWARD.path}
    beside = path.with_suffix(".tmp")
    beside.write_text(path.read_text() + "\n")
    beside.replace(path)  # as editors do
    assert noticed() == {FORWARD.path}
    (learner.folder / "notes.ipynb").write_text("{}")
    assert noticed() == {"notes.ipynb"}
    assert changes.wait() == set()


def test_without_a_terminal_it_writes_plain_lines(learner):
    root = str(Path(nnscratch.__file__).parents[1])
    words = [sys.executable, "-m", "nnscratch", "learn", "watch", "affine.py"]
    environment = {**os.environ, "PYTHONPATH": root}
    for row in (FORWARD, BACKWARD):
        learner.write(row, solution_of(row))
    said = subprocess.run(
        words,
        cwd=learner.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0 and not said.stderr
    assert "passed    a2.affine_forward, a2.affine_backward" in said.stdout and "\x1b" not in said.stdout
