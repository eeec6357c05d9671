"""Means, variances and principal directions of many images, summed a thousand images at a time."""

import numpy as np

from nnscratch.data.dataset import DataError, check_finite

CHUNK = 1000


def unit(x):
    """Return images (N, C, H, W) as a new float32 array; uint8 is divided by 255.

    >>> unit(np.array([[[[255]]]], np.uint8)).tolist()
    [[[[1.0]]]]
    """
    check_finite(x)
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float32)


def chunks(x):
    """Yield the images (N, ...) a thousand at a time, so that sums over a large set need little memory.

    >>> [len(part) for part in chunks(np.zeros((1500, 1, 1, 1)))]
    [1000, 500]
    """
    if x.ndim != 4 or len(x) == 0:
        raise DataError(f"fit: expected training images (N, C, H, W) with N of 1 or more, got {x.shape}")
    return (x[first : first + CHUNK] for first in range(0, len(x), CHUNK))


def mean_image(x):
    """Return the mean (C, H, W), float32, of images (N, C, H, W).

    >>> mean_image(np.array([[[[1.0, 3.0]]], [[[3.0, 3.0]]]])).tolist()
    [[[2.0, 3.0]]]
    """
    total = sum(unit(part).sum(axis=0, dtype=np.float64) for part in chunks(x))
    return (total / len(x)).astype(np.float32)


def channel_moments(x):
    """Return mean and standard deviation of each channel, both (C, 1, 1) float32, for images (N, C, H, W).

    >>> mean, std = channel_moments(np.array([[[[1.0, 3.0]]]]))
    >>> mean.item(), std.item()
    (2.0, 1.0)
    """
    mean = mean_image(x).mean(axis=(1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    square = sum(((unit(part) - mean) ** 2).sum(axis=(0, 2, 3), dtype=np.float64) for part in chunks(x))
    return mean, np.sqrt(square / x[:, 0].size).astype(np.float32)[:, None, None]


def principal_directions(x):
    """Return the mean image (C, H, W), the variances (D,) from large to small, and their directions (D, D).

    D = C * H * W; each column of the last is one direction. All are float32.

    >>> mean, variances, directions = principal_directions(np.random.default_rng(0).random((50, 1, 2, 2)))
    >>> variances.shape, directions.shape
    ((4,), (4, 4))
    """
    mean = mean_image(x)
    covariance = np.zeros((mean.size, mean.size))
    for part in chunks(x):
        centred = (unit(part) - mean).reshape(len(part), -1)
        covariance += centred.T @ centred
    variances, directions = np.linalg.eigh(covariance / len(x))
    return mean, variances[::-1].clip(0).astype(np.float32), directions[:, ::-1].astype(np.float32)
