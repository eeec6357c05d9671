"""Rows of the first assignment: nearest neighbours, linear classifiers and their losses."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.cs231n.rows import row, written
from nnscratch.interop.cs231n import classifiers, layers
from nnscratch.interop.cs231n.gradient_check import eval_numerical_gradient

NEIGHBOURS = "classifiers/k_nearest_neighbor.py"


def _distance_row(way):
    @row(f"KNearestNeighbor.compute_distances_{way}", NEIGHBOURS)
    def distances(mine, rng):
        model, ours = mine(), classifiers.KNearestNeighbor()
        train, x = rng.normal(size=(7, 4)), rng.normal(size=(5, 4))
        for each in (model, ours):
            each.train(train, np.arange(7))
        found = written(getattr(model, f"compute_distances_{way}")(x), f"compute_distances_{way}")
        expected = ours.compute_distances_two_loops(x)
        if isinstance(found, np.ndarray) and not found.any():
            written(None, f"compute_distances_{way}")
        expect.equal(found, expected, "dists")


for _way in ("two_loops", "one_loop", "no_loops"):
    _distance_row(_way)


@row("KNearestNeighbor.predict_labels", NEIGHBOURS)
def _predict_labels(mine, rng):
    """The vote, and the smallest label where several are equally frequent."""
    model, ours = mine(), classifiers.KNearestNeighbor()
    labels = np.array([2, 1, 1, 0, 2, 0, 3])
    for each in (model, ours):
        each.train(np.zeros((7, 1)), labels)
    dists = np.vstack([rng.permutation(7) for _ in range(20)]).astype(float)
    for k in (1, 2, 5):
        found = np.asarray(model.predict_labels(dists, k=k))
        if k == 1 and not found.any():
            written(None, "predict_labels")
        expected = ours.predict_labels(dists, k=k)
        wrong = np.flatnonzero(found != expected)
        if len(wrong):
            near = labels[np.argsort(dists[wrong[0]])[:k]].tolist()
            raise expect.Unmet(
                f"k = {k}, the labels of the neighbours are {near}, nearest first: it says {found[wrong[0]]:g}, "
                f"it should be {expected[wrong[0]]} (of equally frequent labels the smallest)"
            )


def _linear_row(kind, form):
    @row(f"{kind}_loss_{form}", f"classifiers/{'linear_svm' if kind == 'svm' else 'softmax'}.py")
    def loss(mine, rng):
        W, X, y = 0.1 * rng.normal(size=(6, 4)), rng.normal(size=(9, 6)), rng.integers(4, size=9)
        found, dW = expect.pair(written(mine(W, X, y, 0.0), mine.__name__), mine.__name__)
        expected, _ = getattr(layers, f"{kind}_loss")(X @ W, y)
        if not found and not np.any(dW):
            written(None, mine.__name__)
        expect.equal(float(found), float(expected), "the loss (with reg = 0)")
        priced = float(mine(W, X, y, 0.5)[0]) - float(found)
        square = float((W * W).sum())
        expect.true(
            min(abs(priced - 0.5 * square), abs(priced - 0.25 * square)) < 1e-8,
            f"reg = 0.5 adds {priced:.6g}, it should be reg * sum(W * W), {0.5 * square:.6g} (2016: half of it)",
        )
        for reg in (0.0, 0.5):
            numeric = eval_numerical_gradient(lambda W, r=reg: mine(W, X, y, r)[0], W, verbose=False)
            found_dW = np.asarray(mine(W, X, y, reg)[1], float)
            expect.equal(found_dW, numeric, f"dW (with reg = {reg})", tolerance=1e-5)


for _kind in ("svm", "softmax"):
    for _form in ("naive", "vectorized"):
        _linear_row(_kind, _form)


@row("LinearClassifier", "classifiers/linear_classifier.py")
def _linear_classifier(mine, rng):
    """Training lowers the loss, and predict takes the highest score."""

    class Ours(mine):  # type: ignore[misc, valid-type]
        def loss(self, X_batch, y_batch, reg):
            loss, dscores = layers.softmax_loss(X_batch @ self.W, y_batch)
            return loss, X_batch.T @ dscores

    model = Ours()
    y = np.repeat([0, 1, 2], 30)
    X = 3 * np.eye(3)[y] + 0.3 * rng.normal(size=(90, 3))
    model.W = 0.001 * rng.normal(size=(3, 3))
    before = model.W.copy()
    try:
        losses = model.train(X, y, learning_rate=0.1, num_iters=150, batch_size=30)
    except (TypeError, ValueError, AttributeError) as error:
        if "NoneType" in str(error):
            written(None, "LinearClassifier.train")
        raise
    if np.array_equal(before, model.W):
        written(None, "LinearClassifier.train")
    expect.true(
        losses[-1] < losses[0] / 2, f"training takes the loss from {losses[0]:.3g} to {losses[-1]:.3g} only"
    )
    found = np.asarray(model.predict(X))
    expected = (X @ model.W).argmax(axis=1)
    if not found.any():
        written(None, "LinearClassifier.predict")
    expect.equal(found.astype(int), expected, "what predict says")
