"""How the exercises of a2-layers are checked."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise


@exercise(
    "a2.affine_forward",
    file="affine.py",
    minutes=10,
    points=1,
    hints=(
        "Each example is to be one row: how many rows are there, and how long is each?",
        "x.reshape(len(x), -1) gives the rows; a matrix product and a sum do the rest.",
        "out = rows @ w + b, where rows is x with its axes after the first flattened.",
    ),
)
def affine_forward(mine, rng):
    """Values on random shapes, an input of rank 4, float32 stays float32."""
    for shape in ((3, 5), (2, 3, 4, 4)):
        x = rng.normal(size=shape)
        w, b = rng.normal(size=(x[0].size, 4)), rng.normal(size=4)
        out, cache = expect.pair(expect.unchanged(lambda: mine(x, w, b), x=x, w=w, b=b), "affine_forward")
        expect.equal(out, np.einsum("nd,dm->nm", x.reshape(len(x), -1), w) + b, "out", given=dict(x=x, w=w, b=b))
    single = [np.float32(a) for a in (x, w, b)]
    out, cache = expect.pair(mine(*single), "affine_forward")
    expect.equal(out, single[0].reshape(2, -1) @ single[1] + single[2], "out", given=dict(x=single[0]))


@exercise(
    "a2.affine_backward",
    file="affine.py",
    minutes=15,
    points=2,
    hints=(
        "Let the shapes lead you: which product of dout and w has the shape of the rows of x?",
        "dx comes from dout and w, dw from x and dout, db from dout alone.",
        "dx = (dout @ w.T).reshape(x.shape); dw is the rows of x, transposed, @ dout; db sums over the batch.",
    ),
)
def affine_backward(mine, rng):
    """The gradients, by the doctor."""
    forward = expect.function(mine, "affine_forward")
    expect.gradients(forward, mine, (rng.normal(size=(3, 2, 2)), rng.normal(size=(4, 5)), rng.normal(size=5)))
