"""Wrong answers to the first half of a2-layers, as learners write them, and what the check must say."""

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
        says=("b is missing",),
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
        says=("out * 1e43",),
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
        says=("return dout * np.where(x > 0, 1, out)",),
    ),
    Wrong(
        "a2.elu_backward",
        "out + 1, which is right for one alpha only",
        """
def elu_backward(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + 1)
""",
        says=("return dout * np.where(x > 0, 1, out + 1)",),
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
        says=("out[",),
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
    Wrong(
        "a2.svm_loss",
        "the right class counts as well",
        """
def svm_loss(x, y, margin=1.0):
    rows = np.arange(len(x))
    excess = np.maximum(0, x - x[rows, y][:, None] + margin)
    dx = (excess > 0).astype(x.dtype)
    dx[rows, y] = 0
    dx[rows, y] = -dx.sum(axis=1)
    return float(excess.sum() / len(x)), dx / len(x)
""",
        says=("loss is",),
    ),
    Wrong(
        "a2.svm_loss",
        "the sum, not the mean",
        """
def svm_loss(x, y, margin=1.0):
    rows = np.arange(len(x))
    excess = np.maximum(0, x - x[rows, y][:, None] + margin)
    excess[rows, y] = 0
    dx = (excess > 0).astype(x.dtype)
    dx[rows, y] = -dx.sum(axis=1)
    return float(excess.sum()), dx
""",
        says=("6 times too large: the loss is a mean",),
    ),
    Wrong(
        "a2.svm_loss",
        "the gradient is not averaged",
        """
def svm_loss(x, y, margin=1.0):
    rows = np.arange(len(x))
    excess = np.maximum(0, x - x[rows, y][:, None] + margin)
    excess[rows, y] = 0
    dx = (excess > 0).astype(x.dtype)
    dx[rows, y] = -dx.sum(axis=1)
    return float(excess.sum() / len(x)), dx
""",
        says=("constant-factor in x: dx is 6 times too large",),
    ),
    Wrong(
        "a2.svm_loss",
        "the right class has no gradient",
        """
def svm_loss(x, y, margin=1.0):
    rows = np.arange(len(x))
    excess = np.maximum(0, x - x[rows, y][:, None] + margin)
    excess[rows, y] = 0
    return float(excess.sum() / len(x)), (excess > 0).astype(x.dtype) / len(x)
""",
        says=("missing-term in x",),
    ),
    Wrong(
        "a2.svm_loss",
        "the right class has -1, however many lack their margin",
        """
def svm_loss(x, y, margin=1.0):
    rows = np.arange(len(x))
    excess = np.maximum(0, x - x[rows, y][:, None] + margin)
    excess[rows, y] = 0
    dx = (excess > 0).astype(x.dtype)
    dx[rows, y] = -1
    return float(excess.sum() / len(x)), dx / len(x)
""",
        says=("dx[rows, y] = -1",),
    ),
    Wrong(
        "a2.svm_loss",
        "the margin is written in",
        """
def svm_loss(x, y, margin=1.0):
    rows = np.arange(len(x))
    excess = np.maximum(0, x - x[rows, y][:, None] + 1)
    excess[rows, y] = 0
    dx = (excess > 0).astype(x.dtype)
    dx[rows, y] = -dx.sum(axis=1)
    return float(excess.sum() / len(x)), dx / len(x)
""",
        says=("margin = 0.3",),
    ),
    Wrong(
        "a2.softmax_loss",
        "large scores overflow",
        """
def softmax_loss(x, y):
    rows = np.arange(len(x))
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    dx = p.copy()
    dx[rows, y] -= 1
    return float(-np.log(p[rows, y]).mean()), dx / len(x)
""",
        says=("overflow",),
    ),
    Wrong(
        "a2.softmax_loss",
        "the logarithm of a p that has become 0",
        """
def softmax_loss(x, y):
    rows = np.arange(len(x))
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    dx = p.copy()
    dx[rows, y] -= 1
    return float(-np.log(p[rows, y]).mean()), dx / len(x)
""",
        says=("divide by zero encountered in log",),
    ),
    Wrong(
        "a2.softmax_loss",
        "the largest score of the whole batch is subtracted",
        """
def softmax_loss(x, y):
    rows = np.arange(len(x))
    shifted = x - x.max()
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dx = np.exp(log_p)
    dx[rows, y] -= 1
    return float(-log_p[rows, y].mean()), dx / len(x)
""",
        says=("divide by zero encountered in log",),
    ),
    Wrong(
        "a2.softmax_loss",
        "the gradient is not averaged",
        """
def softmax_loss(x, y):
    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dx = np.exp(log_p)
    dx[rows, y] -= 1
    return float(-log_p[rows, y].mean()), dx
""",
        says=("constant-factor in x: dx is 6 times too large",),
    ),
    Wrong(
        "a2.softmax_loss",
        "1 is not subtracted at the labels",
        """
def softmax_loss(x, y):
    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_p[rows, y].mean()), np.exp(log_p) / len(x)
""",
        says=("missing-term in x",),
    ),
    Wrong(
        "a2.softmax_loss",
        "1 is subtracted from whole columns",
        """
def softmax_loss(x, y):
    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dx = np.exp(log_p)
    dx[:, y] -= 1
    return float(-log_p[rows, y].mean()), dx / len(x)
""",
        says=("dx[:, y] -= 1",),
    ),
    Wrong(
        "a2.softmax_loss",
        "the sum goes over the batch",
        """
def softmax_loss(x, y):
    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    dx = np.exp(log_p)
    dx[rows, y] -= 1
    return float(-log_p[rows, y].mean()), dx / len(x)
""",
        says=("loss is",),
    ),
]
