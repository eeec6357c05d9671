"""cs231n.im2col: the windows of images as the columns of a matrix, by index arrays.

Rows run over channel, row and column within a window; columns over the places and, at each, over the images.
"""

from typing import Any

import numpy as np

from nnscratch.shapes import window_count

__all__ = ["col2im_indices", "get_im2col_indices", "im2col_indices"]


def get_im2col_indices(x_shape, field_height, field_width, padding=1, stride=1):
    """Return (k, i, j): the channel (R, 1), row (R, P) and column (R, P) in the padded images of each entry.

    R = C * field_height * field_width; P counts the places of the window.

    >>> k, i, j = get_im2col_indices((1, 1, 3, 3), 2, 2, padding=0)
    >>> k.ravel(), i[:, 0], j[:, 0], j[0]
    (array([0, 0, 0, 0]), array([0, 0, 1, 1]), array([0, 1, 0, 1]), array([0, 1, 0, 1]))
    """
    _, C, H, W = x_shape
    rows = window_count(H, field_height, stride, padding)
    columns = window_count(W, field_width, stride, padding)
    k, down, across = np.indices((C, field_height, field_width)).reshape(3, -1, 1)
    top, left = stride * np.indices((rows, columns)).reshape(2, 1, -1)
    return k, down + top, across + left


def im2col_indices(x, field_height, field_width, padding=1, stride=1):
    """Return the columns (C * field_height * field_width, places * N) of images x (N, C, H, W).

    >>> im2col_indices(np.arange(9.0).reshape(1, 1, 3, 3), 2, 2, padding=0)[:, 0]
    array([0., 1., 3., 4.])
    """
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    k, i, j = get_im2col_indices(x.shape, field_height, field_width, padding, stride)
    return padded[:, k, i, j].transpose(1, 2, 0).reshape(len(k), -1)


def col2im_indices(cols, x_shape, field_height=3, field_width=3, padding=1, stride=1):
    """Add every entry of the columns up at the pixel that it came from; return images of x_shape.

    >>> cols = np.ones((4, 4))
    >>> col2im_indices(cols, (1, 1, 3, 3), 2, 2, padding=0)[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    N, C, H, W = x_shape
    k, i, j = get_im2col_indices(x_shape, field_height, field_width, padding, stride)
    padded = np.zeros((N, C, H + 2 * padding, W + 2 * padding), cols.dtype)
    pixels: Any = (slice(None), k, i, j)
    np.add.at(padded, pixels, cols.reshape(len(k), -1, N).transpose(2, 0, 1))
    return padded[:, :, padding : padding + H, padding : padding + W]
