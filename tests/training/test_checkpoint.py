"""Checkpoints: what comes back, and what happens to damaged, foreign, half-written and impossible ones."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nnscratch.training import CheckpointError, load_checkpoint, restore_arrays, save_checkpoint
from nnscratch.training.atomic import write_atomically

dtypes = st.sampled_from([np.float32, np.float64, np.float16, np.int64, np.int8, np.uint8, np.bool_])
any_array = dtypes.flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0, max_side=3)))
facts_of_a_run = st.dictionaries(
    st.text(), st.one_of(st.floats(allow_nan=False), st.integers(), st.text(), st.none())
)


@settings(max_examples=15)  # each pushes three files to the disk
@given(st.dictionaries(st.text("abc.1", min_size=1), any_array), facts_of_a_run)
def test_everything_comes_back_bit_for_bit(saved, facts):
    folder = tempfile.mkdtemp()
    save_checkpoint(folder, saved, facts)
    loaded, loaded_facts = load_checkpoint(folder)
    assert loaded_facts == facts
    assert loaded.keys() == saved.keys()
    for name, array in saved.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert loaded[name].tobytes() == array.tobytes()
    shutil.rmtree(folder)


def test_views_are_saved_as_they_look(tmp_path):
    grid = np.arange(12.0).reshape(3, 4)
    save_checkpoint(tmp_path, {"turned": grid.T, "every second": grid[:, ::2], "big": grid.astype(">f8")}, {})
    loaded, _ = load_checkpoint(tmp_path)
    np.testing.assert_array_equal(loaded["turned"], grid.T)
    np.testing.assert_array_equal(loaded["every second"], grid[:, ::2])
    np.testing.assert_array_equal(loaded["big"], grid)


def test_the_folder_holds_one_checkpoint_and_no_litter(tmp_path):
    folder = tmp_path / "deep" / "checkpoint"
    for step in range(3):
        save_checkpoint(folder, {"w": np.full(4, step)}, {"step": step})
    (folder / ".arrays-0.safetensors.123.tmp").write_bytes(b"left by a crash")
    (folder / "notes.txt").write_text("mine")
    save_checkpoint(folder, {"w": np.full(4, 3)}, {"step": 3})
    names = sorted(path.name for path in folder.iterdir())
    assert names[1:] == ["checkpoint.json", "notes.txt"]
    assert names[0].startswith("arrays-")
    assert json.loads((folder / "checkpoint.json").read_text())["facts"] == {"step": 3}


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(tmp_path, {"w": np.arange(1000.0)}, {"epoch": 3})
    return tmp_path


def damage_arrays(folder):
    path = next(folder.glob("arrays-*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_arrays(folder):
    path = next(folder.glob("arrays-*"))
    path.write_bytes(path.read_bytes()[:-10])


def cut_json(folder):
    path = folder / "checkpoint.json"
    path.write_bytes(path.read_bytes()[:-10])


def lose_arrays(folder):
    next(folder.glob("arrays-*")).unlink()


def lose_entries(folder):
    path = folder / "checkpoint.json"
    head = json.loads(path.read_text())
    del head["sha256"]
    path.write_text(json.dumps(head))


def point_outside(folder):
    path = folder / "checkpoint.json"
    path.write_text(path.read_text().replace('"arrays-', '"../arrays-'))


@pytest.mark.parametrize("damage", [damage_arrays, cut_arrays, cut_json, lose_arrays, lose_entries, point_outside])
def test_a_damaged_checkpoint_says_so(saved, damage):
    damage(saved)
    with pytest.raises(CheckpointError, match=r"is damaged \(.*\): go back to an older copy"):
        load_checkpoint(saved)


def test_a_missing_checkpoint(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CheckpointError, match="give the folder that holds checkpoint.json"):
            load_checkpoint(folder)


@pytest.mark.parametrize("content", ["[1, 2]", '{"format": "another", "version": 1}', "{}"])
def test_a_foreign_checkpoint(saved, content):
    (saved / "checkpoint.json").write_text(content)
    with pytest.raises(CheckpointError, match="was not written by nnscratch"):
        load_checkpoint(saved)


def test_a_newer_checkpoint(saved):
    path = saved / "checkpoint.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(CheckpointError, match="has format version 2, this nnscratch reads 1"):
        load_checkpoint(saved)


def test_arrays_that_are_replaced_while_they_are_read(saved, monkeypatch):
    """The reader has the old checkpoint.json when a training saves the next checkpoint."""
    read = Path.read_bytes

    def read_slowly(path):
        content = read(path)
        if path.name == "checkpoint.json" and json.loads(content)["facts"]["epoch"] == 3:
            monkeypatch.undo()
            save_checkpoint(saved, {"w": np.zeros(2)}, {"epoch": 4})
        return content

    monkeypatch.setattr(Path, "read_bytes", read_slowly)
    loaded, facts = load_checkpoint(saved)
    assert facts == {"epoch": 4}
    assert loaded["w"].tolist() == [0, 0]


@pytest.mark.parametrize("bad", [np.array(["text"]), np.array([1j]), np.array([None])])
def test_arrays_that_cannot_be_saved(saved, bad):
    with pytest.raises(CheckpointError, match="b.w has dtype .*: a checkpoint holds floats"):
        save_checkpoint(saved, {"b.w": bad}, {})
    assert load_checkpoint(saved)[1] == {"epoch": 3}


def test_facts_that_cannot_be_saved(saved):
    with pytest.raises(CheckpointError, match="something that JSON cannot"):
        save_checkpoint(saved, {}, {"model": object()})
    assert load_checkpoint(saved)[1] == {"epoch": 3}


FULL_DISK = """
import resource, sys
import numpy as np
from nnscratch.training import CheckpointError, save_checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_checkpoint(sys.argv[1], {"w": np.ones(100_000)}, {"epoch": 4})
except CheckpointError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits on file sizes exist on Unix only")
def test_a_file_system_that_takes_no_more(saved):
    before = sorted(path.name for path in saved.iterdir())
    said = subprocess.check_output([sys.executable, "-c", FULL_DISK, saved], text=True)
    assert "bytes are needed" in said
    assert "800," in said
    assert "What was saved before is intact" in said
    assert sorted(path.name for path in saved.iterdir()) == before
    assert load_checkpoint(saved)[1] == {"epoch": 3}


def test_a_disk_that_is_really_full(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs more rights")
    try:
        save_checkpoint(tmp_path, {"w": np.ones(50_000)}, {"epoch": 3})
        before = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(CheckpointError, match=r"No space left on device.*bytes are needed, [\d,]+ are free"):
            save_checkpoint(tmp_path, {"w": np.zeros(100_000)}, {"epoch": 4})
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        assert load_checkpoint(tmp_path)[1] == {"epoch": 3}
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs Unix users")
def test_a_folder_that_cannot_be_written():
    folder = Path(tempfile.mkdtemp())
    save_checkpoint(folder, {"w": np.ones(3)}, {"epoch": 3})
    folder.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(CheckpointError, match=r"\(Permission denied\): choose a folder that can be written"):
            save_checkpoint(folder, {"w": np.zeros(3)}, {"epoch": 4})
        assert load_checkpoint(folder)[1] == {"epoch": 3}
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="choose a folder that can be written"):
        save_checkpoint(tmp_path / "file" / "checkpoint", {}, {})


SAVE_FOREVER = """
import itertools, sys
import numpy as np
from nnscratch.training import save_checkpoint
for step in itertools.count():
    save_checkpoint(sys.argv[1], {"w": np.full(50_000, step), "steps": np.array(step)}, {"step": step})
    print(step, flush=True)
"""


@pytest.mark.slow
def test_kill_9_at_any_moment_leaves_a_whole_checkpoint(tmp_path):
    moments = random.Random(0)
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOREVER, tmp_path], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "0\n"
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        told = [0, *(int(line) for line in process.stdout.read().splitlines())]
        process.wait()
        loaded, facts = load_checkpoint(tmp_path)
        assert facts["step"] >= told[-1], "a checkpoint that was complete is lost"
        assert (loaded["w"] == facts["step"]).all()
        assert loaded["steps"] == facts["step"]


def test_restoring_lists_everything_that_does_not_fit():
    params = {"a": np.zeros(2), "b": np.zeros(3), "c": np.zeros(1)}
    with pytest.raises(CheckpointError) as error:
        restore_arrays(params, {"a": np.ones(2), "b": np.ones(2), "d": np.ones(1)}, "parameters")
    for problem in ("c is missing", "d is not in this model", "b has shape (2,), but (3,) is needed"):
        assert problem in str(error.value)
    assert params["a"].sum() == 0


def test_an_interrupted_write_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"old")]
