"""cs231n.data_utils: CIFAR-10 as arrays, read without running what a pickle holds; nothing is downloaded."""

from pathlib import Path

import numpy as np

from nnscratch.data.cifar10 import TEST_FILE, TRAIN_FILES, read_python_batch
from nnscratch.data.dataset import DataError
from nnscratch.data.sources import load

__all__ = ["get_CIFAR10_data", "load_CIFAR10"]

ROOT = "cs231n/datasets/cifar-10-batches-py"


def load_CIFAR10(ROOT):
    """Return X_train (50000, 32, 32, 3) float64 from 0 to 255, y_train, X_test (10000, ...) and y_test.

    ROOT: the folder cifar-10-batches-py. Where it is not there, CIFAR-10 is taken from where `nnscratch data`
    knows it to be (NNSCRATCH_DATA, the cache). Raises DataError.

    >>> import pickle, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in [*TRAIN_FILES, TEST_FILE]:
    ...         batch = {"data": np.zeros((2, 3072), np.uint8), "labels": [3, 8]}
    ...         _ = Path(folder, name).write_bytes(pickle.dumps(batch))
    ...     [array.shape for array in load_CIFAR10(folder)]
    [(10, 32, 32, 3), (10,), (2, 32, 32, 3), (2,)]
    """
    folder = Path(ROOT)
    if not folder.is_dir():
        return _known(folder)
    try:
        batches = [
            read_python_batch((folder / name).read_bytes(), folder / name) for name in [*TRAIN_FILES, TEST_FILE]
        ]
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} is missing: unpack cifar-10-python.tar.gz again") from None
    images, labels = zip(*batches)
    return (
        _last(np.concatenate(images[:-1])),
        np.concatenate(labels[:-1]),
        _last(images[-1]),
        labels[-1],
    )


def get_CIFAR10_data(num_training=49000, num_validation=1000, num_test=1000, subtract_mean=True):
    """Return a dict of X_train, y_train, X_val, y_val, X_test, y_test; images (N, 3, 32, 32) float64.

    They come from ROOT in the working folder, as in load_CIFAR10. With `subtract_mean`, the mean image of the
    training part is taken away from all. Raises DataError.

    >>> import pickle
    >>> getfixture("monkeypatch").chdir(getfixture("tmp_path"))
    >>> Path(ROOT).mkdir(parents=True)
    >>> for name in [*TRAIN_FILES, TEST_FILE]:
    ...     batch = {"data": np.full((2, 3072), 9, np.uint8), "labels": [3, 8]}
    ...     _ = Path(ROOT, name).write_bytes(pickle.dumps(batch))
    >>> data = get_CIFAR10_data(8, 2, 2)
    >>> {name: len(array) for name, array in data.items()}, data["X_train"].any()
    ({'X_train': 8, 'y_train': 8, 'X_val': 2, 'y_val': 2, 'X_test': 2, 'y_test': 2}, np.False_)
    """
    X, y, X_test, y_test = load_CIFAR10(ROOT)
    if num_training + num_validation > len(X) or num_test > len(X_test):
        raise DataError(
            f"{num_training} + {num_validation} training images and {num_test} test images were asked for, but "
            f"there are {len(X)} and {len(X_test)}: ask for fewer"
        )
    end = num_training + num_validation
    parts = {"train": X[:num_training], "val": X[num_training:end], "test": X_test[:num_test]}
    labels = {"train": y[:num_training], "val": y[num_training:end], "test": y_test[:num_test]}
    mean = parts["train"].mean(axis=0) if subtract_mean else 0.0
    data = {}
    for part, images in parts.items():
        data[f"X_{part}"] = np.ascontiguousarray((images - mean).transpose(0, 3, 1, 2))
        data[f"y_{part}"] = labels[part]
    return data


def _known(folder):
    """CIFAR-10 from where this package knows it to be."""
    try:
        data = load("cifar10", validation=0, download=False)
    except Exception as error:
        raise DataError(
            f"there is no folder {folder}: unpack cifar-10-python.tar.gz there, or run `nnscratch data fetch` "
            f"({str(error).splitlines()[0]})"
        ) from None
    return _last(data.x_train), data.y_train, _last(data.x_test), data.y_test


def _last(images):
    """Channels last and float64, as CS231n loads them."""
    return images.transpose(0, 2, 3, 1).astype(float)
