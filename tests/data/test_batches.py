"""Every epoch sees every image once, each batch depends on its place alone, and no thread is left behind."""

import gc
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.data.augment import parse
from nnscratch.data.batches import Batches, prefetch
from nnscratch.data.dataset import DataError
from nnscratch.data.preprocess import Scale


def numbered(count):
    """Images filled with their own number, and the numbers as labels."""
    x = np.broadcast_to(np.arange(count).reshape(-1, 1, 1, 1), (count, 3, 8, 8)).astype(np.uint8)
    return x, np.arange(count)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


@given(count=st.integers(1, 40), size=st.integers(1, 40), epoch=st.integers(0, 5), shuffle=st.booleans())
def test_an_epoch_is_a_permutation(count, size, epoch, shuffle):
    size = min(size, count)
    batches = Batches(*numbered(count), size, seed=3, shuffle=shuffle)
    seen = list(batches.epoch(epoch))
    assert len(seen) == len(batches) == -(-count // size)
    assert all(len(y) == size for _, y in seen[:-1])
    labels = np.concatenate([y for _, y in seen])
    assert sorted(labels.tolist()) == list(range(count))
    assert shuffle or labels.tolist() == list(range(count))
    assert all((x[:, 0, 0, 0] == y).all() and x.dtype == np.float32 and y.dtype == np.int64 for x, y in seen)


def test_epochs_and_seeds_differ():
    x, y = numbered(100)
    orders = [
        np.concatenate([y for _, y in Batches(x, y, 10, seed=seed).epoch(epoch)]).tolist()
        for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]
    ]
    assert len({tuple(order) for order in orders}) == 4


@given(start=st.integers(0, 7), epoch=st.integers(0, 3))
def test_resuming_gives_the_same_bits(start, epoch):
    x = np.random.default_rng(0).integers(0, 256, (50, 3, 12, 12), dtype=np.uint8)
    batches = Batches(x, np.arange(50), 7, seed=5, augment=parse("mirror,crop2,cutout4"), preprocess=Scale())
    whole = list(batches.epoch(epoch))
    rest = list(batches.epoch(epoch, start=start))
    assert len(rest) == len(whole) - start
    for (x1, y1), (x2, y2) in zip(whole[start:], rest):
        assert x1.tobytes() == x2.tobytes()
        assert y1.tobytes() == y2.tobytes()


def test_augmentation_differs_from_batch_to_batch_and_from_the_shuffling():
    draws = []

    def record(x, rng):
        draws.append(rng.random())
        return x

    list(Batches(*numbered(30), 10, augment=record).epoch(0))
    list(Batches(*numbered(30), 10, augment=record).epoch(1))
    assert len(set(draws)) == 6
    assert np.random.default_rng([0, 0]).random() not in draws


def test_the_set_itself_is_never_changed():
    x, y = numbered(20)
    before = x.copy()
    list(Batches(x, y, 6, augment=parse("mirror,crop2,cutout4,jitter"), preprocess=Scale()).epoch(0))
    assert (x == before).all()


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (11, "batch_size is 11, but the set holds 10 images: use a batch size of 10 or less"),
        (0, "batch_size is 0: give a whole number, 1 or more"),
        (-3, "1 or more"),
        (2.5, "whole number"),
    ],
)
def test_a_batch_size_that_cannot_be_is_refused(size, message):
    with pytest.raises(DataError, match=message):
        Batches(*numbered(10), size)


def test_bad_images_labels_and_starts_are_refused():
    x, y = numbered(10)
    with pytest.raises(DataError, match="9 labels for 10 images"):
        Batches(x, y[:9], 2)
    with pytest.raises(DataError, match=r"expected images \(N, C, H, W\)"):
        Batches(x[:, 0], y, 2)
    with pytest.raises(DataError, match="NaN"):
        Batches(np.full((2, 1, 4, 4), np.nan), y[:2], 1)
    with pytest.raises(DataError, match="start is 6, but an epoch has 5 batches"):
        Batches(x, y, 2).epoch(0, start=6)
    assert list(Batches(x, y, 2).epoch(0, start=5)) == []


def test_the_thread_works_ahead():
    made = []
    results = prefetch(lambda key: made.append(key) or key, range(10), ahead=3)
    assert made == []
    assert next(results) == 0
    end = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < end:
        time.sleep(0.001)
    assert made == [0, 1, 2, 3]
    results.close()


def test_no_thread_is_left_when_the_consumer_stops_early():
    before = threading.active_count()
    for _ in Batches(*numbered(40), 2).epoch(0):
        break
    gc.collect()
    assert threads() == []
    assert threading.active_count() == before


def test_no_thread_is_left_when_the_consumer_raises():
    def consume():
        for _ in Batches(*numbered(40), 2).epoch(0):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    gc.collect()
    assert threads() == []


def test_an_exception_in_the_thread_reaches_the_consumer_after_the_good_batches():
    def explode(x, rng):
        if 17 in x[:, 0, 0, 0]:
            raise ZeroDivisionError("image 17")
        return x

    seen = []
    with pytest.raises(ZeroDivisionError, match="image 17"):
        seen.extend(y.tolist() for _, y in Batches(*numbered(20), 5, shuffle=False, augment=explode).epoch(0))
    assert threads() == []


def test_an_iterator_that_is_never_used_starts_no_thread():
    batches = Batches(*numbered(20), 5).epoch(0)
    assert threads() == []
    batches.close()


def test_an_empty_set_is_called_empty():
    with pytest.raises(DataError, match="no images"):
        Batches(np.zeros((0, 3, 4, 4), np.uint8), np.zeros(0, int), batch_size=4)


def test_features_come_in_batches_like_images():
    x = np.arange(20, dtype=np.float64).reshape(10, 2)
    batches = list(Batches(x, np.arange(10), 4, seed=1).epoch(0))
    assert [x.shape for x, _ in batches] == [(4, 2), (4, 2), (2, 2)]
    assert all((x[:, 0] == 2 * y).all() and x.dtype == np.float32 for x, y in batches)


def test_targets_may_be_boxes_or_masks():
    x, _ = numbered(6)
    boxes, masks = np.arange(24.0).reshape(6, 4), np.ones((6, 8, 8), bool)
    [(seen, y)] = Batches(x, boxes, 6, seed=2).epoch(0)
    assert (y == boxes[seen[:, 0, 0, 0].astype(int)]).all()
    [(_, y)] = Batches(x, masks, 6).epoch(0)
    assert y.shape == (6, 8, 8) and y.dtype == np.int64


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 3), int), [0, 1], "expected floating-point features"),
        (np.zeros((2, 0)), [0, 1], "at least one number"),
        (np.array([[1.0], [np.inf]]), [0, 1], "NaN or infinity in image 1"),
        (np.zeros((2, 3)), np.zeros((3, 4)), "3 targets for 2 examples"),
        (np.zeros((2, 3)), np.array([[1.0], [np.nan]]), "y holds NaN"),
        (np.zeros((2, 3)), [0.5, 1.0], "expected whole numbers"),
    ],
)
def test_bad_features_and_targets_are_refused(x, y, message):
    with pytest.raises(DataError, match=message):
        Batches(x, y, 1)
