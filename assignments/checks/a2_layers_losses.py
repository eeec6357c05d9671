"""How the exercises of a2-layers are checked: losses, dropout, and a test that a dout of ones cannot fool."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise


def without_overflow(call, *arguments):
    """Call with an overflow, a division by zero and a NaN being errors."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        return call(*arguments)


def loss_is(found, expected, N, **given):
    """Expect a loss, and tell where it lacks its mean over the batch, or has it twice."""
    for factor, words in (
        (N, "too large: the loss is a mean over the batch"),
        (1 / N, "too small: it is one mean"),
    ):
        same = np.ndim(found) == 0 and np.isclose(float(found), factor * expected)
        expect.true(not same, f"loss is {found:.6g}, it should be {expected:.6g}: {N} times {words}")
    expect.equal(found, expected, "loss", given=given)


@exercise(
    "a2.svm_loss",
    file="losses.py",
    minutes=25,
    points=2,
    hints=(
        "x[np.arange(N), y] picks the right score of every example. Mind the axis when you subtract it from all.",
        "The right class always has x - right + margin = margin: set it to 0 before you sum. In dx every class "
        "with an excess has 1, and the right one minus their number.",
        "excess = np.maximum(0, x - x[rows, y][:, None] + margin); excess[rows, y] = 0; dx = (excess > "
        "0).astype(x.dtype); dx[rows, y] = -dx.sum(axis=1); return float(excess.sum() / N), dx / N",
    ),
)
def svm_loss(mine, rng):
    """The loss by loops for two margins, the doctor's judgement of dx, float32."""
    x, y = 2 * rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
    for margin in (1.0, 0.3):
        loss, _ = expect.pair(expect.unchanged(lambda: mine(x, y, margin), x=x, y=y), "svm_loss")
        excess = [
            max(0, v - row[label] + margin) for row, label in zip(x, y) for c, v in enumerate(row) if c != label
        ]
        loss_is(loss, sum(excess) / 6, N=6, x=x, y=y, margin=margin)
        expect.loss_gradient(mine, x, y, margin=margin)
    dx = mine(x.astype(np.float32), y)[1]
    expect.true(
        dx.dtype == np.float32, f"given float32, dx is {dx.dtype}: look for arrays that are made as float64"
    )


@exercise(
    "a2.softmax_loss",
    file="losses.py",
    minutes=25,
    points=2,
    hints=(
        "Subtract the largest score of each row first. Keep the axis (keepdims=True), so that rows go with rows.",
        "log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)); the loss is the mean of minus "
        "log_p at the labels. dx starts as p = np.exp(log_p), and loses 1 at the labels.",
        "dx = np.exp(log_p); dx[np.arange(N), y] -= 1; return float(-log_p[np.arange(N), y].mean()), dx / N",
    ),
)
def softmax_loss(mine, rng):
    """The loss by loops, the doctor's judgement of dx, large scores, float32."""
    x, y = 2 * rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
    loss, _ = expect.pair(expect.unchanged(lambda: mine(x, y), x=x, y=y), "softmax_loss")
    expected = sum(np.log(sum(np.exp(row))) - row[label] for row, label in zip(x, y)) / 6
    loss_is(loss, expected, N=6, x=x, y=y)
    expect.loss_gradient(mine, x, y)
    large = np.array([[1000.0, 0.0], [-1000.0, 0.0]])
    loss, dx = without_overflow(mine, large, np.array([1, 1]))
    expect.equal(loss, 500.0, "loss", given=dict(x=large, y=np.array([1, 1])))
    expect.equal(dx, np.array([[0.5, -0.5], [0.0, 0.0]]), "dx", given=dict(x=large, y=np.array([1, 1])))
    dx = mine(x.astype(np.float32), y)[1]
    expect.true(
        dx.dtype == np.float32, f"given float32, dx is {dx.dtype}: look for arrays that are made as float64"
    )


@exercise(
    "a2.catch_hidden_by_ones",
    file="catch.py",
    minutes=15,
    points=2,
    hints=(
        "Which dout did your first test use? Try what it says about a softmax whose backward returns zeros.",
        "All ones hide what sums to zero, and hide means and squares of dout. All positive numbers hide a dout "
        "whose negative elements are lost. The output itself may be positive, too.",
        "dout = np.random.default_rng(0).normal(size=out.shape); all else as in catch_wrong_gradient",
    ),
)
def catch_hidden_by_ones(mine, rng):
    """A softmax, a scale, a ReLU and a centring, right and wrong in ways that a dout of ones does not show."""
    rng = rng.spawn(1)[0]  # so that a dout drawn with default_rng(0) is not x
    x = rng.normal(size=(4, 4)) + 0.1

    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True), e / e.sum(axis=1, keepdims=True)

    def right_softmax(dout, out):
        return out * (dout - (dout * out).sum(axis=1, keepdims=True))

    def triple(x):
        return 3 * x, None

    def relu(x):
        return np.maximum(x, 0), x

    wrong_softmaxes = {
        "a softmax whose gradient is zero": lambda dout, out: 0 * out,
        "a softmax that takes the plain mean of dout": lambda dout, out: (
            out * (dout - dout.mean(1, keepdims=True))
        ),
    }
    wrong_triples = {
        "3 x, with 3 for a gradient whatever dout is": lambda dout, cache: 3 * np.ones_like(dout),
        "3 x, with the mean of dout for each of its elements": lambda dout, cache: (
            3 * dout.mean() * np.ones((4, 4))
        ),
        "3 x, with dout transposed": lambda dout, cache: 3 * dout.T,
        "3 x, with dout squared": lambda dout, cache: 3 * dout**2,
    }
    wrong_relus = {"a ReLU that loses the negative numbers of dout": lambda dout, x: dout * (x > 0) * (dout > 0)}
    for forward, right, wrongs in (
        (softmax, right_softmax, wrong_softmaxes),
        (triple, lambda dout, cache: 3 * dout, wrong_triples),
        (relu, lambda dout, x: dout * (x > 0), wrong_relus),
    ):
        expect.catches(mine, (forward, right, x), {words: (forward, b, x) for words, b in wrongs.items()})


@exercise(
    "a2.dropout_forward",
    file="dropout.py",
    minutes=20,
    points=2,
    hints=(
        "Draw one uniform number for each element: how many of them are below `drop`?",
        "kept = np.random.default_rng(key).random(x.shape) >= drop. With channels, one number for each channel: "
        "shape x.shape[:2] and ones behind. Divide by 1 - drop now, and evaluation has nothing to do.",
        "mask = kept.astype(x.dtype) / (1 - drop); return x * mask, mask",
    ),
)
def dropout_forward(mine, rng):
    """Shares and factors, keys, evaluation, channels, errors, manners, float32."""
    x, single = rng.normal(size=(200, 100)) + 3, rng.normal(size=(4, 5)).astype(np.float32)
    for drop in (0.25, 0.8):
        call = expect.unchanged(lambda: mine(x, drop=drop, key=(1, 2)), x=x)
        out, _ = expect.pair(call, "dropout_forward")
        expect.shape(out, x.shape, "out", dict(x=x, drop=drop))
        share = (out == 0).mean()
        words = f"with drop = {drop} it sets {share:.0%} of the numbers to 0"
        expect.true(
            abs(share - drop) < 0.03, f"{words}, it should be {drop:.0%}: drop is the share that is dropped"
        )
        factor = np.median(out[out != 0] / x[out != 0])
        words = f"with drop = {drop} the numbers that are kept are multiplied by {factor:.4g}"
        expect.true(
            abs(factor - 1 / (1 - drop)) < 1e-6, f"{words}, it should be 1 / (1 - drop) = {1 / (1 - drop):.4g}"
        )
        expect.equal(out, np.where(out == 0, 0, x * factor), "out")
        lines = [np.ptp((out == 0).mean(axis=axis)) for axis in (0, 1)]
        expect.true(min(lines) > 0, "whole rows or columns are dropped: draw one number for each element")
    expect.equal(mine(x, drop=0.8, key=(1, 2))[0], out, "out of a second call with the same key")
    other = mine(x, drop=0.8, key=(1, 3))[0]
    expect.true(not np.array_equal(other == 0, out == 0), "another key gives the same mask: draw it from the key")
    expect.equal(mine(x, drop=0.5, train=False)[0], x, "out", given=dict(x=x, train=False))
    expect.equal(mine(x, drop=0)[0], x, "out", given=dict(x=x, drop=0))
    found = mine(single, drop=0.5)[0].dtype
    expect.true(found == np.float32, f"given float32, out is {found}: look for arrays that are made as float64")
    images = np.ones((20, 30, 2, 3))
    out = expect.shape(mine(images, drop=0.5, channels=True)[0], images.shape, "out", dict(channels=True))
    expect.true((np.ptp(out, axis=(2, 3)) == 0).all(), "with channels=True some channels are dropped in part only")
    share = (out[:, :, 0, 0] == 0).mean()
    whole = f"with channels=True and drop = 0.5 it drops {share:.0%} of the channels, it should be 50%"
    expect.true(abs(share - 0.5) < 0.15, whole)
    mixed = np.ptp(out[:, :, 0, 0], axis=0).any() and np.ptp(out[:, :, 0, 0], axis=1).any()
    expect.true(
        mixed, "with channels=True the examples should not all lose the same channels, nor lose all of them"
    )
    for drop in (1.0, -0.1):
        expect.raises(ValueError, lambda drop=drop: mine(x, drop=drop), f"drop is {drop}")


@exercise(
    "a2.dropout_backward",
    file="dropout.py",
    minutes=5,
    hints=(
        "out is x times a mask. What is the derivative of that?",
        "It must be the mask of that forward pass, factor included, so it has to be in the cache. What is in "
        "your cache when train is False?",
        "return dout if cache is None else dout * cache, where the cache is the mask with its factor",
    ),
)
def dropout_backward(mine, rng):
    """The doctor's judgement in training, with channels, and in evaluation."""
    forward = expect.function(mine, "dropout_forward")
    expect.gradients(forward, mine, (rng.normal(size=(5, 6)),), drop=0.4, key=(3,))
    expect.gradients(forward, mine, (rng.normal(size=(3, 4, 2, 2)),), drop=0.4, key=(3,), channels=True)
    expect.gradients(forward, mine, (rng.normal(size=(5, 6)),), drop=0.4, train=False)
