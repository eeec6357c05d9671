"""How the exercises of a2-layers are checked: affine layers, activations, and a first test that catches bugs."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise


def keeps_single(call, *arrays):
    """Expect a result of float32 where all arrays are float32; return it."""
    result = call(*(array.astype(np.float32) for array in arrays))
    out = result[0] if isinstance(result, tuple) else result
    dtype = getattr(out, "dtype", type(out).__name__)
    expect.true(
        dtype == np.float32, f"given float32, it returns {dtype}: look for arrays that are made as float64"
    )
    return result


def without_overflow(call, *arguments):
    """Call with an overflow, a division by zero and a NaN being errors."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        return call(*arguments)


def judged(forward, backward, x, **options):
    """Expect a gradient that depends on dout, and in which the doctor finds nothing."""
    out, cache = forward(x, **options)
    first, second = (backward(size * out, cache) for size in (1.0, 2.0))
    words = "dx is the same whatever dout is: multiply by dout, the gradient from above"
    expect.true(not np.array_equal(first, second) or not np.any(out), words)
    expect.gradients(forward, backward, (x,), **options)


@exercise(
    "a2.affine_forward",
    file="affine.py",
    minutes=10,
    hints=(
        "Think of x as a table with one row for each example. How many rows does it have, and how long are they?",
        "x.reshape(len(x), -1) makes that table, (N, D). A matrix product does all the sums over d at once.",
        "out = x.reshape(len(x), -1) @ w + b, and the cache needs x and w: return out, (x, w)",
    ),
)
def affine_forward(mine, rng):
    """Values for inputs of rank 2, 3 and 4; nothing is changed; float32 stays float32."""
    for shape, M in (((3, 5), 2), ((1, 2, 3), 4), ((2, 3, 2, 4), 3)):
        x, w, b = rng.normal(size=shape), rng.normal(size=(int(np.prod(shape[1:])), M)), rng.normal(size=M)
        out, _ = expect.pair(expect.unchanged(lambda: mine(x, w, b), x=x, w=w, b=b), "affine_forward")
        expected = np.array([[sum(row.ravel() * w[:, m]) + b[m] for m in range(M)] for row in x])
        expect.equal(out, expected, "out", given=dict(x=x, w=w, b=b))
    keeps_single(mine, x, w, b)


@exercise(
    "a2.affine_backward",
    file="affine.py",
    minutes=15,
    points=2,
    hints=(
        "The shapes lead the way: with dout (N, M) and w (D, M), which product has the shape of the rows of x?",
        "dx takes dout and w, dw takes x and dout, db takes dout alone; each sums over the axis that is left "
        "over. A sum over the batch is a sum, not a mean.",
        "dx = (dout @ w.T).reshape(x.shape); dw = x.reshape(len(x), -1).T @ dout; db = dout.sum(axis=0)",
    ),
)
def affine_backward(mine, rng):
    """The doctor's judgement, for inputs of rank 2 and 4."""
    forward = expect.function(mine, "affine_forward")
    for shape, M in (((6, 5), 4), ((3, 2, 2, 1), 4)):
        w = rng.normal(size=(int(np.prod(shape[1:])), M))
        expect.gradients(forward, mine, (rng.normal(size=shape), w, rng.normal(size=M)))


@exercise(
    "a2.numerical_gradient",
    file="numeric.py",
    minutes=20,
    points=2,
    hints=(
        "One element at a time: move it up, look, move it down, look, put it back. np.ndindex(x.shape) visits "
        "all.",
        "Remember the old number before you move it, and put that very number back: x[i] += h; x[i] -= h does "
        "not give the same bits. And copy what f returns: it may be x itself, which you are about to change.",
        "old = x[i]; x[i] = old + h; above = np.array(f(x)); x[i] = old - h; below = np.array(f(x)); x[i] = old; "
        "gradient[i] = np.sum(dout * (above - below)) / (2 * h)",
    ),
)
def numerical_gradient(mine, rng):
    """Known derivatives, an upstream gradient, x restored to the last bit, strided x, f that returns x, and h."""
    x, dout, w = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    found = expect.unchanged(lambda: mine(lambda x: (x**2).sum(), x), x=x)
    expect.equal(found, 2 * x, "the gradient of the sum of squares", 1e-7)
    expect.equal(mine(lambda x: x**3, x, dout), 3 * x**2 * dout, "the gradient of x**3 times dout", 1e-7)
    upstream = rng.normal(size=(3, 2))
    expect.equal(mine(lambda x: x @ w, x, upstream), upstream @ w.T, "the gradient of x @ w times dout", 1e-7)
    expect.equal(mine(lambda x: x, x, dout), dout, "the gradient where f returns x itself", 1e-7)
    across = rng.normal(size=(4, 3)).T  # whose flattened form is a copy
    expect.equal(mine(lambda x: x**2, across), 2 * across, "the gradient at a transposed x", 1e-7)
    line = np.array([2.0, -1.0, 3.0])
    expect.equal(mine(lambda x: x**3, line, h=0.5), 3 * line**2 + 0.25, "the gradient of x**3 with h = 0.5")


@exercise(
    "a2.catch_wrong_gradient",
    file="catch.py",
    minutes=15,
    points=2,
    hints=(
        "Run forward, choose a dout shaped like out, run backward: that is one answer. numerical_gradient is "
        "another.",
        "numerical_gradient wants a function that returns the output alone: lambda x: forward(x)[0]. Give it the "
        "same dout. Compare with np.allclose: two ways of computing never agree in all digits.",
        "out, cache = forward(x); dout = np.random.default_rng(0).normal(size=out.shape); return "
        "bool(np.allclose(backward(dout, cache), numerical_gradient(lambda x: forward(x)[0], x, dout), "
        "rtol=1e-6, atol=1e-6))",
    ),
)
def catch_wrong_gradient(mine, rng):
    """Activations that are right, and wrong ones: a factor, a sign, a mask, another array."""
    rng = rng.spawn(1)[0]  # so that a dout drawn with default_rng(0) is not x
    x = rng.normal(size=(4, 5)) + 0.1

    def relu(x):
        return np.maximum(x, 0), x

    def tanh(x):
        return np.tanh(x), np.tanh(x)

    def square(x):
        return x**2, x

    wrong_relus = {
        "a ReLU without its mask": lambda dout, x: 1.0 * dout,
        "a ReLU with the mask of the other side": lambda dout, x: dout * (x <= 0),
        "a ReLU whose mask begins at 0.5": lambda dout, x: dout * (x >= 0.5),
    }
    wrong_tanhs = {
        "tanh with a plus for the minus": lambda dout, out: dout * (1 + out**2),
        "tanh with the sign turned": lambda dout, out: dout * (out**2 - 1),
        "tanh with out for out**2": lambda dout, out: dout * (1 - out),
    }
    wrong_squares = {
        "x**2 without the factor 2": lambda dout, x: dout * x,
        "x**2, 1% too large": lambda dout, x: 2.02 * dout * x,
        "x**2, wrong in one element of twenty": lambda dout, x: 2 * dout * x + 0.1 * (x == x.max()),
    }
    expect.catches(mine, (relu, lambda dout, x: dout * (x > 0), x), _pairs(relu, wrong_relus, x))
    expect.catches(mine, (tanh, lambda dout, out: dout * (1 - out**2), x), _pairs(tanh, wrong_tanhs, x))
    expect.catches(mine, (square, lambda dout, x: 2 * dout * x, x), _pairs(square, wrong_squares, x))


def _pairs(forward, backwards, x):
    return {words: (forward, backward, x) for words, backward in backwards.items()}


@exercise(
    "a2.relu_forward",
    file="activations.py",
    minutes=5,
    hints=(
        "NumPy has a function that takes the larger of two things, element by element.",
        "It is np.maximum, not np.max. What will backward need, to know where x was above 0?",
        "return np.maximum(x, 0), x",
    ),
)
def relu_forward(mine, rng):
    """Values in rank 2 and 4; x stays; float32 stays."""
    for shape in ((3, 4), (2, 3, 2, 2)):
        x = rng.normal(size=shape)
        out, _ = expect.pair(expect.unchanged(lambda: mine(x), x=x), "relu_forward")
        expect.equal(out, np.where(x > 0, x, 0.0), "out", given=dict(x=x))
    keeps_single(mine, x)


@exercise(
    "a2.relu_backward",
    file="activations.py",
    minutes=5,
    hints=(
        "Where x > 0, out is x: how much does out change when x does? And where x < 0?",
        "The mask is taken from x, in the cache, not from dout. A product with it makes a new array.",
        "return dout * (x > 0), with x from the cache",
    ),
)
def relu_backward(mine, rng):
    """The doctor's judgement, the value at 0, float32."""
    forward = expect.function(mine, "relu_forward")
    judged(forward, mine, rng.normal(size=(4, 5)))
    x = np.array([-1.0, 0.0, 2.0])
    expect.equal(
        mine(np.array([10.0, 20.0, 30.0]), forward(x)[1]), np.array([0.0, 0.0, 30.0]), "dx", given={"x": x}
    )
    keeps_single(lambda x, dout: mine(dout, forward(x)[1]), x, x)


@exercise(
    "a2.leaky_relu_backward",
    file="activations.py",
    minutes=5,
    hints=(
        "It is a ReLU that lets a little through on the left: how much does out change there when x does?",
        "The cache is (x, slope). np.where(condition, a, b) takes a where the condition holds, b elsewhere.",
        "x, slope = cache; return np.where(x > 0, dout, slope * dout)",
    ),
)
def leaky_relu_backward(mine, rng):
    """The doctor's judgement for two slopes, and the value at 0."""
    forward = expect.function(mine, "leaky_relu_forward")
    for slope in (0.01, 0.3):
        judged(forward, mine, rng.normal(size=(4, 5)), slope=slope)
    x = np.array([-1.0, 0.0, 2.0])
    expect.equal(
        mine(np.ones(3), forward(x, 0.5)[1]), np.array([0.5, 0.5, 1.0]), "dx", given={"x": x, "slope": 0.5}
    )


@exercise(
    "a2.sigmoid_forward",
    file="activations.py",
    minutes=10,
    hints=(
        "exp of a negative number never overflows. How can you make the argument of exp negative for every x?",
        "s = np.exp(-np.abs(x)) is at most 1. For x >= 0 the sigmoid is 1 / (1 + s), else s / (1 + s): the lower "
        "parts are the same, so np.where has to choose the upper part only.",
        "s = np.exp(-np.abs(x)); out = np.where(x >= 0, 1, s) / (1 + s); return out, out",
    ),
)
def sigmoid_forward(mine, rng):
    """Values, no overflow at either end, small results kept, float32."""
    x = np.concatenate([3 * rng.normal(size=20), [-1000.0, -700.0, -30.0, 0.0, 30.0, 1000.0]])
    out, _ = expect.pair(expect.unchanged(lambda: without_overflow(mine, x), x=x), "sigmoid_forward")
    expected = np.array([1 / (1 + np.exp(-v)) if v > -50 else np.exp(v) for v in x])
    expect.equal(out, expected, "out", given=dict(x=x))
    small = expect.pair(mine(np.array([-100.0])), "sigmoid_forward")[0]
    expect.equal(small * 1e43, np.exp([-100.0]) * 1e43, "out * 1e43", given=dict(x=np.array([-100.0])))
    keeps_single(mine, x)


@exercise(
    "a2.sigmoid_backward",
    file="activations.py",
    minutes=5,
    hints=(
        "The derivative of a sigmoid is a product of two things that you have already computed.",
        "It is out * (1 - out): out, not x. What does your forward put into the cache?",
        "return dout * out * (1 - out), with out from the cache",
    ),
)
def sigmoid_backward(mine, rng):
    """The doctor's judgement."""
    forward = expect.function(mine, "sigmoid_forward")
    judged(forward, mine, rng.normal(size=(4, 5)))
    keeps_single(lambda x: mine(x, forward(x)[1]), rng.normal(size=(2, 3)))


@exercise(
    "a2.tanh_backward",
    file="activations.py",
    minutes=5,
    hints=(
        "The cache is out, that is tanh(x), already.",
        "1 - tanh(x)**2 is 1 - out**2: no further tanh is to be taken.",
        "return dout * (1 - cache**2)",
    ),
)
def tanh_backward(mine, rng):
    """The doctor's judgement."""
    judged(expect.function(mine, "tanh_forward"), mine, rng.normal(size=(4, 5)))


@exercise(
    "a2.elu_forward",
    file="activations.py",
    minutes=10,
    hints=(
        "np.where chooses between two arrays, and both have been computed for all of x by then.",
        "Let exp see the negative numbers only: np.minimum(x, 0) changes none of them, and makes the others 0.",
        "out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))); return out, (x, out, alpha)",
    ),
)
def elu_forward(mine, rng):
    """Values for two alphas, no overflow, x stays, float32."""
    x = np.concatenate([rng.normal(size=20), [-1000.0, 0.0, 1000.0]])
    for alpha in (1.0, 0.4):
        call = expect.unchanged(lambda: without_overflow(mine, x, alpha), x=x)
        expected = np.array([v if v > 0 else alpha * (np.exp(v) - 1) for v in x])
        expect.equal(expect.pair(call, "elu_forward")[0], expected, "out", given=dict(x=x, alpha=alpha))
    keeps_single(mine, x)


@exercise(
    "a2.elu_backward",
    file="activations.py",
    minutes=10,
    hints=(
        "Two cases, as in forward. What is the derivative of alpha * (exp(x) - 1)?",
        "alpha * exp(x) is out + alpha, where out is alpha * (exp(x) - 1).",
        "x, out, alpha = cache; return dout * np.where(x > 0, 1, out + alpha)",
    ),
)
def elu_backward(mine, rng):
    """The doctor's judgement for two alphas; no overflow."""
    forward = expect.function(mine, "elu_forward")
    for alpha in (1.0, 0.4):
        judged(forward, mine, rng.normal(size=(4, 5)), alpha=alpha)
    x = np.array([-1000.0, 1000.0])
    expect.equal(without_overflow(mine, x, forward(x)[1]), np.array([0.0, 1000.0]), "dx", given=dict(dout=x, x=x))


@exercise(
    "a2.maxout_forward",
    file="activations.py",
    minutes=20,
    points=2,
    hints=(
        "First all k affine functions, an array (k, N, M); then the largest along the axis of the k.",
        "x @ w does k products at once when w is (k, D, M). The biases (k, M) lack an axis for the examples: "
        "b[:, None] is (k, 1, M).",
        "pieces = x @ w + b[:, None]; return pieces.max(axis=0), (x, w, pieces.argmax(axis=0))",
    ),
)
def maxout_forward(mine, rng):
    """Values for k = 2 and 3, with sizes that keep wrong axes from fitting, and sizes that let them fit."""
    for k, N, D, M in ((2, 4, 3, 5), (3, 3, 3, 3)):
        x, w, b = rng.normal(size=(N, D)), rng.normal(size=(k, D, M)), 2 * rng.normal(size=(k, M))
        out, _ = expect.pair(expect.unchanged(lambda: mine(x, w, b), x=x, w=w, b=b), "maxout_forward")
        expected = np.array([[max(row @ w[j, :, m] + b[j, m] for j in range(k)) for m in range(M)] for row in x])
        expect.equal(out, expected, "out", given=dict(x=x, w=w, b=b))
    keeps_single(mine, x, w, b)


@exercise(
    "a2.maxout_backward",
    file="activations.py",
    minutes=25,
    points=3,
    hints=(
        "Only the winner acted on the output. Make k copies of dout, and set each to 0 where its piece did not "
        "win.",
        "winner == np.arange(k)[:, None, None] is a mask (k, N, M). With routed = dout * mask, every piece is an "
        "affine layer that you know.",
        "dx = (routed @ w.swapaxes(1, 2)).sum(axis=0); dw = x.T @ routed; db = routed.sum(axis=1)",
    ),
)
def maxout_backward(mine, rng):
    """The doctor's judgement."""
    forward = expect.function(mine, "maxout_forward")
    for k, N, D, M in ((2, 5, 3, 4), (3, 3, 3, 3)):
        inputs = rng.normal(size=(N, D)), rng.normal(size=(k, D, M)), rng.normal(size=(k, M))
        expect.gradients(forward, mine, inputs)
