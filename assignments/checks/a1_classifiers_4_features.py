"""How the exercises on features are checked."""

import math

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise
from nnscratch.course.expect_loss import parts


@exercise(
    "a1.hue_histogram",
    file="features.py",
    minutes=25,
    points=2,
    hints=(
        "Compute hue and chroma as arrays (N, H, W) first; x[:, 0] is red.",
        "% 1 brings negative hues to 0..1; (hue * bins).astype(int) % bins is the bin of each pixel.",
        "For each bin i: out[:, i] = (chroma * (place == i)).mean(axis=(1, 2))",
    ),
)
def hue_histogram(mine, rng):
    """Pixel by pixel, on random images, grey ones and pure colours."""
    for shape, bins in (((2, 3, 4, 5), 4), ((1, 3, 6, 6), 10)):
        x = rng.random(shape)
        found = expect.unchanged(lambda: mine(x, bins), x=x)
        right = _hues_slowly(x, bins)
        causes = {
            "divide by the number of pixels": right * x[0, 0].size,
            "every pixel weighs 1: weigh it with its chroma": _hues_slowly(x, bins, lambda colour: 1.0),
            "a pixel weighs as much as it is bright: weigh it with max - min": _hues_slowly(x, bins, max),
            "red and blue are exchanged": _hues_slowly(x[:, ::-1], bins),
        }
        slips.equal(found, right, "out", remedies=causes, given=dict(x=x, bins=bins))
    expect.equal(mine(np.full((1, 3, 2, 2), 0.5), 5), np.zeros((1, 5)), "out of a grey image")


def _hues_slowly(x, bins, weight=lambda colour: max(colour) - min(colour)):
    out = np.zeros((len(x), bins))
    for n, i, j in np.ndindex(len(x), *x.shape[2:]):
        red, green, blue = colour = x[n, :, i, j].tolist()
        turn = math.atan2(math.sqrt(3) * (green - blue), 2 * red - green - blue) / (2 * math.pi)
        out[n, math.floor((turn + (turn < 0)) * bins) % bins] += weight(colour) / x[0, 0].size
    return out


@exercise(
    "a1.edges",
    file="features.py",
    minutes=15,
    points=2,
    hints=(
        "np.gradient(grey, axis=(1, 2)) returns two arrays: the change down the rows first, then that along the "
        "columns.",
        "np.hypot gives lengths, np.arctan2(down, across) angles in radians, np.degrees turns them into degrees.",
        "np.degrees(np.arctan2(down, across)) % 180",
    ),
)
def edges(mine, rng):
    """Pixel by pixel on random images."""
    for shape in ((2, 4, 5), (1, 2, 3)):
        grey = rng.random(shape)
        length, angle = parts(expect.unchanged(lambda: mine(grey), grey=grey), ("length", "angle"))
        right, degrees = _edges_slowly(grey)
        slips.equal(
            length,
            right,
            "length",
            remedies={"the difference over two pixels is to be halved": 2 * right},
            given=dict(grey=grey),
        )
        causes = {
            "the angles are in radians": np.radians(degrees),
            "down and across are exchanged": (90 - degrees) % 180,
            "angles go from 0 to 180, here they go to 360": _edges_slowly(grey, 360)[1],
        }
        slips.equal(angle, degrees, "angle", remedies=causes, given=dict(grey=grey))


def _edges_slowly(grey, turn=180):
    N, H, W = grey.shape
    length, angle = np.empty(grey.shape), np.empty(grey.shape)
    for n, i, j in np.ndindex(N, H, W):
        above, below, left, right = max(i - 1, 0), min(i + 1, H - 1), max(j - 1, 0), min(j + 1, W - 1)
        down = (grey[n, below, j] - grey[n, above, j]) / (below - above)
        across = (grey[n, i, right] - grey[n, i, left]) / (right - left)
        length[n, i, j] = math.sqrt(down**2 + across**2)
        angle[n, i, j] = math.degrees(math.atan2(down, across)) % turn
    return length, angle


@exercise(
    "a1.hog",
    file="features.py",
    minutes=35,
    points=3,
    hints=(
        "First the bin of every pixel, then for each bin the sum of the lengths in each cell, then the division "
        "by cells.",
        "Cut off what fills no cell; reshape (N, rows * cell, columns * cell) to (N, rows, cell, columns, cell) "
        "and sum over "
        "axes 2 and 4.",
        "out[..., i] = (length * (place == i))[:, :rows * cell, :columns * cell].reshape(N, rows, cell, "
        "columns, cell)"
        ".sum(axis=(2, 4)); out /= np.sqrt((out * out).sum(axis=3, keepdims=True)) + 1e-6",
    ),
)
def hog(mine, rng):
    """Pixel by pixel on random images, also of sides that are no multiples of the cell."""
    for shape, cell, bins in (((2, 8, 12), 4, 9), ((1, 7, 9), 3, 4)):
        grey = rng.random(shape)
        found = expect.unchanged(lambda: mine(grey, cell, bins), grey=grey)
        right = _hog_slowly(grey, cell, bins)
        votes = _hog_slowly(grey, cell, bins, scaled=False)
        causes = {
            "the histograms of the cells are not divided by their lengths": votes.reshape(len(grey), -1),
            "1e-6 is to be added to the lengths, for cells without edges": (
                votes / np.sqrt((votes**2).sum(axis=3, keepdims=True))
            ).reshape(len(grey), -1),
            "every pixel counts 1: it should count with its length": _hog_slowly(grey, cell, bins, lambda v: 1.0),
            "bins, columns and rows are in another order: the bins run fastest": np.moveaxis(
                right.reshape(votes.shape), 3, 1
            ).reshape(len(grey), -1),
            "each image is divided by one length for all its cells": (
                votes / (np.sqrt((votes**2).sum(axis=(1, 2, 3), keepdims=True)) + 1e-6)
            ).reshape(len(grey), -1),
        }
        slips.equal(found, right, "out", remedies=causes, given=dict(grey=grey, cell=cell, bins=bins))
    expect.equal(mine(np.ones((1, 4, 4)), 2, 3), np.zeros((1, 12)), "out of an image without edges")


def _hog_slowly(grey, cell, bins, weight=float, scaled=True):
    N, rows, columns = len(grey), grey.shape[1] // cell, grey.shape[2] // cell
    length, angle = _edges_slowly(grey)
    out = np.zeros((N, rows, columns, bins))
    for n, i, j in np.ndindex(N, rows * cell, columns * cell):
        place = math.floor(angle[n, i, j] / (180 / bins)) % bins
        out[n, i // cell, j // cell, place] += weight(length[n, i, j])
    if not scaled:
        return out
    for histogram in out.reshape(-1, bins):
        histogram /= math.sqrt(sum(histogram**2)) + 1e-6
    return out.reshape(N, -1)
