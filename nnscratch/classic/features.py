"""Features made by hand: histograms of edges (HOG) and of hues, kinder to linear classifiers than pixels are."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnscratch.data.dataset import DataError, check_images
from nnscratch.data.moments import chunks, unit

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # how bright red, green and blue look (ITU-R BT.601)


def hog(x: Any, cell: int = 8, bins: int = 9, block: int = 2) -> np.ndarray:
    """Histograms of oriented gradients: which way edges run in each cell of `cell` x `cell` pixels.

    x: images (N, C, H, W), of 1 or 3 channels; uint8, or floating point from 0 to 1. A gradient votes with its
    length for the two orientations nearest to its own, out of `bins` between 0 and 180 degrees. The histograms of
    `block` x `block` cells are scaled to length 1, capped at 0.2 and scaled again. Returns (N, blocks * block *
    block * bins) float32. Source: Dalal & Triggs 2005, sec. 6. Raises DataError.

    >>> stripes = np.zeros((1, 1, 16, 16))
    >>> stripes[:, :, :, 8:] = 1
    >>> features = hog(stripes)
    >>> features.shape, features.reshape(4, 9).argmax(axis=1)
    ((1, 36), array([0, 0, 0, 0]))
    """
    check_images(x, "hog: x")
    N, _, H, W = x.shape
    rows, columns = H // cell - block + 1, W // cell - block + 1
    if cell < 1 or bins < 2 or block < 1 or rows < 1 or columns < 1:
        raise DataError(
            f"hog: images of {H}x{W} hold no block of {block}x{block} cells of {cell}x{cell} pixels with {bins} "
            f"bins: give images of {block * cell}x{block * cell} or larger, or smaller cells; and 2 bins or more"
        )
    cells = _cells(_grey(x), cell, bins)
    windows = np.lib.stride_tricks.sliding_window_view(cells, (block, block), axis=(1, 2))
    out = windows.transpose(0, 1, 2, 4, 5, 3).reshape(N, rows * columns, -1)
    out = np.minimum(_length_one(out), 0.2)
    return _length_one(out).reshape(N, -1).astype(np.float32)


def hue_histogram(x: Any, bins: int = 10) -> np.ndarray:
    """Histogram of the hues of an image, in which strong colours count more than pale or dark ones.

    x: images (N, 3, H, W), uint8, or floating point from 0 to 1. A pixel counts by its chroma, the difference of
    its largest and its smallest channel; all counts are divided by the number of pixels. Returns (N, bins)
    float32. Source: Smith 1978, "Color gamut transform pairs". Raises DataError.

    >>> green = np.zeros((1, 3, 4, 4))
    >>> green[:, 1] = 1
    >>> hue_histogram(green, bins=6)
    array([[0., 0., 1., 0., 0., 0.]], dtype=float32)
    """
    check_images(x, "hue_histogram: x")
    if x.shape[1] != 3 or bins < 1:
        raise DataError(
            f"hue_histogram: expected colour images (N, 3, H, W) and 1 bin or more, got {x.shape} and {bins} bins"
        )
    red, green, blue = np.moveaxis(unit(x), 1, 0)
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue) / (2 * np.pi) % 1
    return _votes((hue * bins).astype(np.int64) % bins, chroma, bins) / chroma[0].size


def extract(x: Any, features: Sequence[Callable] = (hog, hue_histogram)) -> np.ndarray:
    """The features side by side, (N, D) float32, of images x (N, C, H, W), a thousand images at a time.

    `features` are functions from images (N, C, H, W) to features (N, ...).

    >>> extract(np.zeros((2, 3, 32, 32), np.uint8)).shape
    (2, 334)
    """
    if not features:
        raise DataError("extract: no features were given: name at least one function, such as hog")
    check_images(x)
    parts = [np.concatenate([f(part).reshape(len(part), -1) for f in features], axis=1) for part in chunks(x)]
    return np.concatenate(parts).astype(np.float32)


class StandardizeFeatures:
    """Give every feature mean 0 and standard deviation 1 over the training set; features that never vary become 0.

    >>> x = np.array([[1.0, 5.0], [3.0, 5.0]])
    >>> StandardizeFeatures().fit(x)(x).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    def fit(self, x: Any) -> "StandardizeFeatures":
        """Learn mean and standard deviation from features x (N, D); returns the object itself."""
        self.mean = x.mean(axis=0, dtype=np.float64)
        std = x.std(axis=0, dtype=np.float64)
        self.scale = 1 / np.where(std > 1e-6, std, 1)
        return self

    def __call__(self, x: Any) -> np.ndarray:
        """Return features (N, D), float32, on the scale learned; raises DataError before `fit`."""
        if not hasattr(self, "mean"):
            raise DataError("standardize features: nothing is learned yet: call fit(x_train) first")
        return ((x - self.mean) * self.scale).astype(np.float32)


def _grey(x):
    """Brightness (N, H, W) of images with 1 or 3 channels."""
    if x.shape[1] not in (1, 3):
        raise DataError(f"hog: expected images of 1 or 3 channels, got {x.shape}: choose one or three of them")
    return unit(x)[:, 0] if x.shape[1] == 1 else np.einsum("nchw,c->nhw", unit(x), LUMA)


def _cells(grey, cell, bins):
    """Histograms (N, rows, columns, bins) of the orientations in each cell; the last pixels may be left over."""
    N, H, W = grey.shape
    down, across = np.gradient(grey, axis=(1, 2))
    length = np.hypot(down, across)
    place = np.arctan2(down, across) / np.pi % 1 * bins  # in bins: bin i stands for the orientation i
    low = place.astype(np.int64)
    share = place - low
    rows, columns = H // cell, W // cell

    def per_cell(array):
        array = array[:, : rows * cell, : columns * cell].reshape(N, rows, cell, columns, cell)
        return array.transpose(0, 1, 3, 2, 4).reshape(N * rows * columns, -1)

    first = _votes(per_cell(low % bins), per_cell(length * (1 - share)), bins)
    second = _votes(per_cell((low + 1) % bins), per_cell(length * share), bins)
    return (first + second).reshape(N, rows, columns, bins)


def _votes(place, weight, bins):
    """Histograms (N, bins): of each example, the weights (N, ...) summed by their place (N, ...)."""
    N = len(place)
    flat = (np.arange(N)[:, None] * bins + place.reshape(N, -1)).ravel()
    return np.bincount(flat, weight.ravel(), N * bins).reshape(N, bins).astype(np.float32)


def _length_one(x):
    return x / np.sqrt((x * x).sum(axis=-1, keepdims=True) + 1e-6)
