"""Memory that is used again: never while somebody looks into it, given back after a while, and aligned."""

import os
import random
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from nnscratch.kernels import memory, reference
from nnscratch.layers import Conv, MaxPool, ReLU, Sequential
from nnscratch.shapes import Window
from tests import needs
from tests.contracts.test_layers import arrays_in
from tests.kernels.test_sweeps import channels

needs.package("numba")
from nnscratch.kernels import cpu  # noqa: E402

SIZE = 2 * memory.SMALL


@pytest.fixture(autouse=True)
def no_blocks(monkeypatch):
    """Every test starts without blocks."""
    monkeypatch.setattr(memory, "_blocks", [])


def address(array):
    return array.__array_interface__["data"][0]


# Whatever holds the memory of an array without being that array.
HOLDERS = {
    "itself": lambda a: a,
    "a view": lambda a: a[5:],
    "a view of a view of a view": lambda a: a.reshape(2, -1).T[::-1, 1:][3:7].view(),
    "another dtype": lambda a: a.view(np.int16),
    "no numbers at all": lambda a: a[:0],
    "a subclass": lambda a: a.reshape(2, -1).view(np.matrix)[0],
    "a memoryview": memoryview,
    "an array of a memoryview": lambda a: np.asarray(memoryview(a)[1000:2000]),
    "an iterator": lambda a: a.flat,
    "a list of rows": lambda a: list(a.reshape(4, -1)),
    "a function": lambda a: lambda: a,
    "broadcast": lambda a: np.broadcast_to(a, (3, *a.shape)),
    "a masked array": lambda a: np.ma.masked_array(a, a == 0),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_memory_is_not_handed_out_while_something_looks_into_it(name):
    array = memory.empty((SIZE,), np.uint8)
    array[:] = 7
    place, holder = address(array), HOLDERS[name](array)
    del array
    others = [memory.empty((SIZE,), np.uint8) for _ in range(3)]
    assert all(abs(address(other) - place) >= SIZE for other in others)
    for other in others:
        other[:] = 1
    del other, others
    assert memory.empty((SIZE,), np.uint8)[0] == 1  # a free one was there, and served
    if isinstance(holder, np.ndarray):
        assert (np.asarray(holder) == (7 if holder.dtype == np.uint8 else 0x0707)).all()


def test_memory_that_nobody_looks_into_serves_again():
    array = memory.empty((SIZE,), np.uint8)
    place, view = address(array), array[9:].view()
    del array, view
    assert address(memory.empty((3, SIZE // 16), np.float32)) == place
    assert len(memory._blocks) == 1


def test_small_arrays_are_left_to_numpy():
    memory.empty((memory.SMALL - 1,), np.uint8)
    assert memory._blocks == []
    memory.empty((memory.SMALL,), np.uint8)
    assert len(memory._blocks) == 1


def test_a_block_is_not_used_for_far_smaller_arrays():
    large = memory.empty((5 * SIZE,), np.uint8)
    place = address(large)
    del large
    assert address(memory.empty((SIZE,), np.uint8)) != place
    assert address(memory.empty((4 * SIZE,), np.uint8)) == place


def walk(seed, steps=600):
    """Ask for arrays and let go of them, or of all but a view, at random; nobody else may write into them."""
    chance, held = random.Random(seed), []
    for step in range(steps):
        if held and chance.random() < 0.5:
            array, mark = held.pop(chance.randrange(len(held)))
            assert (array == mark).all()
            if chance.random() < 0.3:
                held.append((array.reshape(-1)[chance.randrange(100) :: 2][::-1], mark))
        else:
            dtype = np.dtype(chance.choice([np.float32, np.float64, np.int32]))
            rows = chance.randrange(1, 9)
            array = memory.empty((rows, chance.randrange(SIZE // dtype.itemsize // 4)), dtype)
            assert array.size * dtype.itemsize < memory.SMALL or address(array) % memory.ALIGNMENT == 0
            mark = seed * steps + step
            array[:] = mark
            held.append((array, mark))
        if len(held) > 30:
            del held[: chance.randrange(30)]
    for array, mark in held:
        assert (array == mark).all()


def test_no_array_in_use_is_handed_out_again():
    for seed in range(3):
        walk(seed)
    sizes = sorted(block.size for block in memory._blocks)
    assert 5 < len(sizes) < 200  # blocks were used again


def test_nor_by_several_threads_at_once():
    failures = []

    def work(seed):
        try:
            walk(seed, steps=400)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert failures == [] and not any(worker.is_alive() for worker in workers)


def test_two_threads_do_not_find_the_same_block_free(monkeypatch):
    plain, arrays = memory._Block.free, []
    memory.empty((SIZE,), np.uint8)

    def slow(block):
        found = plain(block)
        time.sleep(0.05)  # time enough for the other threads to look at it as well
        return found

    monkeypatch.setattr(memory._Block, "free", slow)
    workers = [threading.Thread(target=lambda: arrays.append(memory.empty((SIZE,), np.uint8))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert len({address(array) for array in arrays}) == 4


def test_blocks_that_are_no_longer_asked_for_are_given_back():
    large, kept = memory.empty((64 * SIZE,), np.uint8), memory.empty((64 * SIZE,), np.uint8)
    del large
    for _ in range(2 * memory.IDLE):  # always the same, as in training: none of them needs a new block
        memory.empty((SIZE,), np.uint8)
    assert sorted(block.size for block in memory._blocks) == [SIZE, kept.size]
    del kept
    for _ in range(2 * memory.IDLE):
        memory.empty((SIZE,), np.uint8)
    assert [block.size for block in memory._blocks] == [SIZE]


def test_shapes_that_change_all_the_time_do_not_fill_the_memory():
    for step in range(3 * memory.IDLE):
        memory.empty((memory.SMALL + 97 * step,), np.uint8)
    assert len(memory._blocks) <= memory.IDLE


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
def test_large_arrays_start_at_a_line_of_the_cache(dtype):
    arrays = [memory.empty((3, SIZE + 7 * i), dtype) for i in range(9)]
    assert {address(array) % memory.ALIGNMENT for array in arrays} == {0}
    assert all(array.flags.c_contiguous and array.flags.writeable for array in arrays)
    assert all(array.dtype == dtype for array in arrays)


@given(channels())
def test_channels_last_keeps_numbers_and_makes_no_copy_of_its_own_output(arrays):
    [x] = arrays
    last = memory.channels_last(x)
    assert last.flags.c_contiguous
    assert_array_equal(last, np.moveaxis(x, 1, -1))
    first = memory.channels_first(last)
    assert_array_equal(first, x)
    assert np.shares_memory(memory.channels_last(first), last)
    assert_array_equal(memory.channels_last(x, np.dtype(np.float64)), np.moveaxis(x, 1, -1).astype(np.float64))


@given(channels(count=2))
def test_empty_like_and_flat_keep_numbers_and_order(arrays):
    x, y = arrays
    like = memory.empty_like(x)
    assert (like.shape, like.dtype) == (x.shape, x.dtype)
    row = memory.flat(like, like)
    assert np.shares_memory(row, like) and row.shape == (x.size,)
    row[:] = memory.flat(y, like)  # what a sweep does
    assert_array_equal(like, y)
    if x.flags.c_contiguous:
        assert like.flags.c_contiguous


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Windows has not")
def test_a_child_has_memory_of_its_own_though_a_thread_was_at_it():
    """The thread that had the lock is not there in the child."""
    held, at_it, done = memory.empty((SIZE,), np.uint8), threading.Event(), threading.Event()
    held[:] = 7

    def ask():
        with memory._lock:
            at_it.set()
            done.wait(60)

    worker = threading.Thread(target=ask)
    worker.start()
    at_it.wait(60)
    try:
        assert in_a_child(lambda: memory.empty((SIZE,), np.uint8).fill(1) or (held == 7).all())
    finally:
        done.set()
        worker.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Windows has not")
def test_kernels_on_large_arrays_work_in_a_forked_child():
    x, w = (
        np.random.default_rng(0).normal(size=(8, 16, 32, 32)),
        np.random.default_rng(1).normal(size=(16, 16, 3, 3)),
    )
    before, window = cpu.conv(x, w, None, Window.of(3)), Window.of(3)
    copied = before.copy()
    expected = reference.conv(x, w, None, window)
    right = lambda: np.allclose(cpu.conv(x, w, None, window), expected) and np.array_equal(before, copied)  # noqa: E731
    assert in_a_child(right) and right()


def in_a_child(check):
    """Return whether `check` is true in a forked child, within a minute."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_outputs_caches_and_gradients_stay_while_somebody_holds_them():
    net = Sequential(Conv(3, 16, 3, pad=1, rng=0), ReLU(), MaxPool(2), Conv(16, 16, 3, pad=1, rng=1), ReLU())
    rng = np.random.default_rng(0)
    images = [rng.normal(size=(32, 3, 24, 24)).astype(np.float32) for _ in range(3)]
    held = []
    for _ in range(3):
        for x in images:
            out, cache = net.forward(x, train=True)
            dx, grads = net.backward(out, cache)
            held.append([(array, array.copy()) for array in (out, dx, *arrays_in(cache), *grads.values())])
            del held[:-4]
    for array, copied in (pair for pairs in held for pair in pairs):
        assert_array_equal(array, copied)
