"""Tile images or filters into one picture."""

import numpy as np

from nnscratch.data.dataset import DataError, check_finite


def grid(images, columns: int, gap: int = 1) -> np.ndarray:
    """Tile images (N, C, H, W), C being 1 or 3, row by row into one picture (height, width, 3) of uint8.

    uint8 images keep their values; floating-point images of any range, such as filters, are each stretched to
    0 to 255. Between the tiles `gap` black pixels are left.

    Raises DataError for other shapes, for no images and for NaN.

    >>> grid(np.zeros((5, 3, 8, 8)), columns=3).shape
    (17, 26, 3)
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or images.size == 0:
        raise DataError(
            f"grid: expected images (N, 1, H, W) or (N, 3, H, W), got {images.shape}. Filters of other depths "
            "(F, C, K, K) become grey tiles with w.reshape(-1, 1, K, K)"
        )
    if columns < 1:
        raise DataError(f"grid: columns is {columns}: give 1 or more")
    check_finite(images, "grid: images")
    if images.dtype != np.uint8:
        low = images.min(axis=(1, 2, 3), keepdims=True)
        span = images.max(axis=(1, 2, 3), keepdims=True) - low
        images = np.rint((images - low) / np.where(span > 0, span, 1) * 255).astype(np.uint8)
    N, _, H, W = images.shape
    columns = min(columns, N)
    rows = -(-N // columns)
    picture = np.zeros((rows * (H + gap) - gap, columns * (W + gap) - gap, 3), np.uint8)
    for number, image in enumerate(images.transpose(0, 2, 3, 1)):
        top, left = number // columns * (H + gap), number % columns * (W + gap)
        picture[top : top + H, left : left + W] = image
    return picture
