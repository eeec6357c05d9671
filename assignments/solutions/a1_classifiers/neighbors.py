"""k nearest neighbours: an image gets the label that most of the training images closest to it have."""

import numpy as np

from nnscratch.course import NotWritten


def distances_two_loops(x, train):
    """Euclidean distances from every row of x to every row of train, one pair at a time.

    x: (M, D), floating point; train: (N, D), floating point.
    Returns out (M, N), float64: out[m, n] = sqrt(sum over d of (x[m, d] - train[n, d])**2).

    One loop over m, inside it one over n, and no third: the sum over d is array code.
    x and train are left as they are.

    >>> distances_two_loops(np.zeros((1, 2)), np.array([[3.0, 4.0], [0.0, 1.0]]))
    array([[5., 1.]])
    """
    # solution
    M, N = len(x), len(train)
    out = np.empty((M, N))
    for m in range(M):
        for n in range(N):
            out[m, n] = np.sqrt(((x[m] - train[n]) ** 2).sum())
    return out
    # end of solution


def distances_one_loop(x, train):
    """Euclidean distances as in distances_two_loops, from one row of x to all of train at a time.

    x: (M, D); train: (N, D). Returns out (M, N), float64.

    One loop, over m. Broadcasting does the rest: x[m] has shape (D,), train (N, D), and so has train - x[m].

    >>> distances_one_loop(np.zeros((1, 2)), np.array([[3.0, 4.0], [0.0, 1.0]]))
    array([[5., 1.]])
    """
    # solution
    out = np.empty((len(x), len(train)))
    for m in range(len(x)):
        out[m] = np.sqrt(((train - x[m]) ** 2).sum(axis=1))
    return out
    # end of solution


def distances_no_loops(x, train):
    """Euclidean distances as in distances_two_loops, without a loop and without an array of shape (M, N, D).

    x: (M, D); train: (N, D). Returns out (M, N), floating point.

    From |a - b|**2 = |a|**2 - 2 a.b + |b|**2, where all the products a.b are one matrix product. Rounding can
    make the sum a little smaller than 0 where a and b are equal: raise it to 0, so that the root is no NaN.

    >>> distances_no_loops(np.zeros((1, 2)), np.array([[3.0, 4.0], [0.0, 1.0]]))
    array([[5., 1.]])
    """
    # solution
    squares = (x * x).sum(axis=1)[:, None] - 2 * (x @ train.T) + (train * train).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0))
    # end of solution


def vote(distances, y, k):
    """The label that most of the k nearest training examples have.

    distances: (M, N), from M new examples to N training examples; y: labels of the training examples (N,), whole
    numbers; k: how many of them vote. Returns labels (M,), of the dtype of y.

    Of equal distances, the one with the smaller index counts as nearer.
    When several labels are equally frequent, the one among them wins whose nearest example is nearest.
    Raises ValueError unless 1 <= k <= N.

    >>> vote(np.array([[3.0, 1.0, 2.0]]), np.array([7, 4, 7]), k=1)
    array([4])
    >>> vote(np.array([[3.0, 1.0, 2.0]]), np.array([7, 4, 7]), k=3)
    array([7])
    >>> vote(np.array([[3.0, 1.0, 2.0]]), np.array([7, 4, 2]), k=3)
    array([4])
    """
    # solution
    if not 1 <= k <= distances.shape[1]:
        raise ValueError(f"k is {k}: give a number from 1 to {distances.shape[1]}")
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    out = np.empty(len(distances), y.dtype)
    for m, labels in enumerate(y[nearest]):
        counts = [(labels == label).sum() for label in labels]
        out[m] = labels[np.argmax(counts)]
    return out
    # end of solution


def cross_validate(x, y, ks, folds):
    """Accuracy of each k on each fold, when all the other folds are the training set.

    x: (N, D); y: labels (N,); ks: list of values of k; folds: into how many parts the examples are cut.
    Returns a dict {k: [accuracy on fold 0, on fold 1, ...]}, each accuracy a number from 0 to 1.

    The parts are those of np.array_split, in the order of the examples: nothing is shuffled here. Distances are
    Euclidean, labels are found as in `vote`: call the functions above.

    >>> x, y = np.array([[0.0], [9.0], [1.0], [8.0]]), np.array([0, 1, 0, 1])
    >>> {k: [float(a) for a in accuracies] for k, accuracies in cross_validate(x, y, ks=[1], folds=2).items()}
    {1: [1.0, 1.0]}
    """
    # solution
    parts = np.array_split(np.arange(len(x)), folds)
    accuracies = {k: [] for k in ks}
    for fold, held_out in enumerate(parts):
        rest = np.concatenate(parts[:fold] + parts[fold + 1 :])
        distances = distances_no_loops(x[held_out], x[rest])
        for k in ks:
            accuracies[k].append((vote(distances, y[rest], k) == y[held_out]).mean())
    return accuracies
    # end of solution


def nearest_fast(x, train, k):
    """The k nearest training examples of each row of x, found at least ten times faster than pair by pair.

    x: (M, D); train: (N, D), both floating point; 1 <= k <= N. Returns indices (M, k) into train, whole numbers,
    nearest first. No two distances of a row are equal.

    The measure is two loops over the pairs and a full sort of each row of distances, timed on this machine
    beside yours. A matrix product is what makes the difference. Two savings more, if you like: the root changes
    no order, and np.argpartition finds the k smallest of a row without sorting all of it.

    >>> nearest_fast(np.array([[0.0], [5.0]]), np.array([[3.0], [1.0], [8.0]]), k=2)
    array([[1, 0],
           [0, 2]])
    """
    # solution
    squares = (train * train).sum(axis=1) - 2 * (x @ train.T)  # |x|**2 is the same all along a row
    close = np.argpartition(squares, k - 1, axis=1)[:, :k]
    order = np.argsort(np.take_along_axis(squares, close, axis=1), axis=1)
    return np.take_along_axis(close, order, axis=1)
    # end of solution
