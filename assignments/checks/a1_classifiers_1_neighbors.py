"""How the exercises on nearest neighbours are checked."""

import ast
import inspect
import math
import textwrap
import tracemalloc

import numpy as np

from nnscratch.classic import nearest_neighbor
from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise

LOOPS = (ast.For, ast.While, ast.comprehension)


def _distances(mine, rng, loops):
    """Distances on random shapes, one of them of single rows, one with rows that are equal; not too many loops."""
    for M, N, D in ((3, 5, 4), (1, 4, 2), (4, 1, 3), (3, 3, 2)):
        x, train = rng.normal(size=(M, D)), rng.normal(size=(N, D))
        found = expect.unchanged(lambda: mine(x, train), x=x, train=train)
        right = _by_hypot(x, train)
        squares, products = right**2, x @ train.T
        causes = {
            "the root is missing": squares,
            "these are sums of absolute differences: square them, and take the root of the sum": np.array(
                [[abs(a - b).sum() for b in train] for a in x]
            ),
            "the sum runs over the whole array: give it an axis": np.sqrt(squares.sum(axis=1, keepdims=True))
            + 0 * right,
            "the 2 is missing in |a|**2 - 2 a.b + |b|**2": np.sqrt(np.maximum(squares + products, 0)),
        }
        slips.equal(found, right, "out", remedies=causes, given=dict(x=x, train=train))
    same = 10 * rng.normal(size=(30, 20))
    found = mine(same, same.copy())
    expect.equal(found, _by_hypot(same, same), "out", 1e-5, given=dict(x=same, train=same))
    count = _loops(mine)
    words = f"{count} loops" if count > 1 else "a loop"
    expect.true(
        count <= loops, f"it is right, but it has {words}: at most {loops} is asked for, array code does the rest"
    )


def _loops(function):
    """How many loops the source of a function holds, those in lists and sums included."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # written where there is no source, such as in a terminal
        return 0
    return sum(isinstance(node, LOOPS) for node in ast.walk(tree))


def _by_hypot(x, train):
    return np.array([[math.dist(a, b) for b in train] for a in x])


@exercise(
    "a1.distances_two_loops",
    file="neighbors.py",
    minutes=10,
    hints=(
        "Make an array of zeros of the right shape first, then fill it, one number at a time.",
        "x[m] - train[n] has D numbers. What is to be done to them before they are added up, and what after?",
        "out[m, n] = np.sqrt(((x[m] - train[n]) ** 2).sum())",
    ),
)
def distances_two_loops(mine, rng):
    """Values on random shapes."""
    _distances(mine, rng, 2)


@exercise(
    "a1.distances_one_loop",
    file="neighbors.py",
    minutes=10,
    hints=(
        "Which shape has train - x[m]? NumPy subtracts x[m] from every row of train.",
        "Sum over the numbers of each row, not over the whole array: sum takes an axis.",
        "out[m] = np.sqrt(((train - x[m]) ** 2).sum(axis=1))",
    ),
)
def distances_one_loop(mine, rng):
    """Values on random shapes."""
    _distances(mine, rng, 1)


@exercise(
    "a1.distances_no_loops",
    file="neighbors.py",
    minutes=20,
    points=2,
    hints=(
        "Write the three terms of |a - b|**2 down with their shapes: which of them is (M, N), which (M,), which "
        "(N,)?",
        "A column (M, 1) plus a row (N,) broadcasts to (M, N); [:, None] makes a column.",
        "(x * x).sum(axis=1)[:, None] - 2 * (x @ train.T) + (train * train).sum(axis=1), "
        "then np.maximum with 0, then the root.",
    ),
)
def distances_no_loops(mine, rng):
    """Values on random shapes, equal rows, and a size at which an array (M, N, D) does not fit."""
    same = 1e3 + rng.normal(size=(40, 50))
    expect.true(
        np.isfinite(expect.shape(mine(same, same.copy()), (40, 40), "out")).all(),
        "the distance of a row to an equal one is NaN: rounding made its square a little negative; raise squares "
        "below 0 to 0 before the root",
    )
    _distances(mine, rng, 0)
    x, train = rng.normal(size=(60, 1000)), rng.normal(size=(80, 1000))
    tracemalloc.start()
    mine(x, train)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    expect.true(
        peak < 10,
        f"for 60 and 80 rows of 1000 numbers it needs {peak:.0f} MB, the size of an array of shape (M, N, D): "
        f"let a "
        "matrix product do the sum over D",
    )


@exercise(
    "a1.vote",
    file="neighbors.py",
    minutes=20,
    points=2,
    hints=(
        "np.argsort gives the columns of a row of distances, nearest first. You need the labels of the first k.",
        'argsort keeps equal numbers in their order only with kind="stable". With the labels of the k nearest, '
        "nearest "
        "first, count for each of them how often it occurs.",
        "counts = [(labels == label).sum() for label in labels]; labels[np.argmax(counts)] is the winner: "
        "argmax takes "
        "the first of equal counts, and that is the nearest.",
    ),
)
def vote(mine, rng):
    """k = 1, majorities, ties of labels and of distances, a k that cannot be."""
    for k in (1, 3, 5):
        distances, y = rng.random((6, 9)), rng.integers(0, 2, 9) + 4
        _voted(mine, distances, y, k, "")
    y = np.array([2, 9, 9, 2, 5])
    ties = np.array([[0.4, 0.3, 0.9, 0.8, 0.7], [0.1, 0.3, 0.5, 0.4, 0.9], [0.9, 0.2, 0.3, 0.4, 0.1]])
    _voted(mine, ties, y, 2, "of equally frequent labels, that of the nearest example wins; ")
    _voted(mine, ties, y, 4, "of equally frequent labels, that of the nearest example wins; ")
    distances = rng.integers(0, 3, (40, 60)).astype(float)
    y = rng.integers(0, 4, 60)
    for k in (1, 2, 7):
        _voted(mine, distances, y, k, "of equal distances, the one with the smaller index is nearer; ")
    for k in (0, len(y) + 1):
        expect.raises(ValueError, lambda: mine(distances, y, k), f"k is {k}, with {len(y)} training examples")


def _voted(mine, distances, y, k, rule):
    expected = nearest_neighbor.majority_vote(y[nearest_neighbor.nearest(distances, k)])
    found = expect.unchanged(lambda: mine(distances, y, k), distances=distances, y=y)
    expect.shape(found, expected.shape, "labels", given=dict(distances=distances, y=y, k=k))
    expect.true(found.dtype.kind in "iu", f"labels should be whole numbers, they are {found.dtype}")
    wrong = np.flatnonzero(found != expected)
    if len(wrong):
        m = wrong[0]
        order = np.argsort(distances[m], kind="stable")[: k + 2]
        raise expect.Unmet(
            f"{rule}for k = {k}, labels[{m}] is {found[m]}, it should be {expected[m]}: nearest first, the "
            f"labels are "
            f"{y[order].tolist()}..., at distances {distances[m][order].round(2).tolist()}..."
        )


@exercise(
    "a1.cross_validate",
    file="neighbors.py",
    minutes=20,
    points=2,
    hints=(
        "For each fold: which examples are held out, and which are all the others? np.array_split of the "
        "indices 0 to "
        "N - 1 gives the parts.",
        "np.concatenate(parts[:fold] + parts[fold + 1:]) are the others. Their distances to the examples held "
        "out serve all k.",
        "accuracies[k].append((vote(distances, y[rest], k) == y[held_out]).mean()), with distances = "
        "distances_no_loops(x[held_out], x[rest])",
    ),
)
def cross_validate(mine, rng):
    """Accuracies against the package's neighbours, also where the folds are not equally large."""
    for N, folds, ks in ((24, 4, [1, 3, 5]), (23, 5, [2, 1])):
        y = rng.integers(0, 3, N)
        x = rng.normal(size=(N, 4)) + y[:, None]
        found = expect.unchanged(lambda: mine(x, y, ks, folds), x=x, y=y)
        expect.true(isinstance(found, dict), f"it should return a dict, it returns {expect.described(found)}")
        expect.true(set(found) == set(ks), f"the keys should be the ks {ks}, they are {list(found)}")
        parts = np.array_split(np.arange(N), folds)
        for k in ks:
            expected = []
            for fold in parts:
                rest = np.setdiff1d(np.arange(N), fold)
                model = nearest_neighbor.KNearestNeighbors(k).fit(x[rest], y[rest])
                expected.append(float((model.predict(x[fold]) == y[fold]).mean()))
            _accuracies(found[k], expected, k, folds, N)


def _accuracies(found, expected, k, folds, N):
    size = len(found) if isinstance(found, (list, np.ndarray)) else None
    if size != folds:
        words = f"a list of {folds} accuracies, one for each fold; it is {expect.described(found)}"
        raise expect.Unmet(f"accuracies[{k}] should be {words}")
    found = np.array(found, float)
    cause = ""
    if np.all(found == 1) and k == 1:
        cause = ": with k = 1, all is right when the fold is among its own training examples"
    elif np.all(found <= 1) and np.allclose(found, 1 - np.array(expected)):
        cause = ": these are the shares that are wrong"
    elif np.any(found > 1):
        cause = ": an accuracy is a share, from 0 to 1"
    expect.true(
        np.allclose(found, expected),
        f"with {N} examples in {folds} folds, accuracies[{k}] is {found.round(3).tolist()}, it should be "
        f"{np.round(expected, 3).tolist()}{cause}",
    )


@exercise(
    "a1.nearest_fast",
    file="neighbors.py",
    minutes=25,
    points=3,
    hints=(
        "What takes longest in the slow way? M * N trips through Python: have them done by one matrix product.",
        "|x|**2 is the same all along a row, so the order of |train|**2 - 2 x.train is the order of the "
        "distances. Sort "
        "only what np.argpartition(squares, k - 1, axis=1)[:, :k] leaves.",
        "close = np.argpartition(squares, k - 1, axis=1)[:, :k]; order = np.argsort(np.take_along_axis(squares, "
        "close, 1), "
        "axis=1); np.take_along_axis(close, order, 1)",
    ),
)
def nearest_fast(mine, rng):
    """Right on random shapes, then ten times as fast as two loops and a sort."""
    for M, N, D, k in ((3, 7, 4, 2), (1, 5, 3, 5), (4, 1, 2, 1)):
        x, train = rng.normal(size=(M, D)) + 3, rng.normal(size=(N, D))
        found = expect.unchanged(lambda: mine(x, train, k), x=x, train=train)
        right = _nearest_slowly(x, train, k)
        expect.shape(found, right.shape, "indices", given=dict(x=x, train=train, k=k))
        expect.true(
            np.array_equal(found, right) or not np.array_equal(np.sort(found, axis=1), np.sort(right, axis=1)),
            "these are the nearest examples, but not in order: the nearest comes first",
        )
        expect.equal(found, right, "indices")
    expect.faster(mine, _nearest_slowly, (rng.normal(size=(40, 16)), rng.normal(size=(300, 16)), 5), 10)


def _nearest_slowly(x, train, k):
    distances = np.empty((len(x), len(train)))
    for m in range(len(x)):
        for n in range(len(train)):
            distances[m, n] = np.sqrt(((x[m] - train[n]) ** 2).sum())
    return np.argsort(distances, axis=1)[:, :k]
