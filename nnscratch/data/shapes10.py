"""Draw shapes10: ten kinds of shapes in random colours, places, sizes and turns, before a cluttered background."""

import math
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arrays import rng
from nnscratch.choices import choose
from nnscratch.data.cache import cache_folder, cached
from nnscratch.data.dataset import DataError, Dataset

CLASSES = ["arrow", "circle", "crescent", "cross", "heart", "hourglass", "ring", "square", "star", "triangle"]
SPLITS = {"train": 0, "val": 1, "test": 2}
CHUNK = 500
VERSION = 2


class Drawn(NamedTuple):
    """Drawn images: x (N, 3, H, W) uint8, y (N,) int64, boxes (N, 4) int64, masks (N, H, W) bool.

    A box is (x0, y0, x1, y1) in pixels: columns x0 to x1 - 1 and rows y0 to y1 - 1 hold the shape.
    """

    x: np.ndarray
    y: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray


def shapes10(train=10_000, test=2_000, seed=0, size=32, *, validation=1_000, cache=None) -> Dataset:
    """Return the generated set of `size` x `size` colour images; the same arguments give the same images.

    Nothing is downloaded: drawing takes a few seconds and the result is kept in the folder `cache` (see
    `nnscratch.data.cache.cache_folder`). A count of 0 leaves the validation or test set out.

    Raises DataError for counts or sizes that make no sense.

    >>> shapes10(train=20, test=10, validation=0, cache=getfixture("tmp_path"))
    Dataset(shapes10: 20 train + 0 val + 10 test images of 3x32x32 uint8, 10 classes)
    """
    if train < 1 or min(test, validation) < 0:
        raise DataError(
            f"shapes10: train={train}, test={test}, validation={validation}: give 1 or more images to train on, "
            "and 0 or more of the others"
        )
    counts = {"train": train, "val": validation, "test": test}

    def draw_all():
        drawn = {split: shapes10_with_masks(count, seed, size, split) for split, count in counts.items() if count}
        return {f"{axis}_{split}": getattr(drawn[split], axis) for split in drawn for axis in "xy"}

    state = f"{VERSION} {counts} {seed} {size}"
    arrays = cached(f"shapes10 {state}", state, draw_all, cache_folder(cache))
    parts: dict[str, Any] = {f"{axis}_{split}": arrays.get(f"{axis}_{split}") for split in SPLITS for axis in "xy"}
    return Dataset(**parts, classes=CLASSES, name="shapes10", note="shapes10: drawn by nnscratch, no download")


def shapes10_with_masks(count: int, seed=0, size=32, split="train") -> Drawn:
    """Return `count` images of a split ("train", "val" or "test") with the box and the mask of each shape.

    The first images are the same whatever the count. Every class is drawn equally often.

    >>> drawn = shapes10_with_masks(20)
    >>> drawn.x.shape, drawn.boxes.shape, drawn.masks.shape
    ((20, 3, 32, 32), (20, 4), (20, 32, 32))
    """
    if count < 1 or size < 16:
        raise DataError(
            f"shapes10: cannot draw {count} images of {size}x{size}: ask for 1 or more, 16x16 or larger"
        )
    number = choose(split, SPLITS, "split")
    x = np.empty((count, 3, size, size), np.uint8)
    y = np.empty(count, np.int64)
    masks = np.empty((count, size, size), bool)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        kept = len(y[part])
        images, labels, inside = _draw(rng(seed, number, first // CHUNK + 1), size)
        x[part], y[part], masks[part] = images[:kept], labels[:kept], inside[:kept]
    return Drawn(x, y, boxes_of(masks), masks)


def boxes_of(masks):
    """Return the boxes (x0, y0, x1, y1), (N, 4) int64, around the marked pixels of masks (N, H, W).

    >>> mask = np.zeros((1, 8, 8), bool)
    >>> mask[0, 2:5, 1:7] = True
    >>> boxes_of(mask).tolist()
    [[1, 2, 7, 5]]
    """
    ends = []
    for axis in (1, 2):
        line = masks.any(axis=axis)
        ends.append((line.argmax(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1)))
    (x0, x1), (y0, y1) = ends
    return np.stack([x0, y0, x1, y1], axis=1).astype(np.int64)


def _draw(random, size):
    """Draw one chunk: images (CHUNK, 3, size, size) uint8, labels and masks."""
    labels = random.permutation(np.arange(CHUNK) % len(CLASSES))
    canvas, ground = _background(random, size)
    _scatter(random, canvas, lines=2, blobs=3)
    distance = _shapes(random, labels, size)
    colour = _contrasting(random, ground)
    _paint(canvas, distance, _gradient(random, colour, 0.1, size))
    _scatter(random, canvas, lines=1, blobs=0)
    canvas += random.normal(0, 0.015, canvas.shape).astype(np.float32)
    return np.rint(canvas.clip(0, 1) * 255).astype(np.uint8), labels, distance < 0


def _shapes(random, labels, size):
    """Signed distances in pixels (CHUNK, size, size) from one shape per image: negative inside."""
    radius = _uniform(random, 0.26 * size, 0.36 * size)
    middle = [radius + 1 + random.random(radius.shape).astype(np.float32) * (size - 2 * radius - 2) for _ in "xy"]
    turn = _uniform(random, -0.5, 0.5)
    v, u = np.mgrid[0.5:size, 0.5:size].astype(np.float32)
    u, v = u - middle[0], v - middle[1]
    u, v = (np.cos(turn) * u + np.sin(turn) * v) / radius, (np.cos(turn) * v - np.sin(turn) * u) / radius
    distance = np.empty_like(u)
    for label, name in enumerate(CLASSES):
        chosen = labels == label
        distance[chosen] = OUTLINES[name](u[chosen], v[chosen]) * radius[chosen]
    return distance


def _arrow(u, v):
    shaft = np.maximum(np.abs(u + 0.4) - 0.55, np.abs(v) - 0.2)
    head = np.maximum(0.05 - u, (0.75 * (u - 1) + 0.95 * np.abs(v)) / math.hypot(0.75, 0.95))
    return np.minimum(shaft, head)


def _circle(u, v):
    return np.hypot(u, v) - 0.85


def _crescent(u, v):
    return np.maximum(np.hypot(u, v) - 0.95, 0.75 - np.hypot(u - 0.5, v))


def _cross(u, v):
    u, v = np.abs(u), np.abs(v)
    return np.minimum(np.maximum(u - 0.9, v - 0.28), np.maximum(u - 0.28, v - 0.9))


def _heart(u, v):
    u, v = np.abs(u), v - 0.1
    lobe = np.hypot(u - 0.375, v + 0.375) - 0.75 / math.sqrt(2)
    return np.minimum((u + np.abs(v) - 0.75) / math.sqrt(2), lobe)


def _hourglass(u, v):
    u, v = np.abs(u), np.abs(v)
    return np.maximum(v - 0.8, (u - 0.08 - 0.75 * v) / 1.25)


def _ring(u, v):
    return np.abs(np.hypot(u, v) - 0.7) - 0.22


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) - 0.72


def _star(u, v):
    """Fold the plane into one half of one of five points, which is a half-plane."""
    sector = 2 * np.pi / 5
    angle = np.abs((np.arctan2(v, u) + sector / 2) % sector - sector / 2)
    length = np.hypot(u, v)
    notch = 0.4 * np.array([np.cos(sector / 2), np.sin(sector / 2)], np.float32)
    along = notch - np.array([1, 0], np.float32)
    return (along[1] * (length * np.cos(angle) - 1) - along[0] * length * np.sin(angle)) / np.hypot(*along)


def _triangle(u, v):
    side = math.sqrt(3) / 2 * np.abs(u) + 0.5 * v
    return np.maximum(side, -v) - 0.5


OUTLINES = {
    "arrow": _arrow,
    "circle": _circle,
    "crescent": _crescent,
    "cross": _cross,
    "heart": _heart,
    "hourglass": _hourglass,
    "ring": _ring,
    "square": _square,
    "star": _star,
    "triangle": _triangle,
}


def _background(random, size):
    """A colour gradient under two waves of brightness; also the mean colours (CHUNK, 3, 1, 1)."""
    ground = random.random((CHUNK, 3, 1, 1)).astype(np.float32)
    canvas = _gradient(random, ground, 0.35, size)
    row, column = np.mgrid[0:size, 0:size].astype(np.float32) / size
    for _ in range(2):
        across, down, start, height = (
            _uniform(random, *ends) for ends in ((-25, 25), (-25, 25), (0, 7), (0, 0.06))
        )
        canvas += (height * np.sin(across * column + down * row + start))[:, None]
    return canvas, ground


def _gradient(random, colour, strength, size):
    """Images of one colour each (CHUNK, 3, 1, 1) that drifts by up to `strength` from one side to the other."""
    row, column = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    turn = _uniform(random, -np.pi, np.pi)
    slope = (np.cos(turn) * column + np.sin(turn) * row)[:, None]
    return colour + slope * random.uniform(-strength, strength, (CHUNK, 3, 1, 1)).astype(np.float32)


def _contrasting(random, ground):
    """Of sixteen random colours per image the one farthest from the ground's."""
    options = random.random((16, CHUNK, 3, 1, 1)).astype(np.float32)
    best = ((options - ground) ** 2).sum(axis=2).argmax(axis=0).ravel()
    return options[best, np.arange(CHUNK)]


def _scatter(random, canvas, lines, blobs):
    """Paint thin lines and small discs of random colours into the images, in place."""
    size = canvas.shape[-1]
    row, column = np.mgrid[0.5:size, 0.5:size].astype(np.float32)
    for number in range(lines + blobs):
        u, v = column - _uniform(random, 0, size), row - _uniform(random, 0, size)
        if number < lines:
            turn, half = _uniform(random, 0, np.pi), _uniform(random, 0.1 * size, 0.4 * size)
            along = (np.cos(turn) * u + np.sin(turn) * v).clip(-half, half)
            distance = np.hypot(u - along * np.cos(turn), v - along * np.sin(turn)) - _uniform(random, 0.3, 0.8)
        else:
            distance = np.hypot(u, v) - _uniform(random, 0.03 * size, 0.07 * size)
        _paint(canvas, distance, random.random((CHUNK, 3, 1, 1)).astype(np.float32))


def _paint(canvas, distance, colour):
    """Cover the pixels inside an outline, in place; a pixel that it cuts is mixed."""
    share = (0.5 - distance).clip(0, 1)[:, None]
    canvas += share * (colour - canvas)


def _uniform(random, low, high):
    """One float32 number per image, (CHUNK, 1, 1)."""
    return random.uniform(low, high, (CHUNK, 1, 1)).astype(np.float32)
