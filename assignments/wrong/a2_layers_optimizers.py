"""Wrong answers about update rules, as learners write them, and what must be said."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a2.catch_at_any_scale",
        "a fixed limit",
        """
def catch_at_any_scale(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).normal(size=out.shape)
    dx = backward(dout, cache)
    return bool(np.abs(dx - numerical_gradient(lambda x: forward(x)[0], x, dout)).max() < 1e-6)
""",
        says=("refuses a layer that is right: gradients around 1e6",),
    ),
    Wrong(
        "a2.catch_at_any_scale",
        "np.allclose as it comes",
        """
def catch_at_any_scale(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).normal(size=out.shape)
    return bool(np.allclose(backward(dout, cache), numerical_gradient(lambda x: forward(x)[0], x, dout)))
""",
        says=("gradients around 1e-10",),
    ),
    Wrong(
        "a2.catch_at_any_scale",
        "zero divided by zero",
        """
def catch_at_any_scale(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).normal(size=out.shape)
    dx = backward(dout, cache)
    measured = numerical_gradient(lambda x: forward(x)[0], x, dout)
    return bool(np.abs(dx - measured).max() / (np.abs(dx).max() + np.abs(measured).max()) < 1e-6)
""",
        says=("refuses a layer that is right: a ReLU that is 0 everywhere",),
    ),
    Wrong(
        "a2.catch_at_any_scale",
        "a NaN passes",
        """
def catch_at_any_scale(forward, backward, x):
    out, cache = forward(x)
    dout = np.random.default_rng(1).normal(size=out.shape)
    dx = backward(dout, cache)
    measured = numerical_gradient(lambda x: forward(x)[0], x, dout)
    return not np.abs(dx - measured).max() > 1e-6 * (np.abs(dx).max() + np.abs(measured).max())
""",
        says=("with one NaN",),
    ),
    Wrong(
        "a2.sgd_step",
        "uphill",
        """
def sgd_step(w, dw, rate=1e-2, decay=0.0):
    return w + rate * (dw + decay * w)
""",
        says=("w goes up",),
    ),
    Wrong(
        "a2.sgd_step",
        "in place",
        """
def sgd_step(w, dw, rate=1e-2, decay=0.0):
    w -= rate * (dw + decay * w)
    return w
""",
        says=("w was changed in place",),
    ),
    Wrong(
        "a2.sgd_step",
        "the decay is not multiplied by the rate",
        """
def sgd_step(w, dw, rate=1e-2, decay=0.0):
    return w - rate * dw - decay * w
""",
        says=("the decay lacks the rate",),
    ),
    Wrong(
        "a2.momentum_step",
        "w follows the old velocity",
        """
def momentum_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    return w + velocity, momentum * velocity - rate * dw
""",
        says=("w follows the old velocity, not the new",),
    ),
    Wrong(
        "a2.momentum_step",
        "the velocity is subtracted",
        """
def momentum_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    velocity = momentum * velocity - rate * dw
    return w - velocity, velocity
""",
        says=("has its minus already",),
    ),
    Wrong(
        "a2.momentum_step",
        "a running mean",
        """
def momentum_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    velocity = momentum * velocity - (1 - momentum) * rate * dw
    return w + velocity, velocity
""",
        says=("the gradient gets no share 1 - momentum here",),
    ),
    Wrong(
        "a2.momentum_step",
        "the velocity is changed in place",
        """
def momentum_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    velocity *= momentum
    velocity -= rate * dw
    return w + velocity, velocity
""",
        says=("velocity was changed in place",),
    ),
    Wrong(
        "a2.momentum_step",
        "the velocity is not returned",
        """
def momentum_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    return w + momentum * velocity - rate * dw
""",
        says=("it should return (new w, new velocity)",),
    ),
    Wrong(
        "a2.nesterov_step",
        "plain momentum",
        """
def nesterov_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    velocity = momentum * velocity - rate * dw
    return w + velocity, velocity
""",
        says=("that is plain momentum",),
    ),
    Wrong(
        "a2.nesterov_step",
        "the old velocity is overwritten too early",
        """
def nesterov_step(w, dw, velocity, rate=1e-2, momentum=0.9):
    velocity = momentum * velocity - rate * dw
    return w - momentum * velocity + (1 + momentum) * velocity, velocity
""",
        says=("keep the old velocity until the end",),
    ),
    Wrong(
        "a2.adagrad_step",
        "this step's square comes too late",
        """
def adagrad_step(w, dw, squares, rate=1e-2, epsilon=1e-8):
    return w - rate * dw / (np.sqrt(squares) + epsilon), squares + dw**2
""",
        says=("the new squares are to be used, not the old",),
    ),
    Wrong(
        "a2.adagrad_step",
        "the root is forgotten",
        """
def adagrad_step(w, dw, squares, rate=1e-2, epsilon=1e-8):
    squares = squares + dw**2
    return w - rate * dw / (squares + epsilon), squares
""",
        says=(": the root is forgotten",),
    ),
    Wrong(
        "a2.adagrad_step",
        "one sum for the whole array",
        """
def adagrad_step(w, dw, squares, rate=1e-2, epsilon=1e-8):
    squares = squares + (dw**2).sum()
    return w - rate * dw / (np.sqrt(squares) + epsilon), squares
""",
        says=("each element has a sum of its own",),
    ),
    Wrong(
        "a2.rmsprop_step",
        "decay on the wrong side",
        """
def rmsprop_step(w, dw, squares, rate=1e-2, decay=0.99, epsilon=1e-8):
    squares = (1 - decay) * squares + decay * dw**2
    return w - rate * dw / (np.sqrt(squares) + epsilon), squares
""",
        says=("the old squares get the share decay",),
    ),
    Wrong(
        "a2.rmsprop_step",
        "1 - decay is forgotten",
        """
def rmsprop_step(w, dw, squares, rate=1e-2, decay=0.99, epsilon=1e-8):
    squares = decay * squares + dw**2
    return w - rate * dw / (np.sqrt(squares) + epsilon), squares
""",
        says=("lacks its share 1 - decay",),
    ),
    Wrong(
        "a2.rmsprop_step",
        "epsilon inside the root",
        """
def rmsprop_step(w, dw, squares, rate=1e-2, decay=0.99, epsilon=1e-8):
    squares = decay * squares + (1 - decay) * dw**2
    return w - rate * dw / np.sqrt(squares + epsilon), squares
""",
        says=("epsilon belongs outside the root",),
    ),
    Wrong(
        "a2.adam_step",
        "without the corrections",
        """
def adam_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    return w - rate * m / (np.sqrt(v) + epsilon), m, v
""",
        says=("the corrections for the start at zero are left out",),
    ),
    Wrong(
        "a2.adam_step",
        "the corrected means are returned",
        """
def adam_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = (beta1 * m + (1 - beta1) * dw) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * dw**2) / (1 - beta2**t)
    return w - rate * m / (np.sqrt(v) + epsilon), m, v
""",
        says=("return the means without their corrections",),
    ),
    Wrong(
        "a2.adam_step",
        "t is ignored",
        """
def adam_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * dw**2
    m_hat, v_hat = m / (1 - beta1), v / (1 - beta2)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v
""",
        says=("t is to be their power",),
    ),
    Wrong(
        "a2.adam_step",
        "the square of m for the mean of squares",
        """
def adam_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = beta1 * m + (1 - beta1) * dw
    v = beta2 * v + (1 - beta2) * m**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v
""",
        says=("not of the new m**2",),
    ),
    Wrong(
        "a2.adam_step",
        "the two betas are exchanged",
        """
def adam_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = beta2 * m + (1 - beta2) * dw
    v = beta1 * v + (1 - beta1) * dw**2
    m_hat, v_hat = m / (1 - beta2**t), v / (1 - beta1**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v
""",
        says=("beta1 belongs to m, beta2 to v",),
    ),
    Wrong(
        "a2.adamw_step",
        "the decay goes into the gradient",
        """
def adamw_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=1e-2):
    return adam_step(w, dw + decay * w, m, v, t, rate, beta1, beta2, epsilon)
""",
        says=("the decay has gone into the gradient",),
    ),
    Wrong(
        "a2.adamw_step",
        "the decay lacks the rate",
        """
def adamw_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=1e-2):
    stepped, m, v = adam_step(w, dw, m, v, t, rate, beta1, beta2, epsilon)
    return stepped - decay * w, m, v
""",
        says=(": the decay lacks the rate",),
    ),
    Wrong(
        "a2.adamw_step",
        "the w after the step is shrunk",
        """
def adamw_step(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=1e-2):
    stepped, m, v = adam_step(w, dw, m, v, t, rate, beta1, beta2, epsilon)
    return stepped * (1 - rate * decay), m, v
""",
        says=("takes the w from before the step",),
    ),
    Wrong(
        "a2.clip_gradients",
        "each array is clipped by itself",
        """
def clip_gradients(grads, limit):
    if not limit > 0:
        raise ValueError("limit")
    norms = {name: float(np.sqrt((dw**2).sum())) for name, dw in grads.items()}
    total = float(np.sqrt(sum(norm**2 for norm in norms.values())))
    return {name: dw * min(1.0, limit / max(norms[name], 1e-12)) for name, dw in grads.items()}, total
""",
        says=("there is one for all",),
    ),
    Wrong(
        "a2.clip_gradients",
        "each number is clipped",
        """
def clip_gradients(grads, limit):
    if not limit > 0:
        raise ValueError("limit")
    norm = float(np.sqrt(sum((dw**2).sum() for dw in grads.values())))
    return {name: np.clip(dw, -limit, limit) for name, dw in grads.items()}, norm
""",
        says=("the direction is lost",),
    ),
    Wrong(
        "a2.clip_gradients",
        "the norms are added",
        """
def clip_gradients(grads, limit):
    if not limit > 0:
        raise ValueError("limit")
    norm = float(sum(np.sqrt((dw**2).sum()) for dw in grads.values()))
    factor = min(1.0, limit / norm) if norm > 0 else 1.0
    return {name: dw * factor for name, dw in grads.items()}, norm
""",
        says=("the norms of the arrays are added",),
    ),
    Wrong(
        "a2.clip_gradients",
        "short gradients are made longer",
        """
def clip_gradients(grads, limit):
    if not limit > 0:
        raise ValueError("limit")
    norm = float(np.sqrt(sum((dw**2).sum() for dw in grads.values())))
    return {name: dw * limit / max(norm, 1e-12) for name, dw in grads.items()}, norm
""",
        says=("shorter than the limit stays as it is",),
    ),
    Wrong(
        "a2.clip_gradients",
        "the dict that was given is changed",
        """
def clip_gradients(grads, limit):
    if not limit > 0:
        raise ValueError("limit")
    norm = float(np.sqrt(sum((dw**2).sum() for dw in grads.values())))
    for dw in grads.values():
        dw *= min(1.0, limit / max(norm, 1e-12))
    return grads, norm
""",
        says=("was changed in place",),
    ),
]
