"""shapes10 is the same every time, balanced, cluttered beyond simple classifiers, and its boxes and masks fit."""

import numpy as np
import pytest

from nnscratch.data import shapes10 as module
from nnscratch.data.dataset import DataError
from nnscratch.data.shapes10 import CLASSES, OUTLINES, boxes_of, shapes10, shapes10_with_masks


@pytest.fixture(scope="module")
def drawn():
    return shapes10_with_masks(500)


def test_the_same_arguments_give_the_same_images():
    first, second = shapes10_with_masks(30), shapes10_with_masks(30)
    assert all((a == b).all() for a, b in zip(first, second))


def test_the_first_images_do_not_depend_on_the_count(drawn):
    few, many = shapes10_with_masks(70), shapes10_with_masks(600)
    assert (few.x == drawn.x[:70]).all()
    assert (many.x[:500] == drawn.x).all()
    assert (many.y[:500] == drawn.y).all()


def test_seeds_splits_and_chunks_differ(drawn):
    others = [shapes10_with_masks(50, seed=1).x, *(shapes10_with_masks(50, split=s).x for s in ("val", "test"))]
    others.append(shapes10_with_masks(550).x[500:])
    images = [drawn.x[:50], *others]
    assert len({part.tobytes() for part in images}) == len(images)


def test_known_bits_of_the_generator():
    """The set is part of published results: changing it must be meant, and then VERSION counts up."""
    drawn = shapes10_with_masks(500)
    assert module.VERSION == 2
    assert drawn.y[:12].tolist() == [0, 9, 9, 7, 1, 2, 8, 7, 8, 5, 8, 6]
    assert abs(float(drawn.x.mean()) - 128.2670) < 0.01


def test_every_class_is_drawn_equally_often(drawn):
    assert np.bincount(drawn.y).tolist() == [50] * 10
    assert len(CLASSES) == len(OUTLINES) == 10
    assert sorted(CLASSES) == CLASSES == list(OUTLINES)


def test_types_and_shapes(drawn):
    assert drawn.x.shape == (500, 3, 32, 32)
    assert (drawn.x.dtype, drawn.y.dtype, drawn.masks.dtype) == (np.uint8, np.int64, bool)
    assert drawn.boxes.shape == (500, 4)


def test_boxes_enclose_the_masks_tightly_and_nothing_is_cut_off(drawn):
    for mask, (x0, y0, x1, y1) in zip(drawn.masks, drawn.boxes):
        assert mask[y0:y1, x0:x1].sum() == mask.sum() > 50
        assert mask[y0].any() and mask[y1 - 1].any() and mask[:, x0].any() and mask[:, x1 - 1].any()
    assert drawn.boxes.min() >= 1
    assert drawn.boxes.max() <= 31


def test_shapes_stand_out_from_their_surroundings(drawn):
    x = drawn.x.astype(float)
    inside = (x * drawn.masks[:, None]).sum(axis=(2, 3)) / drawn.masks.sum(axis=(1, 2))[:, None]
    outside = (x * ~drawn.masks[:, None]).sum(axis=(2, 3)) / (~drawn.masks).sum(axis=(1, 2))[:, None]
    contrast = np.sqrt(((inside - outside) ** 2).sum(axis=1))
    assert np.quantile(contrast, 0.02) > 60


def test_places_sizes_and_turns_vary(drawn):
    x0, y0, x1, y1 = drawn.boxes.T
    assert np.ptp(x0 + x1) / 2 > 8
    assert np.ptp(y0 + y1) / 2 > 8
    squares = drawn.y == CLASSES.index("square")
    assert np.ptp((x1 - x0)[squares]) > 6


@pytest.mark.parametrize("name", CLASSES)
def test_outlines_are_distances_that_shrink_towards_the_shape(name):
    v, u = np.mgrid[-1.3:1.3:131j, -1.3:1.3:131j].astype(np.float32)
    distance = OUTLINES[name](u, v)
    step = 2.6 / 130
    slope = np.hypot(*np.gradient(distance, step))
    edge = np.abs(distance) < 0.05
    assert np.quantile(np.abs(slope[edge] - 1), 0.8) < 0.1
    assert (distance[np.hypot(u, v) > 1.06] > 0).all()
    assert 0.1 < (distance < 0).mean() < 0.45


def test_the_dataset_holds_three_different_sets(cache):
    data = shapes10(train=60, test=30, validation=20)
    assert repr(data) == "Dataset(shapes10: 60 train + 20 val + 30 test images of 3x32x32 uint8, 10 classes)"
    images = [image.tobytes() for part in (data.x_train, data.x_val, data.x_test) for image in part]
    assert len(set(images)) == 110
    assert (shapes10(train=60, test=30, validation=20).x_train == data.x_train).all()
    assert len(list(cache.iterdir())) == 1
    assert len(shapes10(train=5, test=0, validation=0).x_test) == 0


def test_other_sizes_are_drawn(cache):
    data = shapes10(train=10, test=10, validation=0, size=48)
    assert data.image == (3, 48, 48)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shapes10(train=0), "train=0, .*give 1 or more images to train on"),
        (lambda: shapes10(test=-1), "test=-1"),
        (lambda: shapes10(train=5, size=8), "of 8x8: ask for 1 or more, 16x16 or larger"),
        (lambda: shapes10_with_masks(0), "cannot draw 0 images"),
        (lambda: shapes10_with_masks(5, split="tests"), "unknown split 'tests': did you mean 'test'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_empty_mask_or_a_full_one_has_a_box():
    assert boxes_of(np.ones((1, 4, 6), bool)).tolist() == [[0, 0, 6, 4]]
    assert issubclass(DataError, ValueError)


@pytest.fixture(scope="module", params=[4_000, pytest.param(10_000, marks=pytest.mark.slow)])
def flat_sets(request):
    """Training images and 1,000 test images as rows with mean 0 and variance 1."""
    train, test = shapes10_with_masks(request.param), shapes10_with_masks(1000, split="test")
    rows = [part.x.reshape(len(part.x), -1).astype(np.float32) for part in (train, test)]
    mean, std = rows[0].mean(axis=0), rows[0].std(axis=0)
    return [(part - mean) / std for part in rows], train.y, test.y


def test_nearest_neighbours_stay_under_half(flat_sets):
    (train, test), y_train, y_test = flat_sets
    distance = (train * train).sum(axis=1) - 2 * test @ train.T
    for k in (1, 5):
        nearest = np.argpartition(distance, k, axis=1)[:, :k]
        votes = np.stack([np.bincount(row, minlength=10) for row in y_train[nearest]])
        assert 0.15 < (votes.argmax(axis=1) == y_test).mean() < 0.5


def test_a_linear_classifier_stays_under_half(flat_sets):
    (train, test), y_train, y_test = flat_sets
    w = np.zeros((train.shape[1], 10), np.float32)
    target = np.eye(10, dtype=np.float32)[y_train]
    for _ in range(60):
        scores = train @ w
        probabilities = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        w -= 0.02 * train.T @ (probabilities - target) / len(train)
    assert ((train @ w).argmax(axis=1) == y_train).mean() > 0.2
    assert ((test @ w).argmax(axis=1) == y_test).mean() < 0.5
