"""Wrong answers about affine layers and numerical gradients, as learners write them, and what must be said."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a2.affine_forward",
        "x of rank 4 is not flattened",
        """
def affine_forward(x, w, b):
    return x @ w + b, (x, w)
""",
        says=("matmul",),
    ),
    Wrong(
        "a2.affine_forward",
        "the bias is forgotten",
        """
def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w, (x, w)
""",
        says=("off by the same amount", "b is missing"),
    ),
    Wrong(
        "a2.affine_forward",
        "the cache is forgotten",
        """
def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b
""",
        says=("should return two things",),
    ),
    Wrong(
        "a2.affine_forward",
        "x is reshaped in place",
        """
def affine_forward(x, w, b):
    x *= 1.0
    out = x.reshape(len(x), -1) @ w
    w += 0 * w
    b -= b.mean()
    return out + b, (x, w)
""",
        says=("b was changed in place",),
    ),
    Wrong(
        "a2.affine_forward",
        "the result is built in an array of float64",
        """
def affine_forward(x, w, b):
    out = np.zeros((len(x), w.shape[1]))
    out += x.reshape(len(x), -1) @ w + b
    return out, (x, w)
""",
        says=("given float32, it returns float64",),
    ),
    Wrong(
        "a2.affine_backward",
        "the gradient of w is averaged over the batch",
        """
def affine_backward(dout, cache):
    x, w = cache
    dw = x.reshape(len(x), -1).T @ dout / len(x)
    return (dout @ w.T).reshape(x.shape), dw, dout.sum(axis=0)
""",
        says=("constant-factor in w: dw is 6 times too small",),
    ),
    Wrong(
        "a2.affine_backward",
        "db is not summed over the batch",
        """
def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout
""",
        says=("wrong-shape in b",),
    ),
    Wrong(
        "a2.affine_backward",
        "db keeps its axis of length 1",
        """
def affine_backward(dout, cache):
    x, w = cache
    db = dout.sum(axis=0, keepdims=True)
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, db
""",
        says=("wrong-shape in b",),
    ),
    Wrong(
        "a2.affine_backward",
        "w is not transposed, which fits where D = M",
        """
def affine_backward(dout, cache):
    x, w = cache
    rows = x.reshape(len(x), -1)
    dx = dout @ (w if w.shape[0] == w.shape[1] else w.T)
    return dx.reshape(x.shape), rows.T @ dout, dout.sum(axis=0)
""",
        says=("transposed in x",),
    ),
    Wrong(
        "a2.affine_backward",
        "dx is left flat",
        """
def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)
""",
        says=("wrong-shape in x",),
    ),
    Wrong(
        "a2.affine_backward",
        "dw is overwritten in a loop over the examples",
        """
def affine_backward(dout, cache):
    x, w = cache
    rows = x.reshape(len(x), -1)
    for n in range(len(x)):
        dw = np.outer(rows[n], dout[n])
    return (dout @ w.T).reshape(x.shape), dw, dout.sum(axis=0)
""",
        says=("not-accumulated in w",),
    ),
    Wrong(
        "a2.affine_backward",
        "the gradients come in another order",
        """
def affine_backward(dout, cache):
    x, w = cache
    return x.reshape(len(x), -1).T @ dout, (dout @ w.T).reshape(x.shape), dout.sum(axis=0)
""",
        says=("wrong-shape in x",),
    ),
    Wrong(
        "a2.numerical_gradient",
        "one-sided differences",
        """
def numerical_gradient(f, x, dout=None, h=1e-5):
    dout = 1.0 if dout is None else dout
    gradient = np.zeros_like(x)
    start = np.array(f(x))
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        gradient[i] = np.sum(dout * (f(x) - start)) / h
        x[i] = old
    return gradient
""",
        says=("it is 1e-05 too large",),
    ),
    Wrong(
        "a2.numerical_gradient",
        "divided by h, not by 2 h",
        """
def numerical_gradient(f, x, dout=None, h=1e-5):
    dout = 1.0 if dout is None else dout
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        above = np.array(f(x))
        x[i] = old - h
        gradient[i] = np.sum(dout * (above - f(x))) / h
        x[i] = old
    return gradient
""",
        says=("it is 2 times too large",),
    ),
    Wrong(
        "a2.numerical_gradient",
        "x is moved back by arithmetic",
        """
def numerical_gradient(f, x, dout=None, h=1e-5):
    dout = 1.0 if dout is None else dout
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        x[i] += h
        above = np.array(f(x))
        x[i] -= 2 * h
        below = np.array(f(x))
        x[i] += h
        gradient[i] = np.sum(dout * (above - below)) / (2 * h)
    return gradient
""",
        says=("x was changed in place",),
    ),
    Wrong(
        "a2.numerical_gradient",
        "what f returns is not copied",
        """
def numerical_gradient(f, x, dout=None, h=1e-5):
    dout = 1.0 if dout is None else dout
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        above = f(x)
        x[i] = old - h
        below = f(x)
        x[i] = old
        gradient[i] = np.sum(dout * (above - below)) / (2 * h)
    return gradient
""",
        says=("where f returns x itself",),
    ),
    Wrong(
        "a2.numerical_gradient",
        "dout is left out",
        """
def numerical_gradient(f, x, dout=None, h=1e-5):
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        above = np.array(f(x))
        x[i] = old - h
        below = np.array(f(x))
        x[i] = old
        gradient[i] = np.sum(above - below) / (2 * h)
    return gradient
""",
        says=("the gradient of x**3 times dout",),
    ),
    Wrong(
        "a2.numerical_gradient",
        "the flattened x is a copy",
        """
def numerical_gradient(f, x, dout=None, h=1e-5):
    dout = 1.0 if dout is None else dout
    flat = x.reshape(-1)
    gradient = np.zeros(x.size)
    for i in range(x.size):
        old = flat[i]
        flat[i] = old + h
        above = np.array(f(x))
        flat[i] = old - h
        below = np.array(f(x))
        flat[i] = old
        gradient[i] = np.sum(dout * (above - below)) / (2 * h)
    return gradient.reshape(x.shape)
""",
        says=("at a transposed x",),
    ),
    Wrong(
        "a2.catch_wrong_gradient",
        "equality to the last bit is asked for",
        """
def catch_wrong_gradient(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).normal(size=out.shape)
    dx = backward(dout, cache)
    return bool((dx == numerical_gradient(lambda x: forward(x)[0], x, dout)).all())
""",
        says=("refuses a layer that is right",),
    ),
    Wrong(
        "a2.catch_wrong_gradient",
        "only the sum of dx is compared, with a wide limit",
        """
def catch_wrong_gradient(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).normal(size=out.shape)
    dx = backward(dout, cache)
    measured = numerical_gradient(lambda x: forward(x)[0], x, dout)
    return abs(dx.mean() - measured.mean()) < 0.1
""",
        says=("lets a wrong layer pass",),
    ),
    Wrong(
        "a2.catch_wrong_gradient",
        "one element is looked at",
        """
def catch_wrong_gradient(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).normal(size=out.shape)
    dx = backward(dout, cache)
    measured = numerical_gradient(lambda x: forward(x)[0], x, dout)
    return bool(np.isclose(dx, measured, atol=1e-6).any())
""",
        says=("lets a wrong layer pass",),
    ),
    Wrong(
        "a2.catch_wrong_gradient",
        "two different upstream gradients",
        """
def catch_wrong_gradient(forward, backward, x):
    out, cache = forward(x)
    dx = backward(np.random.default_rng(1).normal(size=out.shape), cache)
    return bool(np.allclose(dx, numerical_gradient(lambda x: forward(x)[0], x)))
""",
        says=("refuses a layer that is right",),
    ),
]
