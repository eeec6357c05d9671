"""Features made by hand, histograms of colours and of edges: kinder to linear classifiers than pixels are."""

import numpy as np

from nnscratch.course import NotWritten


def hue_histogram(x, bins):
    """Which hues an image has, where a strong colour counts more than a pale or dark one.

    x: images (N, 3, H, W), floating point from 0 to 1, channels red, green, blue; bins: number of bins.
    Returns out (N, bins), float64: the sums of the weights of the pixels in each bin, divided by H * W.

    hue = arctan2(sqrt(3) * (G - B), 2 * R - G - B) / (2 pi), plus 1 where that is negative: red is 0, green 1/3.
    The pixel falls into bin floor(hue * bins); hue 1, which rounding can give, is hue 0.
    Its weight is its chroma, max(R, G, B) - min(R, G, B): grey pixels have no hue and weigh nothing.

    >>> red = np.zeros((1, 3, 4, 4))
    >>> red[:, 0] = 0.5
    >>> hue_histogram(red, bins=4)
    array([[0.5, 0. , 0. , 0. ]])
    """
    # solution
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue) / (2 * np.pi) % 1
    place = (hue * bins).astype(int) % bins
    chroma = x.max(axis=1) - x.min(axis=1)
    out = np.empty((len(x), bins))
    for i in range(bins):
        out[:, i] = (chroma * (place == i)).mean(axis=(1, 2))
    return out
    # end of solution


def edges(grey):
    """How strong the edge is at each pixel of grey images, and which way the brightness changes there.

    grey: (N, H, W), floating point, H and W at least 2. Returns (length, angle), both (N, H, W), float64.

    down[i, j] = (grey[i + 1, j] - grey[i - 1, j]) / 2: the change from the row above to the row below; in the
    first row it is grey[1, j] - grey[0, j], in the last row the last minus the one before. across[i, j] is the
    same along the columns. np.gradient computes both.

    length = sqrt(down**2 + across**2)
    angle = arctan2(down, across) in degrees, plus 180 where that is negative, and 0 for 180: an edge from dark to
    light and one from light to dark count as the same, so angles go from 0 up to, not including, 180.

    >>> length, angle = edges(np.array([[[0.0, 0.0], [2.0, 2.0]]]))
    >>> length, angle
    (array([[[2., 2.],
            [2., 2.]]]), array([[[90., 90.],
            [90., 90.]]]))
    """
    # solution
    down, across = np.gradient(grey, axis=(1, 2))
    return np.hypot(down, across), np.degrees(np.arctan2(down, across)) % 180
    # end of solution


def hog(grey, cell, bins):
    """Histograms of oriented gradients: which way the edges run in each cell of an image.

    grey: (N, H, W), floating point; cell: side of a cell in pixels; bins: number of bins from 0 to 180 degrees.
    Returns (N, rows * columns * bins), float64, where rows = H // cell and columns = W // cell; pixels at the
    bottom and at the right that fill no cell are left out (but their brightness counts in the differences of
    others).

    Cell (r, c) holds the pixels from row r * cell to before row (r + 1) * cell, and likewise for columns.
    A pixel adds its length to bin floor(angle / (180 / bins)) of its cell; lengths and angles come from `edges`.
    Each cell's histogram h is then divided by (sqrt(sum of h**2) + 1e-6), so that contrast matters less.
    In the result the bins run fastest, then the columns, then the rows.
    A simple form of Dalal & Triggs 2005, "Histograms of oriented gradients for human detection", sec. 6.

    >>> stripe = np.zeros((1, 4, 8))
    >>> stripe[:, :, 4:] = 1
    >>> hog(stripe, cell=4, bins=2).round(4)
    array([[1., 0., 1., 0.]])
    """
    # solution
    N, H, W = grey.shape
    rows, columns = H // cell, W // cell
    length, angle = edges(grey)
    place = (angle / (180 / bins)).astype(int) % bins
    out = np.empty((N, rows, columns, bins))
    for i in range(bins):
        votes = (length * (place == i))[:, : rows * cell, : columns * cell]
        out[..., i] = votes.reshape(N, rows, cell, columns, cell).sum(axis=(2, 4))
    out /= np.sqrt((out * out).sum(axis=3, keepdims=True)) + 1e-6
    return out.reshape(N, -1)
    # end of solution
