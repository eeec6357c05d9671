"""k nearest neighbours: an image gets the label that most of the training images closest to it have.

Source: Cover & Hart 1967, "Nearest neighbor pattern classification".
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnscratch.arrays import rng
from nnscratch.choices import choose
from nnscratch.data.dataset import check_finite, check_labels
from nnscratch.shapes import as_rows, match_axes

ROWS = 500  # test examples at a time: 500 rows of 50,000 distances are 200 MB
COLUMNS = 1000  # training examples at a time, as float64


class NeighborError(ValueError):
    """Nearest neighbours were asked for that do not exist, or before there was anything to compare with."""


def l1_distance(a: Any, b: Any) -> Any:
    """Sum of absolute differences along the last axis; a and b (..., D) broadcast against each other.

    >>> l1_distance(np.zeros(2), np.array([[3.0, 4.0], [1.0, -1.0]]))
    array([7., 2.])
    """
    return abs(a - b).sum(axis=-1)


def l2_distance(a: Any, b: Any) -> Any:
    """Euclidean distance along the last axis; a and b (..., D) broadcast against each other.

    >>> l2_distance(np.zeros(2), np.array([[3.0, 4.0], [0.0, -1.0]]))
    array([5., 1.])
    """
    return np.sqrt(((a - b) ** 2).sum(axis=-1))


DISTANCES: dict[str, Callable] = {"l1": l1_distance, "l2": l2_distance}


def distances_two_loops(x: Any, train: Any, distance: Callable = l2_distance) -> np.ndarray:
    """Distances (M, N) from every row of x (M, D) to every row of train (N, D), one pair at a time.

    Raises ShapeError. The slowest way, and the definition of the other two.

    >>> distances_two_loops(np.zeros((1, 2)), np.array([[3.0, 4.0], [0.0, 1.0]]))
    array([[5., 1.]])
    """
    M, D, N = match_axes("distances", x=(x, "M D"), train=(train, "N D"))
    out = np.empty((M, N))
    for m in range(M):
        for n in range(N):
            out[m, n] = distance(x[m], train[n])
    return out


def distances_one_loop(x: Any, train: Any, distance: Callable = l2_distance) -> np.ndarray:
    """Distances (M, N) as in distances_two_loops, from one row of x to all of train at a time.

    Raises ShapeError, and NeighborError when `distance` does not give one finite number per row of train.

    >>> distances_one_loop(np.zeros((1, 2)), np.array([[3.0, 4.0], [0.0, 1.0]]), l1_distance)
    array([[7., 1.]])
    """
    M, D, N = match_axes("distances", x=(x, "M D"), train=(train, "N D"))
    out = np.empty((M, N))
    for m in range(M):
        row = distance(x[m], train)
        if getattr(row, "shape", ()) != (N,) or not np.isfinite(row).all():
            raise NeighborError(
                f"the distances from x ({D},) to train ({N}, {D}) are {np.shape(row)}, or hold NaN or infinity: "
                f"return one finite number for each of the {N} rows, such as abs(a - b).sum(axis=-1)"
            )
        out[m] = row
    return out


def distances_no_loops(x: Any, train: Any) -> np.ndarray:
    """Euclidean distances (M, N) without a loop, from |a - b|^2 = |a|^2 - 2 a.b + |b|^2: a matrix product.

    Exact to rounding of the largest |a|^2; for pixels from 0 to 255 in float64, all sums are exact.

    >>> distances_no_loops(np.zeros((1, 2)), np.array([[3.0, 4.0], [0.0, 1.0]]))
    array([[5., 1.]])
    """
    match_axes("distances", x=(x, "M D"), train=(train, "N D"))
    squares = (x * x).sum(axis=1)[:, None] - 2 * (x @ train.T) + (train * train).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0))


def nearest(distances: Any, k: int) -> np.ndarray:
    """Columns (M, k) of the k smallest distances (M, N) of each row, smallest first; of equals, the first column.

    Raises NeighborError unless 1 <= k <= N.

    >>> nearest(np.array([[5.0, 1.0, 2.0, 1.0]]), k=3)
    array([[1, 3, 2]])
    """
    _check_k(k, distances.shape[1])
    limit = np.partition(distances, k - 1, axis=1)[:, k - 1]
    out = np.empty((len(distances), k), np.int64)
    for m, row in enumerate(distances):
        close = np.flatnonzero(row <= limit[m])
        out[m] = close[np.argsort(row[close], kind="stable")[:k]]
    return out


def majority_vote(labels: Any) -> np.ndarray:
    """The most frequent label (M,) of each row of labels (M, k), which lie nearest first.

    When several labels are equally frequent, the one among them whose example lies nearest wins.

    >>> majority_vote(np.array([[3, 5, 5], [3, 5, 7], [5, 3, 3]])), majority_vote(np.array([[7, 2, 2, 7]]))
    (array([5, 3, 3]), array([7]))
    """
    votes = (labels[:, :, None] == labels[:, None, :]).sum(axis=2)
    return labels[np.arange(len(labels)), votes.argmax(axis=1)]


class KNearestNeighbors:
    """Remember the training set; give a new example the label that most of its k nearest neighbours have.

    `distance` is "l1", "l2", or a function (a, b) -> distances along the last axis, where a is one example (D,)
    and b some training examples (N, D). Ties are broken as `nearest` and `majority_vote` say. Distances are
    computed in float64, a block at a time, so that 10,000 x 50,000 CIFAR images need less than 1 GB.

    >>> x, y = np.array([[0.0], [1.0], [5.0], [6.0]]), np.array([0, 0, 1, 1])
    >>> KNearestNeighbors(k=3).fit(x, y).predict(np.array([[0.4], [5.1]]))
    array([0, 1])
    """

    def __init__(self, k: int = 1, distance: str | Callable = "l2") -> None:
        self.k = k
        self.distance = distance if callable(distance) else choose(distance, DISTANCES, "distance")
        self.x: Any = None
        self.y: Any = None

    def fit(self, x: Any, y: Any) -> "KNearestNeighbors":
        """Remember x (N, ...) and labels y (N,); images are flattened. Raises DataError and NeighborError."""
        check_finite(x)
        y = check_labels(np.asarray(y), "y", len(x))
        _check_k(self.k, len(x))
        self.x, self.y = as_rows(x), y
        return self

    def neighbors(self, x: Any) -> np.ndarray:
        """Indices (M, k) of the training examples nearest to each of x (M, ...), nearest first.

        Raises ShapeError, DataError for NaN, and NeighborError before `fit`.
        """
        if self.x is None:
            raise NeighborError("k nearest neighbours: there are no training examples yet: call fit(x, y) first")
        x = as_rows(x)
        match_axes("k nearest neighbours", x=(x, "M D"), train=(self.x, "N D"))
        check_finite(x)
        out = np.empty((len(x), self.k), np.int64)
        for m in range(0, len(x), ROWS):
            out[m : m + ROWS] = nearest(self._distances(x[m : m + ROWS].astype(np.float64)), self.k)
        return out

    def predict(self, x: Any) -> np.ndarray:
        """Labels (M,) for x (M, ...); errors as in `neighbors`."""
        return majority_vote(self.y[self.neighbors(x)])

    def _distances(self, x):
        """Distances (M, N) from x (M, D) to the whole training set, some columns at a time."""
        out = np.empty((len(x), len(self.x)))
        for n in range(0, len(self.x), COLUMNS):
            train = self.x[n : n + COLUMNS].astype(np.float64)
            if self.distance is l2_distance:
                out[:, n : n + COLUMNS] = distances_no_loops(x, train)
            else:
                out[:, n : n + COLUMNS] = distances_one_loop(x, train, self.distance)
        return out


def cross_validate(
    x: Any, y: Any, ks: Any, folds: int = 5, distance: str | Callable = "l2", seed: int = 0
) -> dict[int, list[float]]:
    """Accuracy of each k in `ks` on each fold, {k: [one accuracy per fold]}, from training on the other folds.

    x: (N, ...), y: (N,), shuffled by `seed` before they are cut. The distances are measured once for all k.
    Source: Stone 1974, "Cross-validatory choice". Raises NeighborError when a k or the folds do not fit the set.

    >>> x, y = np.arange(20.0)[:, None], np.arange(20) // 10
    >>> cross_validate(x, y, ks=[1, 9], folds=4)[1]
    [1.0, 1.0, 1.0, 0.8]
    """
    ks, y = list(ks), np.asarray(y)
    if not 2 <= folds <= len(x):
        raise NeighborError(f"cross-validation: {folds} folds of {len(x)} examples: ask for 2 to {len(x)}")
    if not ks:
        raise NeighborError("cross-validation: ks is empty: give at least one k to choose from")
    parts = np.array_split(rng(seed).permutation(len(x)), folds)
    accuracies: dict[int, list[float]] = {k: [] for k in ks}
    for fold, held_out in enumerate(parts):
        rest = np.concatenate(parts[:fold] + parts[fold + 1 :])
        for k in ks:
            _check_k(k, len(rest))
        labels = y[rest][KNearestNeighbors(max(ks), distance).fit(x[rest], y[rest]).neighbors(x[held_out])]
        for k in ks:
            accuracies[k].append(float((majority_vote(labels[:, :k]) == y[held_out]).mean()))
    return accuracies


def _check_k(k, count):
    if k != int(k) or not 1 <= k <= count:
        raise NeighborError(
            f"k is {k}, but there are {count} training examples: give a whole number from 1 to {count}"
        )
