"""How good boxes and masks are: intersection over union, non-maximum suppression, average precision.

A box is (x0, y0, x1, y1) in pixels: columns x0 to x1 - 1 and rows y0 to y1 - 1, as in shapes10.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnscratch.shapes import match_axes
from nnscratch.training.metrics import MetricError, confusion_matrix


class Detections(NamedTuple):
    """What was found in one image: boxes (N, 4), their scores (N,), the higher the surer, and labels (N,)."""

    boxes: Any
    scores: Any
    labels: Any


def box_iou(a: Any, b: Any) -> np.ndarray:
    """Intersection over union (N, M) of every box of a (N, 4) with every box of b (M, 4); 0 for empty boxes.

    Source: Everingham et al. 2010, "The PASCAL visual object classes challenge", sec. 4.2. Raises ShapeError.

    >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [5, 5, 6, 6], [0, 0, 2, 2]])).round(3)
    array([[0.333, 0.   , 1.   ]])
    """
    match_axes("box_iou", a=(a, "N 4"), b=(b, "M 4"))
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    low, high = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    union = _area(a)[:, None] + _area(b) - shared
    return np.where(shared > 0, shared / np.where(union > 0, union, 1), 0.0)


def non_maximum_suppression(boxes: Any, scores: Any, overlap: float = 0.5) -> np.ndarray:
    """Indices of the boxes to keep, best first: each drops all worse boxes whose IoU with it exceeds `overlap`.

    boxes: (N, 4); scores: (N,). Of equal scores the first counts as better. Source: Dalal 2006, sec. 5.
    Raises ShapeError.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    >>> non_maximum_suppression(boxes, np.array([0.8, 0.9, 0.3]))
    array([1, 2])
    """
    match_axes("non_maximum_suppression", boxes=(boxes, "N 4"), scores=(scores, "N"))
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        kept.append(order[0])
        order = order[1:][box_iou(boxes[order[:1]], boxes[order[1:]])[0] <= overlap]
    return np.array(kept, np.int64)


def average_precision(scores: Any, hits: Any, total: int) -> float:
    """Area under the curve of precision over recall, as detections are taken in from the surest on.

    scores, hits: (N,), a hit being True when the detection is right; total: how many there were to find. Precision
    at a recall is the best at that recall or a higher one. Source: Everingham et al. 2010, sec. 4.2, with all
    points of the curve, as since 2010. Raises MetricError when there is nothing to find.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), total=2).__round__(4)
    0.8333
    """
    match_axes("average_precision", scores=(scores, "N"), hits=(hits, "N"))
    if total < 1:
        raise MetricError("average_precision: there is nothing to find: give images that hold the class")
    right = np.cumsum(np.asarray(hits, bool)[np.argsort(-np.asarray(scores), kind="stable")])
    precision = right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(right, prepend=0) * best).sum() / total)


def mean_average_precision(
    found: Sequence[Detections], boxes: Sequence[Any], labels: Sequence[Any], classes: int, overlap: float = 0.5
) -> tuple[float, np.ndarray]:
    """Return (mAP, average precision of each class, nan for a class that no image holds).

    found: the Detections in each image; boxes, labels: what is there, (M, 4) and (M,) each. A detection is
    right when its IoU with a box of its class is `overlap` or more and no surer detection has taken that box.
    Source: Everingham et al. 2010, sec. 4.2. Raises MetricError when the lists differ in length or hold nothing.

    >>> found = [Detections(np.array([[0, 0, 9, 10]]), np.array([0.9]), np.array([1]))]
    >>> mean_average_precision(found, [np.array([[0, 0, 10, 10]])], [np.array([1])], classes=2)
    (1.0, array([nan,  1.]))
    """
    if not len(found) == len(boxes) == len(labels):
        raise MetricError(
            f"mean_average_precision: detections of {len(found)} images, boxes of {len(boxes)}, labels of "
            f"{len(labels)}: give one of each for every image"
        )
    precisions = np.full(classes, np.nan)
    for label in range(classes):
        total = sum(int((np.asarray(own) == label).sum()) for own in labels)
        if total:
            scores, hits = _matched(found, boxes, labels, label, overlap)
            precisions[label] = average_precision(scores, hits, total)
    if np.isnan(precisions).all():
        raise MetricError("mean_average_precision: no image holds anything to find: give images that do")
    return float(np.nanmean(precisions)), precisions


def mask_iou(predicted: Any, y: Any, classes: int) -> np.ndarray:
    """Intersection over union (classes,) of the pixels of each class over all images; nan where there are none.

    predicted, y: (N, H, W) whole numbers. Source: Long et al. 2015, sec. 5. Raises ShapeError, MetricError.

    >>> mask_iou(np.array([[[0, 0], [1, 1]]]), np.array([[[0, 1], [1, 1]]]), classes=2).round(3)
    array([0.5  , 0.667])
    """
    match_axes("mask_iou", predicted=(predicted, "N H W"), y=(y, "N H W"))
    matrix = confusion_matrix(predicted.ravel(), y.ravel(), classes)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - matrix.diagonal()
    return np.where(union > 0, matrix.diagonal() / np.maximum(union, 1), np.nan)


def _matched(found, boxes, labels, label, overlap):
    """Scores and hits of all detections of a class."""
    scores: list[float] = []
    hits: list[bool] = []
    for image, detections in enumerate(found):
        truths = np.asarray(boxes[image]).reshape(-1, 4)[np.asarray(labels[image]) == label]
        own = np.asarray(detections.labels) == label
        taken = np.zeros(len(truths), bool)
        own_boxes, own_scores = (
            np.asarray(detections.boxes).reshape(-1, 4)[own],
            np.asarray(detections.scores)[own],
        )
        for n in np.argsort(-own_scores, kind="stable"):
            overlaps = np.where(taken, -1.0, box_iou(own_boxes[n : n + 1], truths)[0])
            hit = len(truths) > 0 and overlaps.max() >= overlap
            if hit:
                taken[overlaps.argmax()] = True
            scores.append(float(own_scores[n]))
            hits.append(bool(hit))
    return np.array(scores), np.array(hits, bool)


def _area(boxes):
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
