"""cs231n.vis_utils: images side by side in one picture."""

import numpy as np

__all__ = ["visualize_grid"]


def visualize_grid(Xs, ubound=255.0, padding=1):
    """Return one picture with the images Xs (N, H, W, C) in a square grid, each stretched to 0 .. ubound.

    `padding` is the gap in pixels, which stays 0, as do places without an image.

    >>> visualize_grid(np.arange(3.0 * 4).reshape(3, 2, 2, 1)).shape
    (5, 5, 1)
    """
    N, H, W, C = Xs.shape
    side = int(np.ceil(np.sqrt(N)))
    grid = np.zeros((side * (H + padding) - padding, side * (W + padding) - padding, C))
    for n, image in enumerate(Xs):
        top, left = n // side * (H + padding), n % side * (W + padding)
        low, high = image.min(), image.max()
        span = high - low or 1.0
        grid[top : top + H, left : left + W] = ubound * (image - low) / span
    return grid
