"""Scenes: larger images that hold several of the shapes of shapes10, with their boxes, for detection."""

from typing import NamedTuple

import numpy as np

from nnscratch.arrays import rng
from nnscratch.choices import choose
from nnscratch.data import shapes10 as shapes
from nnscratch.data.dataset import DataError

TILE = 32  # a shape is drawn in a square of so many pixels, as in shapes10
TRIES = 20  # places tried for a shape before it is left out


class Scenes(NamedTuple):
    """Images x (N, 3, H, W) uint8; for each, the boxes (M, 4) and labels (M,), int64, of the shapes in it."""

    x: np.ndarray
    boxes: list[np.ndarray]
    labels: list[np.ndarray]


def scenes(count: int, size: int = 96, most: int = 4, seed: int = 0, split: str = "train") -> Scenes:
    """Return `count` images of `size` x `size` pixels with 1 to `most` shapes each, whose boxes do not overlap.

    The same arguments give the same scenes. Raises DataError for counts or sizes that make no sense.

    >>> drawn = scenes(3, size=64, most=2)
    >>> drawn.x.shape, [len(boxes) for boxes in drawn.boxes] == [len(labels) for labels in drawn.labels]
    ((3, 3, 64, 64), True)
    """
    if count < 1 or size < TILE or most < 1:
        raise DataError(
            f"scenes: cannot draw {count} scenes of {size}x{size} with up to {most} shapes: ask for 1 or more of "
            f"each, {TILE}x{TILE} or larger"
        )
    number = choose(split, shapes.SPLITS, "split")
    x, boxes, labels = [], [], []
    for chunk in range(-(-count // shapes.CHUNK)):
        images, own_boxes, own_labels = _draw(rng(seed, number, chunk, size, most), size, most)
        x.append(images)
        boxes += own_boxes
        labels += own_labels
    return Scenes(np.concatenate(x)[:count], boxes[:count], labels[:count])


def _draw(random, size, most):
    """Draw one chunk of scenes: first the ground, then one shape after another into each image."""
    canvas, ground = shapes._background(random, size)
    shapes._scatter(random, canvas, lines=2, blobs=3)
    boxes = [np.zeros((0, 4), np.int64) for _ in canvas]
    labels = [np.zeros(0, np.int64) for _ in canvas]
    counts = random.integers(1, most + 1, len(canvas))
    for number in range(most):
        kinds = random.integers(0, len(shapes.CLASSES), len(canvas))
        distance = shapes._shapes(random, kinds, TILE)
        paint = shapes._gradient(random, shapes._contrasting(random, ground), 0.1, TILE)
        outlines = shapes.boxes_of(distance < 0)
        places = random.integers(0, size - TILE + 1, (len(canvas), TRIES, 2))
        for n in np.flatnonzero(counts > number):
            spot = _free(boxes[n], outlines[n], places[n])
            if spot is not None:
                column, row = spot
                tile = canvas[n : n + 1, :, row : row + TILE, column : column + TILE]
                shapes._paint(tile, distance[n : n + 1], paint[n : n + 1])
                boxes[n] = np.concatenate([boxes[n], outlines[n : n + 1] + [column, row, column, row]])
                labels[n] = np.append(labels[n], kinds[n])
    canvas += random.normal(0, 0.015, canvas.shape).astype(np.float32)
    return np.rint(canvas.clip(0, 1) * 255).astype(np.uint8), boxes, labels


def _free(boxes, outline, places):
    """The first of some places (TRIES, 2) at which an outline (4,) overlaps none of the boxes; None if none is."""
    for column, row in places:
        moved = outline + [column, row, column, row]
        apart = (boxes[:, :2] >= moved[2:]) | (boxes[:, 2:] <= moved[:2])
        if apart.any(axis=1).all():
            return column, row
    return None
