"""How embedding, temporal affine layer and temporal softmax loss of a5-sequences are checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a5.embedding_forward",
    file="words.py",
    minutes=5,
    points=1,
    hints=(
        "NumPy looks rows up by itself when an array of whole numbers stands in the brackets.",
        "w[x] has x's shape and one more axis. But w[-1] is the last row, so look at x first.",
        "if x.min() < 0 or x.max() >= len(w): raise IndexError(...); return w[x], (x, len(w))",
    ),
)
def embedding_forward(mine, rng):
    """Values, words that occur twice, float32; words that are not in the table."""
    w, x = rng.normal(size=(6, 3)), rng.integers(6, size=(2, 4))
    for table in (w, np.float32(w)):
        out, cache = expect.pair(expect.unchanged(lambda: mine(x, table), x=x, w=table), "embedding_forward")
        expect.equal(out, np.take(table, x, axis=0), "out", given=dict(x=x, w=table))
    for word in (-1, 6):
        words = f"the word {word} is not in a table of 6"
        expect.raises(IndexError, lambda: mine(np.array([[0, word]]), w), words)


@exercise(
    "a5.embedding_backward",
    file="words.py",
    minutes=10,
    points=1,
    hints=(
        "Which entries of dout belong to row 3 of the table? All those where the word was 3.",
        "Begin with zeros of shape (V, D). A word may occur twice, and then both its gradients count.",
        "np.add.at(dw, x, dout)",
    ),
)
def embedding_backward(mine, rng):
    """The doctor, with words that occur twice; a table much larger than the text; float32."""
    forward = expect.function(mine, "embedding_forward")
    x = np.array([[0, 2, 2], [4, 0, 2]])
    expect.gradients(lambda w: forward(x, w), mine, (rng.normal(size=(5, 3)),))
    dout = rng.normal(size=(2, 3, 2)).astype(np.float32)
    one_hot = (x[..., None] == np.arange(9)).astype(np.float32)
    dw = expect.unchanged(lambda: mine(dout, (x, 9)), dout=dout, x=x)
    expect.equal(dw, np.einsum("ntv,ntd->vd", one_hot, dout), "dw", given=dict(dout=dout, x=x, V=9))


@exercise(
    "a5.temporal_affine_forward",
    file="words.py",
    minutes=5,
    points=1,
    hints=(
        "The same matrix at every step: is a loop over steps needed?",
        "@ takes the last axis of x as the one to multiply over, whatever comes before it.",
        "return x @ w + b, (x, w)",
    ),
)
def temporal_affine_forward(mine, rng):
    """Values, float32, manners."""
    x, w, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    for dtype in (np.float64, np.float32):
        given = dict(x=x.astype(dtype), w=w.astype(dtype), b=b.astype(dtype))
        out, _ = expect.pair(expect.unchanged(lambda: mine(**given), **given), "temporal_affine_forward")
        expected = np.einsum("ntd,dm->ntm", given["x"], given["w"]) + given["b"]
        expect.equal(out, expected, "out", given=given)


@exercise(
    "a5.temporal_affine_backward",
    file="words.py",
    minutes=10,
    points=1,
    hints=(
        "See all steps of all sequences as rows of one affine layer.",
        "With rows (N * T, D) and drows (N * T, M), dw and db are as in an affine layer; dx keeps its three axes.",
        "dx = dout @ w.T; dw = rows.T @ drows; db = drows.sum(axis=0)",
    ),
)
def temporal_affine_backward(mine, rng):
    """The doctor; float32."""
    forward = expect.function(mine, "temporal_affine_forward")
    inputs = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 5)), rng.normal(size=5)
    expect.gradients(forward, mine, inputs)
    slips.float32_kept(forward, mine, **dict(zip("xwb", inputs)))


@exercise(
    "a5.temporal_softmax_loss",
    file="words.py",
    minutes=30,
    points=3,
    hints=(
        "It is the softmax loss of a classifier, with (N, T) examples; the mask chooses which of them count.",
        "shifted = x minus its largest entry along the last axis; log_p = shifted - log(sum of exp(shifted)). "
        "The mean is over the steps with mask 1, so divide by mask.sum().",
        "loss = -(log_p of the right words * mask).sum() / count; dx = (exp(log_p) - one_hot) * (mask / "
        "count)[..., None]",
    ),
)
def temporal_softmax_loss(mine, rng):
    """Values and the doctor, with and without a mask; huge scores; float32."""
    x, y = 2 * rng.normal(size=(2, 3, 4)), rng.integers(4, size=(2, 3))
    for mask in (None, np.array([[1, 1, 0], [1, 0, 0]]), np.ones((2, 3), bool)):
        given = dict(x=x, y=y, mask=mask)
        loss, dx = expect.pair(expect.unchanged(lambda: mine(**given), x=x, y=y), "temporal_softmax_loss")
        counts = np.ones((2, 3)) if mask is None else mask
        nats = [
            np.log(sum(np.exp(x[n, t] - x[n, t, y[n, t]]))) for n in range(2) for t in range(3) if counts[n, t]
        ]
        total, right = float(np.sum(nats)), float(np.mean(nats))
        mistakes = {
            "the mean were over the batch alone, not over the steps that count": lambda: total / 2,
            "it were the sum, not the mean": lambda: total,
            "the sign were wrong": lambda: -right,
            "masked steps counted in the mean: divide by mask.sum()": lambda: total / 6,
        }
        slips.equal(loss, right, "loss", given=dict(x=x) if mask is None else dict(x=x, mask=mask), slips=mistakes)
        expect.loss_gradient(mine, x, y, mask=mask)
    loss, dx = mine(x + 1e4, y)
    finite = np.isfinite(loss) and np.isfinite(dx).all()
    expect.true(finite, "with scores about 1e4, loss or dx is not finite: exp overflows")
    dx = mine(np.float32(x), y)[1]
    expect.true(dx.dtype == np.float32, f"with x in float32, dx should be float32, it is {dx.dtype}")
