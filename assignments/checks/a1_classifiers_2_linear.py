"""How the exercises on linear classifiers are checked."""

import math

import numpy as np

from nnscratch.classic.linear import linear_loss
from nnscratch.classic.linear import softmax_naive as softmax_slowly
from nnscratch.classic.linear import svm_naive as svm_slowly
from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise
from nnscratch.course.expect_loss import descended, gradients_of_loss, loss_causes, parts
from nnscratch.layers.losses import softmax_loss, svm_loss


def _linear(mine, rng, criterion, zero_loss, zero_words):
    """A linear classifier's loss at w = 0 and on random numbers, then its gradients, by the doctor."""
    for N, D, C in ((5, 4, 3), (1, 4, 3), (4, 3, 2)):
        w, b, x = rng.normal(size=(D, C)), rng.normal(size=C), rng.normal(size=(N, D))
        y = rng.integers(0, C, N)
        zero, _, _ = parts(mine(0 * w, 0 * b, x, y, 0.0), ("loss", "dw", "db"))
        slips.equal(
            zero,
            float(zero_loss(C)),
            f"the loss for w = 0 ({zero_words})",
            remedies=loss_causes(zero_loss(C), 0.0, N),
        )
        for strength in (0.0, 0.7):
            result = expect.unchanged(lambda: mine(w, b, x, y, strength), w=w, b=b, x=x, y=y)
            loss, dw, db = parts(result, ("loss", "dw", "db"))
            data = linear_loss(w, b, x, y, 0.0, criterion)[0]
            penalty, biases = (strength / 2 * (array * array).sum() for array in (w, b))
            causes = loss_causes(data, penalty, N, biases)
            slips.equal(
                loss, data + penalty, f"the loss of {N} examples with strength {strength}", remedies=causes
            )
            _, right_dw, right_db = linear_loss(w, b, x, y, strength, criterion)
            expect.shape(dw, w.shape, "dw")
            expect.shape(db, b.shape, "db")
            data_dw = right_dw - strength * w
            slips.none_of(dw, right_dw, "dw", {"the penalty has no gradient: add strength * w": data_dw})
            gradients_of_loss(mine, lambda w, b: _named(mine(w, b, x, y, strength)), {"w": w, "b": b})
            expect.equal(dw, right_dw, "dw", given=dict(w=w, x=x))
            expect.equal(db, right_db, "db", given=dict(x=x))


def _named(result):
    loss, dw, db = result
    return loss, {"w": dw, "b": db}


def _many(rng):
    """A problem at which loops take their time."""
    w, b, x = rng.normal(size=(64, 10)), rng.normal(size=10), rng.normal(size=(100, 64))
    return w, b, x, rng.integers(0, 10, 100), 0.1


@exercise(
    "a1.svm_naive",
    file="linear.py",
    minutes=30,
    points=3,
    hints=(
        "Start with the loss alone: one loop over examples, inside it one over classes that leaves out y[n].",
        "Where the margin is above 0, x[n] / N is added to column c of dw and taken away from column y[n]; db "
        "gets 1 / N in "
        "the same places.",
        "dw[:, c] += x[n] / N and dw[:, y[n]] -= x[n] / N, db likewise with 1 / N; at the end add 0.5 * "
        "strength * "
        "(w * w).sum() to the loss and strength * w to dw.",
    ),
)
def svm_naive(mine, rng):
    """The loss at w = 0 and at random, the penalty, the gradients."""
    _linear(mine, rng, svm_loss, lambda C: C - 1.0, "C - 1: every margin is 1 and y[n] has none")


@exercise(
    "a1.svm_vectorized",
    file="linear.py",
    minutes=25,
    points=3,
    hints=(
        "All margins at once: scores (N, C) minus a column with the right scores, plus 1. What stands at the "
        "right class?",
        "scores[np.arange(N), y] picks the right scores. Set the margins of the right classes to 0. dscores is "
        "1 / N where a "
        "margin is above 0.",
        "dscores = (margins > 0) / N; dscores[rows, y] = -dscores.sum(axis=1); dw = x.T @ dscores + strength * w; "
        "db = dscores.sum(axis=0)",
    ),
)
def svm_vectorized(mine, rng):
    """The same as svm_naive, and faster than loops."""
    _linear(mine, rng, svm_loss, lambda C: C - 1.0, "C - 1: every margin is 1 and y[n] has none")
    expect.faster(mine, svm_slowly, _many(rng), 20)


@exercise(
    "a1.softmax_naive",
    file="linear.py",
    minutes=30,
    points=3,
    hints=(
        "One example at a time: its scores, their largest taken away, their powers of e, the sum of these.",
        "-log p[y] = log(sum of the powers) - scores[y], with the largest taken away in both. The gradient by "
        "scores is p, minus "
        "1 at the right class, over N.",
        "for each c: dscore = (powers[c] / powers.sum() - (c == y[n])) / N; dw[:, c] += dscore * x[n]; db[c] += "
        "dscore",
    ),
)
def softmax_naive(mine, rng):
    """The loss at w = 0 and at random, the penalty, the gradients, and large scores."""
    _linear(mine, rng, softmax_loss, math.log, "log C: every class has the probability 1 / C")
    _large_scores(mine)


def _large_scores(mine):
    """Scores of 1000 and 2000, of -1000 and -2000."""
    w, b, x = np.array([[1.0, 2.0]]), np.zeros(2), np.array([[1000.0], [-1000.0]])
    given = dict(x=x, w=w)
    loss, dw, db = parts(mine(w, b, x, np.array([0, 1]), 0.0), ("loss", "dw", "db"))
    expect.equal(loss, 1000.0, "the loss with large scores", given=given)
    expect.equal(dw, np.array([[-1000.0, 1000.0]]), "dw with large scores", given=given)


@exercise(
    "a1.softmax_vectorized",
    file="linear.py",
    minutes=25,
    points=3,
    hints=(
        "Take the largest score of each ROW away: max with axis=1, and with keepdims=True so that it broadcasts.",
        "powers / sums are the probabilities. Their gradient: take 1 away at [np.arange(N), y], then divide by N.",
        "loss = (np.log(sums[:, 0]) - scores[rows, y]).sum() / N; dw = x.T @ dscores + strength * w; db = "
        "dscores.sum(axis=0)",
    ),
)
def softmax_vectorized(mine, rng):
    """The same as softmax_naive, and faster than loops."""
    _linear(mine, rng, softmax_loss, math.log, "log C: every class has the probability 1 / C")
    _large_scores(mine)
    expect.faster(mine, softmax_slowly, _many(rng), 20)


@exercise(
    "a1.train_linear",
    file="linear.py",
    minutes=25,
    points=2,
    hints=(
        "Two loops: over epochs, and inside over the places 0, batch_size, 2 * batch_size ... at which batches "
        "start.",
        "order = rng.permutation(len(x)) once in each epoch; order[start : start + batch_size] is a batch, also "
        "at the end.",
        "value, dw, db = loss(w, b, x[batch], y[batch], strength); w, b = w - rate * dw, b - rate * db; "
        "losses.append(value)",
    ),
)
def train_linear(mine, rng):
    """The same steps as the definition's, with a last batch that is smaller and one that is not."""
    for N, batch_size, epochs in ((12, 4, 2), (11, 4, 3), (3, 8, 2)):
        w, b, x = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(N, 3))
        y, seed = rng.integers(0, 4, N), int(rng.integers(1000))

        def loss(w, b, x, y, strength):
            return linear_loss(w, b, x, y, strength, softmax_loss)

        def train():
            return mine(loss, w, b, x, y, 0.3, 0.1, epochs, batch_size, np.random.default_rng(seed))

        new_w, new_b, losses = parts(expect.unchanged(train, w=w, b=b, x=x, y=y), ("w", "b", "losses"))

        def on_batch(params, batch):
            return _named(loss(params["w"], params["b"], x[batch], y[batch], 0.1))

        how = dict(count=N, rate=0.3, epochs=epochs, batch_size=batch_size)
        descended(({"w": new_w, "b": new_b}, losses), on_batch, {"w": w, "b": b}, seed, **how)
