"""Detection with a sliding window: a localizer answers for all windows of an image, the surest answers stay."""

from typing import Any

import numpy as np

from nnscratch.layers import softmax
from nnscratch.models.localizer import STRIDE, WINDOW
from nnscratch.training.boxes import Detections, non_maximum_suppression


def windows_of(H: int, W: int) -> np.ndarray:
    """The windows (x0, y0, x1, y1), (N, 4), that a localizer answers for in an H x W image, row by row.

    >>> windows_of(32, 40).tolist()
    [[0, 0, 32, 32], [4, 0, 36, 32], [8, 0, 40, 32]]
    """
    corners = np.mgrid[0 : H - WINDOW + 1 : STRIDE, 0 : W - WINDOW + 1 : STRIDE].reshape(2, -1)[::-1].T
    return np.concatenate([corners, corners + WINDOW], axis=1)


def answers(model: Any, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, windows, C) and boxes in pixels (N, windows, 4) of a localizer on images x (N, C, H, W).

    >>> from nnscratch.models.localizer import localizer
    >>> probabilities, boxes = answers(localizer(width=4), np.zeros((2, 3, 32, 40), np.float32))
    >>> probabilities.shape, boxes.shape
    ((2, 3, 11), (2, 3, 4))
    """
    out = model.scores(x, batch_size=50)
    out = out.reshape(*out.shape[:2], -1).transpose(0, 2, 1)
    windows = windows_of(*x.shape[2:])
    return softmax(out[:, :, :-4]), out[:, :, -4:] * WINDOW + np.tile(windows[:, :2], 2)


def detect(model: Any, x: Any, threshold: float = 0.5, overlap: float = 0.3) -> list[Detections]:
    """What a localizer, whose last class is the background, finds in images x (N, C, H, W), one by one.

    A window counts when its likeliest class is not the background and has a probability above `threshold`; of
    boxes whose IoU exceeds `overlap`, the surest stays, of whatever class: things do not hide each other here.

    >>> from nnscratch.models.localizer import localizer
    >>> [len(found.boxes) for found in detect(localizer(width=4), np.zeros((2, 3, 40, 40), np.float32))]
    [0, 0]
    """
    found = []
    for probabilities, boxes in zip(*answers(model, x)):
        labels = probabilities.argmax(axis=1)
        scores = probabilities[np.arange(len(labels)), labels]
        counts = (labels < probabilities.shape[1] - 1) & (scores > threshold)
        labels, scores, boxes = labels[counts], scores[counts], boxes[counts]
        chosen = non_maximum_suppression(boxes, scores, overlap)
        found.append(Detections(boxes[chosen], scores[chosen], labels[chosen]))
    return found


def training_windows(
    x: Any, boxes: Any, labels: Any, background: int, per_image: int, rng: Any
) -> tuple[Any, Any]:
    """Cut windows out of images: x (M, C, 32, 32) and targets y (M, 5) as `localization_loss` wants them.

    x: (N, C, H, W); boxes, labels: what is in each image. Of `per_image` random windows of each, those stay that
    hold one whole box near their middle, and those that hold hardly a part of any: they are `background`.

    >>> image, box = np.zeros((1, 3, 64, 64), np.float32), np.array([[20, 20, 40, 40]])
    >>> x, y = training_windows(image, [box], [np.array([3])], 10, 50, np.random.default_rng(0))
    >>> sorted(set(y[:, 0].tolist())), len(x) == len(y) <= 50
    ([3.0, 10.0], True)
    """
    images, targets = [], []
    H, W = x.shape[2:]
    for image, own_boxes, own_labels in zip(x, boxes, labels):
        for row, column in zip(
            rng.integers(0, H - WINDOW + 1, per_image), rng.integers(0, W - WINDOW + 1, per_image)
        ):
            inside = _clipped(own_boxes, column, row)
            seen = _area(inside) / np.maximum(_area(own_boxes), 1)
            target = None
            middle = np.abs((inside[:, :2] + inside[:, 2:]) / 2 - WINDOW / 2).max(axis=1, initial=0)
            whole = np.flatnonzero((seen > 0.99) & (middle < WINDOW / 4))
            if len(whole):
                nearest = whole[middle[whole].argmin()]
                target = [own_labels[nearest], *(inside[nearest] / WINDOW)]
            elif seen.max(initial=0) < 0.3:
                target = [background, 0, 0, 0, 0]
            if target is not None:
                images.append(image[:, row : row + WINDOW, column : column + WINDOW])
                targets.append(target)
    return np.stack(images), np.array(targets, np.float32)


def _clipped(boxes, column, row):
    """Boxes as seen from a window whose corner is (column, row), cut off at its edges."""
    return (boxes - np.array([column, row, column, row])).clip(0, WINDOW)


def _area(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
