"""Wrong answers about losses and dropout, as learners write them, and what must be said."""

from tests.course.wrong import Wrong

WRONG = [
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
        says=("the right class counts as well: its excess",),
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
        says=("the right class has a gradient, too",),
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
        says=("minus the number of classes with an excess, not -1",),
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
        says=("1 is to be taken off at the label",),
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
        says=("not off whole columns",),
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
        says=("summed over the batch, not over the classes",),
    ),
    Wrong(
        "a2.catch_hidden_by_ones",
        "dout is all ones",
        """
def catch_hidden_by_ones(forward, backward, x):
    out, cache = forward(x)
    dx = backward(np.ones_like(out), cache)
    return bool(np.allclose(dx, numerical_gradient(lambda x: forward(x)[0], x), rtol=1e-6, atol=1e-6))
""",
        says=("a softmax whose gradient is zero",),
    ),
    Wrong(
        "a2.catch_hidden_by_ones",
        "dout is random, but positive",
        """
def catch_hidden_by_ones(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).random(out.shape)
    dx = backward(dout, cache)
    return bool(np.allclose(dx, numerical_gradient(lambda x: forward(x)[0], x, dout), rtol=1e-6, atol=1e-6))
""",
        says=("a ReLU that loses the negative numbers of dout",),
    ),
    Wrong(
        "a2.catch_hidden_by_ones",
        "dout is one number everywhere",
        """
def catch_hidden_by_ones(forward, backward, x):
    out, cache = forward(x)
    dout = np.full(out.shape, -0.7)
    dx = backward(dout, cache)
    return bool(np.allclose(dx, numerical_gradient(lambda x: forward(x)[0], x, dout), rtol=1e-6, atol=1e-6))
""",
        says=("lets a wrong layer pass: a softmax",),
    ),
    Wrong(
        "a2.dropout_forward",
        "drop is taken for the share that is kept",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not 0 <= drop < 1:
        raise ValueError("drop")
    if not train:
        return x, None
    mask = (np.random.default_rng(key).random(x.shape) < drop) / drop
    return x * mask, mask
""",
        says=("drop is the share that is dropped",),
    ),
    Wrong(
        "a2.dropout_forward",
        "the others are not scaled up",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not 0 <= drop < 1:
        raise ValueError("drop")
    if not train:
        return x, None
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    mask = (np.random.default_rng(key).random(shape) >= drop).astype(x.dtype)
    return x * mask, mask
""",
        says=("should be 1 / (1 - drop)",),
    ),
    Wrong(
        "a2.dropout_forward",
        "the scale is left to evaluation",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not train:
        return x * (1 - drop), None
    mask = (np.random.default_rng(key).random(x.shape) >= drop).astype(x.dtype)
    return x * mask, mask
""",
        says=("should be 1 / (1 - drop)",),
    ),
    Wrong(
        "a2.dropout_forward",
        "the key is not used",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not 0 <= drop < 1:
        raise ValueError("drop")
    if not train:
        return x, None
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    mask = (np.random.rand(*shape) >= drop) / (1 - drop)
    return x * mask, mask
""",
        says=("a second call with the same key",),
    ),
    Wrong(
        "a2.dropout_forward",
        "one seed for every key",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not 0 <= drop < 1:
        raise ValueError("drop")
    if not train:
        return x, None
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    mask = (np.random.default_rng(0).random(shape) >= drop) / (1 - drop)
    return x * mask, mask
""",
        says=("another key gives the same mask",),
    ),
    Wrong(
        "a2.dropout_forward",
        "evaluation drops as well",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not 0 <= drop < 1:
        raise ValueError("drop")
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    mask = ((np.random.default_rng(key).random(shape) >= drop) / (1 - drop)).astype(x.dtype)
    return x * mask, mask
""",
        says=("in evaluation (train=False) numbers are dropped",),
    ),
    Wrong(
        "a2.dropout_forward",
        "whole features are dropped",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not 0 <= drop < 1:
        raise ValueError("drop")
    if not train:
        return x, None
    mask = (np.random.default_rng(key).random(x.shape[1]) >= drop) / (1 - drop)
    return x * mask, mask
""",
        says=("whole rows or columns are dropped", "of the numbers to 0"),
    ),
    Wrong(
        "a2.dropout_forward",
        "channels are forgotten",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not 0 <= drop < 1:
        raise ValueError("drop")
    if not train:
        return x, None
    mask = ((np.random.default_rng(key).random(x.shape) >= drop) / (1 - drop)).astype(x.dtype)
    return x * mask, mask
""",
        says=("some channels are dropped in part only",),
    ),
    Wrong(
        "a2.dropout_forward",
        "drop = 1 is let through",
        """
def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    if not train:
        return x, None
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    mask = ((np.random.default_rng(key).random(shape) >= drop) / (1 - drop)).astype(x.dtype)
    return x * mask, mask
""",
        says=("ZeroDivisionError", "drop is 1.0"),
    ),
    Wrong(
        "a2.dropout_backward",
        "the mask without its factor",
        """
def dropout_backward(dout, cache):
    return dout if cache is None else dout * (cache > 0)
""",
        says=("its factor 1 / (1 - drop) is missing",),
    ),
    Wrong(
        "a2.dropout_backward",
        "dout as it is",
        """
def dropout_backward(dout, cache):
    return dout.copy()
""",
        says=("what was dropped gets no gradient",),
    ),
    Wrong(
        "a2.dropout_backward",
        "evaluation is forgotten",
        """
def dropout_backward(dout, cache):
    return dout * cache
""",
        says=("TypeError",),
    ),
]
