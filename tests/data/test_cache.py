"""The cache gives back what was built, heals itself when damaged, and never stops a run."""

import threading
import warnings

import numpy as np
import pytest

from nnscratch.data.cache import cache_folder, cached


class Builder:
    """Counts how often it had to build."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return {"x": np.arange(2000, dtype=np.uint8), "names": np.array(["cat", "dog"])}


def same(arrays):
    return arrays["x"].tolist() == Builder()()["x"].tolist() and arrays["names"].tolist() == ["cat", "dog"]


def test_it_is_built_once(cache):
    build = Builder()
    assert same(cached("pets", "1", build, cache))
    assert same(cached("pets", "1", build, cache))
    assert build.count == 1


def test_a_new_state_replaces_the_old_file_and_other_names_stay(cache):
    build = Builder()
    cached("birds", "1", build, cache)
    cached("pets", "1", build, cache)
    cached("pets", "2", build, cache)
    assert build.count == 3
    assert len(list(cache.iterdir())) == 2
    cached("birds", "1", build, cache)
    assert build.count == 3


@pytest.mark.parametrize("damage", ["empty", "cut", "one byte", "other file", "object array"])
def test_a_damaged_file_is_built_anew(cache, damage):
    build = Builder()
    cached("pets", "1", build, cache)
    (path,) = cache.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "one byte":
        content[content.index(bytes(range(50, 100))) + 10] ^= 1
    if damage == "object array":
        np.save(path, np.array([{}], dtype=object))
    else:
        path.write_bytes({"empty": b"", "cut": content[:1500], "other file": b"hello"}.get(damage, content))
    assert same(cached("pets", "1", build, cache))
    assert build.count == 2
    assert same(cached("pets", "1", build, cache))
    assert build.count == 2


def test_a_folder_that_cannot_be_written_costs_speed_only(tmp_path):
    blocked = tmp_path / "a file"
    blocked.write_text("no folder")
    build = Builder()
    for _ in range(2):
        with pytest.warns(UserWarning, match="could not be kept in .* set NNSCRATCH_CACHE"):
            assert same(cached("pets", "1", build, blocked / "cache"))
    assert build.count == 2


def test_a_full_disk_leaves_no_half_file(cache, monkeypatch):
    def full(file, array):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert same(cached("pets", "1", Builder(), cache))
    assert list(cache.iterdir()) == []


def test_many_at_once_all_get_whole_arrays(cache):
    good = []
    workers = [
        threading.Thread(target=lambda: good.append(same(cached("pets", "1", Builder(), cache)))) for _ in range(8)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert good == [True] * 8
    assert same(cached("pets", "1", Builder(), cache))


def test_the_folder_is_the_argument_then_the_variable_then_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setenv("NNSCRATCH_CACHE", str(tmp_path / "named"))
    assert cache_folder(tmp_path / "given") == tmp_path / "given"
    assert cache_folder() == tmp_path / "named"
    monkeypatch.delenv("NNSCRATCH_CACHE")
    assert cache_folder().name == "nnscratch"
