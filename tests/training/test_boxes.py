"""Overlaps of boxes are those of the pixels they cover, and average precision is what one counts by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.shapes import ShapeError
from nnscratch.training import MetricError
from nnscratch.training.boxes import (
    Detections,
    average_precision,
    box_iou,
    mask_iou,
    mean_average_precision,
    non_maximum_suppression,
)

box = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def pixels(box):
    mask = np.zeros((12, 12), bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


@given(st.lists(box, min_size=1, max_size=4), st.lists(box, min_size=1, max_size=4))
def test_overlap_of_boxes_is_that_of_their_pixels(a, b):
    found = box_iou(np.array(a), np.array(b))
    for n, first in enumerate(a):
        for m, second in enumerate(b):
            shared, union = pixels(first) & pixels(second), pixels(first) | pixels(second)
            assert found[n, m] == pytest.approx(shared.sum() / union.sum())


def test_empty_and_turned_boxes_overlap_nothing():
    odd = np.array([[3, 3, 3, 3], [5, 5, 2, 2]])
    assert (box_iou(odd, np.array([[0, 0, 9, 9], [3, 3, 3, 3]])) == 0).all()
    assert box_iou(np.zeros((0, 4)), odd).shape == (0, 2)


@given(st.lists(box, min_size=1, max_size=8), st.integers(0, 50), st.floats(0.1, 0.9))
def test_boxes_that_are_kept_stay_apart_and_the_others_are_covered(boxes, seed, overlap):
    boxes, scores = np.array(boxes), np.random.default_rng(seed).random(len(boxes))
    kept = non_maximum_suppression(boxes, scores, overlap)
    assert (np.diff(scores[kept]) <= 0).all()
    among = box_iou(boxes[kept], boxes[kept]) - np.eye(len(kept))
    assert (among <= overlap).all()
    for n in set(range(len(boxes))) - set(kept.tolist()):
        better = kept[scores[kept] > scores[n]]
        assert (box_iou(boxes[n : n + 1], boxes[better]) > overlap).any()


def test_average_precision_by_hand():
    hits = np.array([True, False, True, True, False])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert average_precision(scores, hits, total=4) == pytest.approx((1 + 0.75 + 0.75) / 4)
    assert average_precision(scores[::-1], hits[::-1], total=4) == pytest.approx((1 + 0.75 + 0.75) / 4)
    assert average_precision(scores[:1], hits[:1], total=1) == 1
    assert average_precision(np.zeros(0), np.zeros(0, bool), total=3) == 0


def test_a_box_that_is_found_twice_counts_once():
    truth = [np.array([[0, 0, 10, 10]])]
    twice = Detections(np.array([[0, 0, 10, 10], [0, 0, 10, 9]]), np.array([0.8, 0.9]), np.array([0, 0]))
    mean, _ = mean_average_precision([twice], truth, [np.array([0])], classes=1)
    assert mean == 1  # the surer one is right; the other comes later
    scores_turned = twice._replace(boxes=np.array([[0, 0, 10, 10], [30, 0, 40, 9]]))
    assert mean_average_precision([scores_turned], truth, [np.array([0])], classes=1)[0] == 0.5


def test_classes_and_images_are_kept_apart():
    truths, labels = [np.array([[0, 0, 4, 4]]), np.array([[0, 0, 4, 4]])], [np.array([0]), np.array([1])]
    found = Detections(np.array([[0, 0, 4, 4]]), np.array([0.9]), np.array([0]))
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    mean, precisions = mean_average_precision([found, none], truths, labels, classes=3)
    assert precisions[:2].tolist() == [1, 0] and np.isnan(precisions[2]) and mean == 0.5
    assert mean_average_precision([none, found], truths, labels, classes=2)[0] == 0
    assert mean_average_precision([found, found], truths, labels, classes=2)[1].tolist() == [1, 0]


def test_overlap_of_masks_by_hand():
    y, predicted = np.array([[[0, 0, 1], [1, 1, 1]]]), np.array([[[0, 1, 1], [1, 0, 1]]])
    assert mask_iou(predicted, y, 3)[:2].tolist() == [1 / 3, 3 / 5]
    assert np.isnan(mask_iou(predicted, y, 3)[2])


def test_clear_errors():
    with pytest.raises(ShapeError, match="box_iou"):
        box_iou(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(MetricError, match="nothing to find"):
        average_precision(np.zeros(1), np.zeros(1, bool), 0)
    with pytest.raises(MetricError, match="detections of 0 images, boxes of 1, labels of 1"):
        mean_average_precision([], [np.zeros((0, 4))], [np.zeros(0)], 2)
    with pytest.raises(MetricError, match="no image holds anything"):
        mean_average_precision([], [], [], 2)
    with pytest.raises(MetricError, match="labels from 2 to 2"):
        mask_iou(np.zeros((1, 2, 2), int), np.full((1, 2, 2), 2), 2)
