"""Wrong answers about a deep net, as learners write them, and what must be said."""

from tests.course.wrong import Wrong

FORWARD = """
def net_forward(params, x, norm=None, drop=0.0, key=(0,), train=True, running=None):
    L = sum(name.startswith("w") for name in params)
    caches = []
    out = x
    for i in range(1, L):
        out, affine = affine_forward(out, params[f"w{i}"], params[f"b{i}"])
        normed = None
        if norm == "layer":
            out, normed = layer_norm_forward(out, params[f"gamma{i}"], params[f"beta{i}"])
        elif norm == "batch":
            statistics = () if train else (running[f"mean{i}"], running[f"var{i}"])
            out, normed = batch_norm_forward(out, params[f"gamma{i}"], params[f"beta{i}"], *statistics)
        out, relu = relu_forward(out)
        out, dropout = dropout_forward(out, drop, (*key, i), train)
        caches.append((affine, normed, relu, dropout))
    scores, affine = affine_forward(out, params[f"w{L}"], params[f"b{L}"])
    return scores, (norm, caches, affine)
"""
BACKWARD = """
def net_backward(dscores, cache):
    norm, caches, affine = cache
    norm_backward = {"layer": layer_norm_backward, "batch": batch_norm_backward}.get(norm)
    L = len(caches) + 1
    grads = {}
    dout, grads[f"w{L}"], grads[f"b{L}"] = affine_backward(dscores, affine)
    for i in range(L - 1, 0, -1):
        affine, normed, relu, dropout = caches[i - 1]
        dout = relu_backward(dropout_backward(dout, dropout), relu)
        if norm_backward:
            dout, grads[f"gamma{i}"], grads[f"beta{i}"] = norm_backward(dout, normed)
        dout, grads[f"w{i}"], grads[f"b{i}"] = affine_backward(dout, affine)
    return grads
"""
INIT = """
def init_net(sizes, rng, norm=None):
    if norm not in (None, "batch", "layer"):
        raise ValueError(norm)
    params = {}
    for i, (D, M) in enumerate(zip(sizes[:-1], sizes[1:]), start=1):
        params[f"w{i}"] = rng.normal(0, np.sqrt(2 / D), (D, M))
        params[f"b{i}"] = np.zeros(M)
        if norm and i < len(sizes) - 1:
            params[f"gamma{i}"] = np.ones(M)
            params[f"beta{i}"] = np.zeros(M)
    return params
"""
LOSS = """
def net_loss(params, x, y, strength=0.0, **options):
    scores, cache = net_forward(params, x, **options)
    loss, dscores = softmax_loss(scores, y)
    grads = net_backward(dscores, cache)
    for name in params:
        if name.startswith("w"):
            loss += 0.5 * strength * float((params[name] ** 2).sum())
            grads[name] = grads[name] + strength * params[name]
    return loss, grads
"""
RIGHT = {"init_net": INIT, "net_forward": FORWARD, "net_backward": BACKWARD, "net_loss": LOSS}


def changed(function, words, right, wrong, *says):
    """One line of the right answer, written otherwise."""
    assert right in RIGHT[function], f"{function}: {right}"
    return Wrong(f"a2.{function}", words, RIGHT[function].replace(right, wrong), says)


WRONG = [
    changed(
        "init_net", "the variance for the standard deviation", "np.sqrt(2 / D)", "2 / D", "2 / D is the variance"
    ),
    changed(
        "init_net", "small numbers of one size", "np.sqrt(2 / D)", "0.01", "standard deviation 0.01, it should be"
    ),
    changed("init_net", "the fan on the other side", "np.sqrt(2 / D)", "np.sqrt(2 / M)", "D, not M"),
    changed("init_net", "Xavier's factor", "np.sqrt(2 / D)", "np.sqrt(1 / D)", "ReLUs need the 2"),
    changed("init_net", "w is (M, D)", "(D, M))\n", "(M, D))\n", "it looks transposed"),
    changed(
        "init_net",
        "all weights are zero",
        "rng.normal(0, np.sqrt(2 / D), (D, M))",
        "np.zeros((D, M))",
        "deviation",
    ),
    changed("init_net", "not from rng", "rng.normal(", "np.random.normal(", "from the same rng once more"),
    changed("init_net", "gamma starts at zero", "np.ones(M)", "np.zeros(M)", "params['gamma1']"),
    changed(
        "init_net",
        "the last layer gets a norm",
        "norm and i < len(sizes) - 1",
        "norm",
        "gamma3, beta3 is too much",
    ),
    changed("init_net", "counted from 0", "start=1", "start=0", "is missing"),
    changed("init_net", "any norm will do", "raise ValueError(norm)", "pass", 'norm is "bach"'),
    changed(
        "net_forward",
        "a ReLU after the last layer",
        'scores, affine = affine_forward(out, params[f"w{L}"], params[f"b{L}"])',
        'scores, affine = affine_forward(out, params[f"w{L}"], params[f"b{L}"])\n    scores *= scores > 0',
        "the last layer is affine alone, without a ReLU",
    ),
    changed(
        "net_forward",
        "the ReLU is forgotten",
        "out, relu = relu_forward(out)",
        "relu = out",
        "a ReLU is missing between the layers",
    ),
    changed("net_forward", "a layer is left out", "range(1, L)", "range(1, L - 1)", "matmul", "scores"),
    changed("net_forward", "one mask for all layers", "(*key, i)", "key", "a key of its own, (*key, i)"),
    changed(
        "net_forward",
        "evaluation drops as well",
        "(*key, i), train)",
        "(*key, i))",
        "in evaluation nothing is dropped",
    ),
    changed(
        "net_forward",
        "the batch's own statistics in evaluation",
        '() if train else (running[f"mean{i}"], running[f"var{i}"])',
        "()",
        "in evaluation batch norm takes the running statistics",
    ),
    changed("net_forward", "layer norm for batch norm", 'norm == "layer"', "norm", "it is the other norm"),
    changed(
        "net_forward",
        "x is standardised in place",
        "    out = x\n",
        "    x -= x.mean(axis=0)\n    out = x\n",
        "x was changed in place",
    ),
    changed(
        "net_backward",
        "the ReLU is forgotten",
        "relu_backward(dropout_backward(dout, dropout), relu)",
        "dropout_backward(dout, dropout)",
        "missing-mask in w",
    ),
    changed(
        "net_backward",
        "dropout is forgotten",
        "relu_backward(dropout_backward(dout, dropout), relu)",
        "relu_backward(dout, relu)",
        "missing-mask in w1",
    ),
    changed(
        "net_backward",
        "dout does not go on",
        'dout, grads[f"w{i}"], grads[f"b{i}"] = affine_backward(dout, affine)',
        '_, grads[f"w{i}"], grads[f"b{i}"] = affine_backward(dout, affine)',
        "could not be broadcast",
    ),
    changed(
        "net_backward",
        "the first layer is left out",
        "range(L - 1, 0, -1)",
        "range(L - 1, 1, -1)",
        "w1, b1 is missing",
    ),
    changed(
        "net_backward",
        "from the first to the last",
        "range(L - 1, 0, -1)",
        "range(1, L)",
        "could not be broadcast",
        "matmul",
        "in w1",
    ),
    changed(
        "net_backward",
        "the caches are those of the next layer",
        "caches[i - 1]",
        "caches[i % len(caches)]",
        "could not be broadcast",
        "matmul",
        "in w1",
    ),
    changed(
        "net_backward",
        "the norm gives no gradients of its own",
        'dout, grads[f"gamma{i}"], grads[f"beta{i}"] = norm_backward(dout, normed)',
        "dout = norm_backward(dout, normed)[0]",
        "is missing",
    ),
    changed(
        "net_backward",
        "gamma and beta are exchanged",
        'grads[f"gamma{i}"], grads[f"beta{i}"] =',
        'grads[f"beta{i}"], grads[f"gamma{i}"] =',
        "what backward returns as dgamma1 is dbeta1",
    ),
    changed(
        "net_loss",
        "biases are in the penalty",
        'name.startswith("w")',
        "True",
        "the penalty is for the weights alone",
    ),
    changed(
        "net_loss", "the half is forgotten", "0.5 * strength", "strength", "the penalty is half the sum of squares"
    ),
    changed(
        "net_loss",
        "the penalty has no gradient",
        "+ strength * params[name]",
        "+ 0 * params[name]",
        "what the penalty adds to grads['w1']",
    ),
    changed(
        "net_loss",
        "the penalty's gradient is twice too large",
        "+ strength *",
        "+ 2 * strength *",
        "it is 2 times too large",
    ),
    changed(
        "net_loss",
        "a penalty of the first layer only",
        "in params:\n",
        'in ["w1"]:\n',
        "the penalty holds the first layer alone",
    ),
    changed(
        "net_loss",
        "the options are not handed on",
        "x, **options",
        "x",
        "the options are not handed on to net_forward",
    ),
    changed(
        "net_loss",
        "the gradient of the scores for the gradients",
        "return loss, grads",
        "return loss, dscores",
        "should be a dict",
    ),
    Wrong(
        "a2.catch_wrong_form",
        "compared as they come",
        """
def catch_wrong_form(forward, backward, inputs):
    out, cache = forward(*inputs)
    dout = np.random.default_rng(1).normal(size=out.shape)
    for i, grad in enumerate(backward(dout, cache)):
        def f(value, i=i):
            return forward(*inputs[:i], value, *inputs[i + 1:])[0]
        if not np.allclose(grad, numerical_gradient(f, inputs[i], dout)):
            return False
    return True
""",
        says=("the gradient of b is left out",),
    ),
    Wrong(
        "a2.catch_wrong_form",
        "shapes are not compared",
        """
def catch_wrong_form(forward, backward, inputs):
    out, cache = forward(*inputs)
    dout = np.random.default_rng(1).normal(size=out.shape)
    grads = backward(dout, cache)
    if len(grads) != len(inputs):
        return False
    for i, grad in enumerate(grads):
        def f(value, i=i):
            return forward(*inputs[:i], value, *inputs[i + 1:])[0]
        if not np.allclose(grad, numerical_gradient(f, inputs[i], dout)):
            return False
    return True
""",
        says=("db has shape (1, 3)",),
    ),
    Wrong(
        "a2.catch_wrong_form",
        "dtypes are not compared",
        """
def catch_wrong_form(forward, backward, inputs):
    out, cache = forward(*inputs)
    dout = np.random.default_rng(1).normal(size=out.shape)
    grads = backward(dout, cache)
    assert [g.shape for g in grads] == [v.shape for v in inputs]
    for i, grad in enumerate(grads):
        def f(value, i=i):
            return forward(*inputs[:i], value, *inputs[i + 1:])[0]
        assert np.allclose(grad, numerical_gradient(f, inputs[i], dout))
""",
        says=("dw is float32",),
    ),
    Wrong(
        "a2.catch_bad_manners",
        "only dout is watched",
        """
def catch_bad_manners(forward, backward, x):
    out, cache = forward(x.copy())
    dout = np.ones_like(out)
    backward(dout, cache)
    return bool((dout == 1).all())
""",
        says=("forward writes its output into x",),
    ),
    Wrong(
        "a2.catch_bad_manners",
        "backward is called once",
        """
def catch_bad_manners(forward, backward, x):
    given = x.copy()
    out, cache = forward(given)
    dout = np.ones_like(out)
    backward(dout, cache)
    return bool((dout == 1).all()) and np.array_equal(given, x)
""",
        says=("writes dx into the cache",),
    ),
    Wrong(
        "a2.catch_bad_manners",
        "one forward at a time",
        """
def catch_bad_manners(forward, backward, x):
    given = x.copy()
    out, cache = forward(given)
    dout = np.full_like(out, 3.0)
    dx = np.array(backward(dout, cache))
    if not (dout == 3).all() or not np.array_equal(given, x):
        return False
    return bool(np.array_equal(dx, backward(dout, cache)))
""",
        says=("the latest forward",),
    ),
    Wrong(
        "a2.catch_bad_manners",
        "the arrays are compared with themselves",
        """
def catch_bad_manners(forward, backward, x):
    before = x
    out, cache = forward(x)
    dout = np.ones_like(out)
    first = np.array(backward(dout, cache))
    forward(1 - 2 * x)
    return np.array_equal(before, x) and np.array_equal(first, backward(np.ones_like(out), cache))
""",
        says=("forward writes its output into x",),
    ),
]
