"""Cut windows out of images: one at random from each, or the ten that are averaged at test time."""

from nnscratch import kernels
from nnscratch.arrays import array_module
from nnscratch.data.dataset import DataError
from nnscratch.shapes import match_axes


def random_windows(x, size, rng, pad=0, mode="constant"):
    """Cut one window of `size` (H, W) out of each image (N, C, ., .), every place being equally likely.

    `pad` pixels around the image count too: black, or with mode="reflect" the image mirrored at its edge.

    >>> import numpy as np
    >>> random_windows(np.ones((2, 3, 10, 10)), (8, 8), np.random.default_rng(0)).shape
    (2, 3, 8, 8)
    """
    N, _, rows, columns = match_axes("random_windows", x=(x, "N C H W"))
    top = rng.integers(rows + 2 * pad - size[0] + 1, size=N)
    left = rng.integers(columns + 2 * pad - size[1] + 1, size=N)
    return kernels.crop(x, top, left, size, pad, mode)


def ten_crops(x, size: int):
    """Return the four corners and the centre of each image, and their mirrors: (10, N, C, size, size).

    x: (N, C, H, W). At test time the network's answers to the ten are averaged (Krizhevsky et al. 2012, sec. 4.1).

    >>> import numpy as np
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

    >>> import numpy as np
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
