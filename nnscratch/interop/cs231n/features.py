"""cs231n.features: histograms of edges and of hues of one image (H, W, 3) at a time, 0 to 255."""

import numpy as np

from nnscratch.classic import features

__all__ = ["color_histogram_hsv", "extract_features", "hog_feature"]


def extract_features(imgs, feature_fns, verbose=False):
    """The features of images imgs (N, H, W, C) side by side, (N, F); each function takes one image.

    >>> extract_features(np.zeros((2, 32, 32, 3)), [hog_feature, color_histogram_hsv]).shape
    (2, 154)
    """
    rows = []
    for n, image in enumerate(imgs):
        rows.append(np.concatenate([np.ravel(feature(np.squeeze(image))) for feature in feature_fns]))
        if verbose and (n + 1) % 1000 == 0:
            print(f"features of {n + 1} of {len(imgs)} images")
    return np.array(rows, dtype=float)


def hog_feature(im):
    """Histograms of 9 orientations in cells of 8 x 8 pixels: (144,) for 32 x 32 pixels.

    im: (H, W, 3), or (H, W) in grey. A gradient votes for the two orientations nearest to its own.

    >>> stripes = np.zeros((16, 16))
    >>> stripes[:, 8:] = 255
    >>> hog_feature(stripes).reshape(4, 9).argmax(axis=1)
    array([0, 0, 0, 0])
    """
    return features.hog(_batch(im), block=1)[0].astype(float)


def color_histogram_hsv(im, nbin=10, xmin=0, xmax=255, normalized=True):
    """Histogram (nbin,) of the hues of an image (H, W, 3), 0 to 255; hues run from xmin to xmax.

    Every pixel counts once; `normalized` divides by their number, so that the histogram sums to 1.

    >>> red = np.zeros((4, 4, 3))
    >>> red[..., 0] = 255
    >>> color_histogram_hsv(red, normalized=False)
    array([16,  0,  0,  0,  0,  0,  0,  0,  0,  0])
    """
    red, green, blue = np.moveaxis(np.asarray(im, float), -1, 0)
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    chroma = np.where(high > low, high - low, 1)
    sector = np.select(
        [high == low, high == red, high == green],
        [0 * red, (green - blue) / chroma % 6, (blue - red) / chroma + 2],
        (red - green) / chroma + 4,
    )
    counts, _ = np.histogram(sector / 6 * xmax, bins=np.linspace(xmin, xmax, nbin + 1))
    return counts / counts.sum() if normalized else counts


def _batch(im):
    """One image (H, W[, 3]) from 0 to 255 as a batch (1, C, H, W) from 0 to 1."""
    im = np.asarray(im, float)
    return (np.moveaxis(im, -1, 0) if im.ndim == 3 else im[None])[None] / 255
