"""Augmentation: change training images at random in ways that keep their class."""

import numpy as np

from nnscratch.course import NotWritten


def mirror(x, rng):
    """Mirror each image from left to right with probability 1/2.

    x: (N, C, H, W), any dtype; rng: a numpy.random.Generator. Returns a new array of the shape and dtype of x;
    x itself is left as it is.

    Draw ONCE: image n is mirrored where rng.random(N)[n] < 0.5. All channels of an image go together.

    >>> x = np.arange(4).reshape(2, 1, 1, 2)
    >>> mirror(x, np.random.default_rng(0)).tolist()  # the draws are 0.64 and 0.27
    [[[[0, 1]]], [[[3, 2]]]]
    """
    # solution
    chosen = rng.random(len(x)) < 0.5
    out = x.copy()
    out[chosen] = x[chosen, :, :, ::-1]
    return out
    # end of solution


def random_crops(x, pad, rng):
    """Shift each image by up to `pad` pixels: put a border of zeros around it and cut a window of the old size.

    x: (N, C, H, W), any dtype; pad: width of the border in pixels, 0 or more; rng: a numpy.random.Generator.
    Returns a new array of the shape and dtype of x; x itself is left as it is.

    Draw top = rng.integers(0, 2 * pad + 1, size=N) first, then left in the same way. Image n of the result is
    the window of H x W pixels whose upper left corner is at row top[n], column left[n] of the padded image:
    with top and left equal to pad, it is the image itself.

    >>> random_crops(np.ones((1, 1, 2, 2), int), 1, np.random.default_rng(2)).tolist()  # top is 2, left 0
    [[[[0, 1], [0, 0]]]]
    """
    # solution
    N, _, H, W = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    top = rng.integers(0, 2 * pad + 1, size=N)
    left = rng.integers(0, 2 * pad + 1, size=N)
    out = np.empty_like(x)
    for n in range(N):
        out[n] = padded[n, :, top[n] : top[n] + H, left[n] : left[n] + W]
    return out
    # end of solution


def pca_colour(x, variances, directions, std, rng):
    """Change the colour of the light in each image, along the directions in which colours vary most.

    x: images (N, 3, H, W), floating point; variances (3,) and directions (3, 3), one direction per COLUMN:
    eigenvalues and eigenvectors of the covariance of red, green and blue over all training pixels; std: how
    strong; rng: a numpy.random.Generator. Returns a new array of the shape and dtype of x; x itself is left as
    it is.

    Draw alpha (N, 3) ONCE: rng.normal(0, std, size=(N, 3)). Every pixel of image n gets the same colour added:
    the sum over i of alpha[n, i] * sqrt(variances[i]) * directions[:, i].
    (Krizhevsky et al. 2012, sec. 4.1, write lambda_i without a root; with the root, alpha counts standard
    deviations.)

    >>> grey = np.zeros((1, 3, 1, 1))
    >>> pca_colour(grey, np.array([4.0, 0.0, 0.0]), np.eye(3), 1.0, np.random.default_rng(0)).round(2).ravel()
    array([0.25, 0.  , 0.  ])
    """
    # solution
    alpha = rng.normal(0, std, size=(len(x), 3))
    colours = (alpha * np.sqrt(variances)) @ directions.T
    return (x + colours[:, :, None, None]).astype(x.dtype)
    # end of solution
