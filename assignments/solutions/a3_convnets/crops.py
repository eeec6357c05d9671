"""Ten crops of an image: what the network's answers are averaged over at test time."""

import numpy as np

from nnscratch.course import NotWritten


def ten_crop(x, size):
    """Cut the four corners and the centre out of each image, and mirror each of the five.

    x: images (N, C, H, W). size: the crops are size x size pixels. Order of the ten: top left, top right, bottom
    left, bottom right, centre, then the mirror images (left and right swapped) of these five in the same order.
    The centre crop begins at row (H - size) // 2 and column (W - size) // 2.

    Returns crops (N, 10, C, size, size), of x's dtype. x stays as it is.
    Errors: ValueError if size is larger than H or W.
    Source: Krizhevsky, Sutskever & Hinton 2012, sec. 4.1.

    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> crops = ten_crop(x, 2)
    >>> crops.shape, crops[0, 0, 0], crops[0, 8, 0]
    ((1, 10, 1, 2, 2), array([[0., 1.],
           [3., 4.]]), array([[5., 4.],
           [8., 7.]]))
    """
    # solution
    H, W = x.shape[2:]
    down, right = H - size, W - size
    if down < 0 or right < 0:
        raise ValueError(f"ten_crop: a crop of {size}x{size} does not fit an image of {H}x{W}")
    places = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    crops = np.stack([x[:, :, i : i + size, j : j + size] for i, j in places], axis=1)
    return np.concatenate([crops, crops[..., ::-1]], axis=1)
    # end of solution
