"""Wrong answers about nearest neighbours, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a1.distances_two_loops",
        "the root is forgotten",
        """
def distances_two_loops(x, train):
    out = np.zeros((len(x), len(train)))
    for m in range(len(x)):
        for n in range(len(train)):
            out[m, n] = np.sum((x[m] - train[n]) ** 2)
    return out
""",
        says=("the root is missing",),
    ),
    Wrong(
        "a1.distances_two_loops",
        "the result is the other way round",
        """
def distances_two_loops(x, train):
    out = np.zeros((len(train), len(x)))
    for m in range(len(x)):
        for n in range(len(train)):
            out[n, m] = np.sqrt(np.sum((x[m] - train[n]) ** 2))
    return out
""",
        says=("it looks transposed",),
    ),
    Wrong(
        "a1.distances_two_loops",
        "absolute differences instead of squares",
        """
def distances_two_loops(x, train):
    out = np.zeros((len(x), len(train)))
    for m in range(len(x)):
        for n in range(len(train)):
            out[m, n] = np.abs(x[m] - train[n]).sum()
    return out
""",
        says=("sums of absolute differences",),
    ),
    Wrong(
        "a1.distances_two_loops",
        "nothing is returned",
        """
def distances_two_loops(x, train):
    out = np.zeros((len(x), len(train)))
    for m in range(len(x)):
        for n in range(len(train)):
            out[m, n] = np.sqrt(np.sum((x[m] - train[n]) ** 2))
""",
        says=("it is None",),
    ),
    Wrong(
        "a1.distances_one_loop",
        "the sum has no axis",
        """
def distances_one_loop(x, train):
    out = np.zeros((len(x), len(train)))
    for m in range(len(x)):
        out[m] = np.sqrt(((train - x[m]) ** 2).sum())
    return out
""",
        says=("give it an axis",),
    ),
    Wrong(
        "a1.distances_one_loop",
        "the difference is kept in x",
        """
def distances_one_loop(x, train):
    out = np.zeros((len(x), len(train)))
    for m in range(len(x)):
        train -= x[m]
        out[m] = np.sqrt((train**2).sum(axis=1))
        train += x[m] + 1e-15
    return out
""",
        says=("train was changed in place",),
    ),
    Wrong(
        "a1.distances_one_loop",
        "a second loop, hidden in a list",
        """
def distances_one_loop(x, train):
    out = np.zeros((len(x), len(train)))
    for m in range(len(x)):
        out[m] = [np.linalg.norm(x[m] - row) for row in train]
    return out
""",
        says=("2 loops",),
    ),
    Wrong(
        "a1.distances_no_loops",
        "the 2 is forgotten",
        """
def distances_no_loops(x, train):
    squares = (x**2).sum(axis=1)[:, None] - x @ train.T + (train**2).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0))
""",
        says=("the 2 is missing",),
    ),
    Wrong(
        "a1.distances_no_loops",
        "squares a little below 0",
        """
def distances_no_loops(x, train):
    return np.sqrt((x**2).sum(axis=1)[:, None] - 2 * x @ train.T + (train**2).sum(axis=1))
""",
        says=("rounding made its square a little negative",),
    ),
    Wrong(
        "a1.distances_no_loops",
        "a row of sums where a column is needed",
        """
def distances_no_loops(x, train):
    squares = (x**2).sum(axis=1) - 2 * x @ train.T + (train**2).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0))
""",
        says=("could not be broadcast",),
    ),
    Wrong(
        "a1.distances_no_loops",
        "all differences in one large array",
        """
def distances_no_loops(x, train):
    return np.sqrt(((x[:, None, :] - train[None, :, :]) ** 2).sum(axis=2))
""",
        says=("an array of shape (M, N, D)",),
    ),
    Wrong(
        "a1.vote",
        "the smallest of equally frequent labels wins",
        """
def vote(distances, y, k):
    if not 1 <= k <= len(y):
        raise ValueError("no such k")
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.array([np.bincount(y[row]).argmax() for row in nearest])
""",
        says=("that of the nearest example wins",),
    ),
    Wrong(
        "a1.vote",
        "the farthest instead of the nearest",
        """
def vote(distances, y, k):
    if not 1 <= k <= len(y):
        raise ValueError("no such k")
    out = np.empty(len(distances), y.dtype)
    for m, row in enumerate(np.argsort(-distances, axis=1, kind="stable")[:, :k]):
        counts = [(y[row] == label).sum() for label in y[row]]
        out[m] = y[row][np.argmax(counts)]
    return out
""",
        says=("nearest first, the labels are",),
    ),
    Wrong(
        "a1.vote",
        "the index of the nearest instead of its label",
        """
def vote(distances, y, k):
    return np.argsort(distances, axis=1, kind="stable")[:, 0]
""",
        says=("nearest first, the labels are",),
    ),
    Wrong(
        "a1.vote",
        "a sort that does not keep equal distances in order",
        """
def vote(distances, y, k):
    if not 1 <= k <= len(y):
        raise ValueError("no such k")
    nearest = np.argsort(distances[:, ::-1], axis=1, kind="stable")[:, :k]
    out = np.empty(len(distances), y.dtype)
    for m, labels in enumerate(y[::-1][nearest]):
        counts = [(labels == label).sum() for label in labels]
        out[m] = labels[np.argmax(counts)]
    return out
""",
        says=("the one with the smaller index is nearer",),
    ),
    Wrong(
        "a1.vote",
        "a k of 0 is let through",
        """
def vote(distances, y, k):
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : max(k, 1)]
    out = np.empty(len(distances), y.dtype)
    for m, labels in enumerate(y[nearest]):
        counts = [(labels == label).sum() for label in labels]
        out[m] = labels[np.argmax(counts)]
    return out
""",
        says=("k is 0",),
    ),
    Wrong(
        "a1.cross_validate",
        "the fold is among its own training examples",
        """
def cross_validate(x, y, ks, folds):
    parts = np.array_split(np.arange(len(x)), folds)
    return {
        k: [(vote(distances_no_loops(x[part], x), y, k) == y[part]).mean() for part in parts] for k in ks
    }
""",
        says=("the fold is among its own training examples",),
    ),
    Wrong(
        "a1.cross_validate",
        "trained on the fold, tested on the rest",
        """
def cross_validate(x, y, ks, folds):
    parts = np.array_split(np.arange(len(x)), folds)
    out = {k: [] for k in ks}
    for i, part in enumerate(parts):
        rest = np.concatenate(parts[:i] + parts[i + 1 :])
        for k in ks:
            found = vote(distances_no_loops(x[rest], x[part]), y[part], min(k, len(part)))
            out[k].append((found == y[rest]).mean())
    return out
""",
        says=("accuracies[1] is",),
    ),
    Wrong(
        "a1.cross_validate",
        "the mean of the folds instead of a list",
        """
def cross_validate(x, y, ks, folds):
    parts = np.array_split(np.arange(len(x)), folds)
    out = {k: 0.0 for k in ks}
    for i, part in enumerate(parts):
        rest = np.concatenate(parts[:i] + parts[i + 1 :])
        for k in ks:
            out[k] += (vote(distances_no_loops(x[part], x[rest]), y[rest], k) == y[part]).mean() / folds
    return out
""",
        says=("a list of 4 accuracies",),
    ),
    Wrong(
        "a1.cross_validate",
        "how many are right instead of which share",
        """
def cross_validate(x, y, ks, folds):
    parts = np.array_split(np.arange(len(x)), folds)
    out = {k: [] for k in ks}
    for i, part in enumerate(parts):
        rest = np.concatenate(parts[:i] + parts[i + 1 :])
        for k in ks:
            out[k].append((vote(distances_no_loops(x[part], x[rest]), y[rest], k) == y[part]).sum())
    return out
""",
        says=("an accuracy is a share",),
    ),
    Wrong(
        "a1.nearest_fast",
        "the k nearest in any order",
        """
def nearest_fast(x, train, k):
    squares = (train**2).sum(axis=1) - 2 * x @ train.T
    return np.argpartition(squares, k - 1, axis=1)[:, :k][:, ::-1]
""",
        says=("the nearest comes first",),
    ),
    Wrong(
        "a1.nearest_fast",
        "right, and slow",
        """
def nearest_fast(x, train, k):
    return np.argsort(distances_two_loops(x, train), axis=1)[:, :k]
""",
        says=("times as fast as the loops",),
    ),
]
