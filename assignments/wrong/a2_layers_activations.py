"""Wrong answers about activations, as learners write them, and what must be said."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a2.relu_forward",
        "np.max for np.maximum",
        """
def relu_forward(x):
    return np.max(x, 0), x
""",
        says=("out has shape",),
    ),
    Wrong(
        "a2.relu_forward",
        "in place",
        """
def relu_forward(x):
    x[x < 0] = 0
    return x, x
""",
        says=("x was changed in place",),
    ),
    Wrong(
        "a2.relu_forward",
        "the absolute value",
        """
def relu_forward(x):
    return np.abs(x), x
""",
        says=("it should be zero in these places",),
    ),
    Wrong(
        "a2.relu_backward",
        "the mask is forgotten",
        """
def relu_backward(dout, cache):
    return 1.0 * dout
""",
        says=("missing-mask in x",),
    ),
    Wrong(
        "a2.relu_backward",
        "the mask is made of dout",
        """
def relu_backward(dout, cache):
    return dout * (dout > 0)
""",
        says=("wrong-mask in x",),
    ),
    Wrong(
        "a2.relu_backward",
        "x >= 0 lets 0 through",
        """
def relu_backward(dout, cache):
    return dout * (cache >= 0)
""",
        says=("dx[1] is 20, it should be 0",),
    ),
    Wrong(
        "a2.relu_backward",
        "dout is edited",
        """
def relu_backward(dout, cache):
    dout[cache <= 0] = 0
    return dout
""",
        says=("mutates in dout",),
    ),
    Wrong(
        "a2.relu_backward",
        "dout is forgotten",
        """
def relu_backward(dout, cache):
    return (cache > 0).astype(float)
""",
        says=("dx is the same whatever dout is",),
    ),
    Wrong(
        "a2.leaky_relu_backward",
        "the negative side is 0",
        """
def leaky_relu_backward(dout, cache):
    x, slope = cache
    return dout * (x > 0)
""",
        says=("wrong-mask in x",),
    ),
    Wrong(
        "a2.leaky_relu_backward",
        "the slope meets x, not dout",
        """
def leaky_relu_backward(dout, cache):
    x, slope = cache
    return np.where(x > 0, dout, slope * x)
""",
        says=("dx is not 0 when dout is 0",),
    ),
    Wrong(
        "a2.leaky_relu_backward",
        "the default slope is written in",
        """
def leaky_relu_backward(dout, cache):
    x, slope = cache
    return np.where(x > 0, dout, 0.01 * dout)
""",
        says=("constant-factor in x",),
    ),
    Wrong(
        "a2.sigmoid_forward",
        "the textbook formula overflows",
        """
def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, out
""",
        says=("overflow",),
    ),
    Wrong(
        "a2.sigmoid_forward",
        "both branches are computed",
        """
def sigmoid_forward(x):
    out = np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))
    return out, out
""",
        says=("overflow",),
    ),
    Wrong(
        "a2.sigmoid_forward",
        "small results are rounded away",
        """
def sigmoid_forward(x):
    s = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1 / (1 + s), 1 - 1 / (1 + s))
    return out, out
""",
        says=("1 less a number near 1 keeps no digits",),
    ),
    Wrong(
        "a2.sigmoid_backward",
        "x is taken for out",
        """
def sigmoid_backward(dout, cache):
    x = np.log(cache / (1 - cache))
    return dout * x * (1 - x)
""",
        says=("wrong-cache-variable",),
    ),
    Wrong(
        "a2.sigmoid_backward",
        "1 - out is forgotten",
        """
def sigmoid_backward(dout, cache):
    return dout * cache
""",
        says=("missing-term in x: dx is off as if 1 - out were left out",),
    ),
    Wrong(
        "a2.tanh_backward",
        "tanh is taken twice",
        """
def tanh_backward(dout, cache):
    return dout * (1 - np.tanh(cache) ** 2)
""",
        says=("wrong-cache-variable",),
    ),
    Wrong(
        "a2.tanh_backward",
        "the square is forgotten",
        """
def tanh_backward(dout, cache):
    return dout * (1 - cache)
""",
        says=("the square of out",),
    ),
    Wrong(
        "a2.elu_forward",
        "exp meets large numbers",
        """
def elu_forward(x, alpha=1.0):
    out = np.where(x > 0, x, alpha * (np.exp(x) - 1))
    return out, (x, out, alpha)
""",
        says=("overflow",),
    ),
    Wrong(
        "a2.elu_forward",
        "alpha is forgotten",
        """
def elu_forward(x, alpha=1.0):
    out = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
    return out, (x, out, alpha)
""",
        says=("alpha = 0.4",),
    ),
    Wrong(
        "a2.elu_backward",
        "out for out + alpha",
        """
def elu_backward(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out)
""",
        says=("= out + alpha, not out",),
    ),
    Wrong(
        "a2.elu_backward",
        "out + 1, which is right for one alpha only",
        """
def elu_backward(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + 1)
""",
        says=("out + alpha, not out + 1",),
    ),
    Wrong(
        "a2.maxout_forward",
        "the largest along the wrong axis",
        """
def maxout_forward(x, w, b):
    pieces = x @ w + b[:, None]
    return pieces.max(axis=1), (x, w, pieces.argmax(axis=1))
""",
        says=("out has shape (2, 5), it should be (4, 5)",),
    ),
    Wrong(
        "a2.maxout_forward",
        "the bias is added after the maximum",
        """
def maxout_forward(x, w, b):
    pieces = x @ w
    return pieces.max(axis=0) + b.max(axis=0), (x, w, pieces.argmax(axis=0))
""",
        says=("add them before the maximum",),
    ),
    Wrong(
        "a2.maxout_backward",
        "every piece gets dout",
        """
def maxout_backward(dout, cache):
    x, w, winner = cache
    routed = dout * np.ones((len(w), 1, 1))
    return (routed @ w.swapaxes(1, 2)).sum(axis=0), x.T @ routed, routed.sum(axis=1)
""",
        says=("missing-mask",),
    ),
    Wrong(
        "a2.maxout_backward",
        "dx hears of the first piece only",
        """
def maxout_backward(dout, cache):
    x, w, winner = cache
    routed = dout * (winner == np.arange(len(w))[:, None, None])
    return routed[0] @ w[0].T, x.T @ routed, routed.sum(axis=1)
""",
        says=("not-accumulated in x",),
    ),
]
