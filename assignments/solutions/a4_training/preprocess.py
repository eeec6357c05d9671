"""Preprocessing: what is learned from the training images alone and done to all images alike."""

import numpy as np

from nnscratch.course import NotWritten


def subtract_mean_image(train, test):
    """Subtract the mean training image from the training and from the test images.

    train: (N, C, H, W); test: (M, C, H, W); both uint8 (0 to 255) or both floating point.
    Returns (train, test), new arrays, float32, of the same shapes and on the same scale (nothing is divided by
    255).

    The mean image (C, H, W) is the mean over the N training images, pixel by pixel and channel by channel. Test
    images have no say in it: in use, they come one at a time. The arrays handed in are left as they are.
    Source: Krizhevsky et al. 2012, sec. 2.

    >>> train, test = np.array([[[[10]]], [[[20]]]], np.uint8), np.array([[[[5]]]], np.uint8)
    >>> [images.ravel().tolist() for images in subtract_mean_image(train, test)]
    [[-5.0, 5.0], [-10.0]]
    """
    # solution
    mean = train.mean(axis=0, dtype=np.float64)
    return (train - mean).astype(np.float32), (test - mean).astype(np.float32)
    # end of solution


def standardize(train, test):
    """Give each colour channel mean 0 and standard deviation 1 over the training images.

    train: (N, C, H, W); test: (M, C, H, W); both floating point.
    Returns (train, test), new arrays of the same shapes and dtype.

    out = (x - mean) / std, where mean and std, one of each per channel, are those over all training images and
    all their pixels; the variance is divided by their number, as x.std does. A channel whose std is below 1e-6
    is only centred, not divided: a constant channel must not give NaN.

    >>> train, test = np.array([[[[1.0, 3.0]]]]), np.array([[[[5.0, 2.0]]]])
    >>> [images.ravel().tolist() for images in standardize(train, test)]
    [[-1.0, 1.0], [3.0, 0.0]]
    """
    # solution
    mean = train.mean(axis=(0, 2, 3), keepdims=True)
    std = train.std(axis=(0, 2, 3), keepdims=True)
    std = np.where(std < 1e-6, 1, std).astype(train.dtype)
    return (train - mean) / std, (test - mean) / std
    # end of solution


def pca_whiten(train, test, components, epsilon):
    """Project on the first principal components of the training set, and give each of them unit variance.

    train: (N, D); test: (M, D), both float64; components: how many to keep, at most D and below N; epsilon:
    small number that is added to the variances, so that directions of pure noise are not blown up.
    Returns (train, test), of shapes (N, components) and (M, components).

    1. Centre both sets with the mean (D,) of the training set.
    2. The covariance matrix of the centred training set is x^T x / N, (D, D).
    3. Its eigenvectors are the directions, its eigenvalues the variances along them: keep those of the largest
       variances, largest first. np.linalg.eigh gives eigenvalues smallest first and eigenvectors as columns.
    4. Project on the directions, and divide by sqrt(variance + epsilon).
    The sign of a direction is free: a column of the result may have either sign, the same one in both sets.

    >>> train, test = np.array([[0.0, 0.0], [6.0, 2.0], [0.0, 2.0], [6.0, 0.0]]), np.array([[9.0, 1.0]])
    >>> [abs(x).round(6).tolist() for x in pca_whiten(train, test, components=1, epsilon=0.0)]
    [[[1.0], [1.0], [1.0], [1.0]], [[2.0]]]
    """
    # solution
    mean = train.mean(axis=0)
    centred = train - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / len(train))
    largest = np.argsort(variances)[::-1][:components]
    scale = directions[:, largest] / np.sqrt(variances[largest] + epsilon)
    return centred @ scale, (test - mean) @ scale
    # end of solution
