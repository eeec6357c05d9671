"""Cut windows out of images: one at random from each, or the ten that are averaged at test time."""

import numpy as np

from nnscratch.arrays import array_module
from nnscratch.data.dataset import DataError
from nnscratch.shapes import match_axes


def random_windows(x, size, rng):
    """Cut one window of `size` (H, W) out of each image (N, C, ., .), every place being equally likely.

    >>> random_windows(np.ones((2, 3, 10, 10)), (8, 8), np.random.default_rng(0)).shape
    (2, 3, 8, 8)
    """
    N, C, rows, columns = match_axes("random_windows", x=(x, "N C H W"))
    H, W = size
    top = rng.integers(rows - H + 1, size=N)
    left = rng.integers(columns - W + 1, size=N)
    if array_module(x) is not np:
        down, right = top[:, None] + array_module(x).arange(H), left[:, None] + array_module(x).arange(W)
        images = array_module(x).arange(N)[:, None, None]
        return x.transpose(0, 2, 3, 1)[images, down[:, :, None], right[:, None, :]].transpose(0, 3, 1, 2)
    out = np.empty((N, C, H, W), x.dtype)
    for image, window, i, j in zip(x, out, top.tolist(), left.tolist()):
        window[...] = image[:, i : i + H, j : j + W]
    return out


def ten_crops(x, size: int):
    """Return the four corners and the centre of each image, and their mirrors: (10, N, C, size, size).

    x: (N, C, H, W). At test time the network's answers to the ten are averaged (Krizhevsky et al. 2012, sec. 4.1).

    >>> ten_crops(np.zeros((2, 3, 32, 32), np.float32), 28).shape
    (10, 2, 3, 28, 28)
    """
    H, W = check_crop("ten_crops", x, size)
    down, right = H - size, W - size
    corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    xp = array_module(x)
    crops = xp.stack([x[:, :, i : i + size, j : j + size] for i, j in corners])
    return xp.concatenate([crops, crops[..., ::-1]])


def check_crop(operation, x, size):
    """Return (H, W) of images (N, C, H, W); raises DataError unless a square crop of `size` pixels fits in.

    >>> check_crop("example", np.zeros((2, 3, 32, 24)), 24)
    (32, 24)
    """
    _, _, H, W = match_axes(operation, x=(x, "N C H W"))
    if not 1 <= size <= min(H, W):
        raise DataError(
            f"{operation}: a crop of {size}x{size} does not fit images of {H}x{W}: "
            f"use a size from 1 to {min(H, W)}"
        )
    return H, W
