"""Wrong answers about a deep net, as learners write them, and what must be said."""

from tests.course.slips import slip
from tests.course.wrong import Wrong

WRONG = [
    slip(
        "a2.init_net",
        "the variance for the standard deviation",
        "np.sqrt(2 / D)",
        "2 / D",
        "2 / D is the variance",
    ),
    slip(
        "a2.init_net",
        "small numbers of one size",
        "np.sqrt(2 / D)",
        "0.01",
        "standard deviation 0.01, it should be",
    ),
    slip("a2.init_net", "the fan on the other side", "np.sqrt(2 / D)", "np.sqrt(2 / M)", "D, not M"),
    slip("a2.init_net", "Xavier's factor", "np.sqrt(2 / D)", "np.sqrt(1 / D)", "ReLUs need the 2"),
    slip("a2.init_net", "w is (M, D)", "(D, M))\n", "(M, D))\n", "it looks transposed"),
    slip(
        "a2.init_net",
        "all weights are zero",
        "rng.normal(0, np.sqrt(2 / D), (D, M))",
        "np.zeros((D, M))",
        "standard deviation 0,",
    ),
    slip("a2.init_net", "not from rng", "rng.normal(", "np.random.normal(", "from the same rng once more"),
    slip("a2.init_net", "gamma starts at zero", "np.ones(M)", "np.zeros(M)", "params['gamma1']"),
    slip(
        "a2.init_net",
        "the last layer gets a norm",
        "norm and i < len(sizes) - 1",
        "norm",
        "gamma3, beta3 is too much",
    ),
    slip("a2.init_net", "counted from 0", "start=1", "start=0", "is missing"),
    slip("a2.init_net", "any norm will do", "if norm not in", "if False and norm not in", 'norm is "bach"'),
    slip(
        "a2.net_forward",
        "a ReLU after the last layer",
        'scores, affine = affine_forward(out, params[f"w{L}"], params[f"b{L}"])',
        'scores, affine = affine_forward(out, params[f"w{L}"], params[f"b{L}"])\n    scores *= scores > 0',
        "the last layer is affine alone, without a ReLU",
    ),
    slip(
        "a2.net_forward",
        "the ReLU is forgotten",
        "out, relu = relu_forward(out)",
        "relu = out",
        "a ReLU is missing between the layers",
    ),
    slip("a2.net_forward", "a layer is left out", "range(1, L)", "range(1, L - 1)", "matmul"),
    slip("a2.net_forward", "one mask for all layers", "(*key, i)", "key", "a key of its own, (*key, i)"),
    slip(
        "a2.net_forward",
        "evaluation drops as well",
        "(*key, i), train)",
        "(*key, i))",
        "in evaluation nothing is dropped",
    ),
    slip(
        "a2.net_forward",
        "the batch's own statistics in evaluation",
        '() if train else (running[f"mean{i}"], running[f"var{i}"])',
        "()",
        "in evaluation batch norm takes the running statistics",
    ),
    slip("a2.net_forward", "layer norm for batch norm", 'norm == "layer"', "norm", "it is the other norm"),
    slip(
        "a2.net_forward",
        "x is standardised in place",
        "    out = x\n",
        "    x -= x.mean(axis=0)\n    out = x\n",
        "x was changed in place",
    ),
    slip(
        "a2.net_backward",
        "the ReLU is forgotten",
        "relu_backward(dropout_backward(dout, dropout), relu)",
        "dropout_backward(dout, dropout)",
        "missing-mask in w",
    ),
    slip(
        "a2.net_backward",
        "dropout is forgotten",
        "relu_backward(dropout_backward(dout, dropout), relu)",
        "relu_backward(dout, relu)",
        "missing-mask in w1",
    ),
    slip(
        "a2.net_backward",
        "dout does not go on",
        'dout, grads[f"w{i}"], grads[f"b{i}"] = affine_backward(dout, affine)',
        '_, grads[f"w{i}"], grads[f"b{i}"] = affine_backward(dout, affine)',
        "could not be broadcast",
    ),
    slip(
        "a2.net_backward",
        "the first layer is left out",
        "range(L - 1, 0, -1)",
        "range(L - 1, 1, -1)",
        "w1, b1 is missing",
    ),
    slip(
        "a2.net_backward",
        "from the first to the last",
        "range(L - 1, 0, -1)",
        "range(1, L)",
        "could not be broadcast",
    ),
    slip(
        "a2.net_backward",
        "the caches are those of the next layer",
        "caches[i - 1]",
        "caches[i % len(caches)]",
        "could not be broadcast",
    ),
    slip(
        "a2.net_backward",
        "the norm gives no gradients of its own",
        'dout, grads[f"gamma{i}"], grads[f"beta{i}"] = norm_backward(dout, normed)',
        "dout = norm_backward(dout, normed)[0]",
        "is missing",
    ),
    slip(
        "a2.net_backward",
        "gamma and beta are exchanged",
        'grads[f"gamma{i}"], grads[f"beta{i}"] =',
        'grads[f"beta{i}"], grads[f"gamma{i}"] =',
        "what backward returns as dgamma1 is dbeta1",
    ),
    slip(
        "a2.net_loss",
        "biases are in the penalty",
        'name.startswith("w")',
        "True",
        "the penalty is for the weights alone",
    ),
    slip(
        "a2.net_loss",
        "the half is forgotten",
        "0.5 * strength",
        "strength",
        "the penalty is half the sum of squares",
    ),
    slip(
        "a2.net_loss",
        "the penalty has no gradient",
        "+ strength * params[name]",
        "+ 0 * params[name]",
        "what the penalty adds to grads['w1']",
    ),
    slip(
        "a2.net_loss",
        "the penalty's gradient is twice too large",
        "+ strength *",
        "+ 2 * strength *",
        "it is 2 times too large",
    ),
    slip(
        "a2.net_loss",
        "a penalty of the first layer only",
        "in params:\n",
        'in ["w1"]:\n',
        "the penalty holds the first layer alone",
    ),
    slip(
        "a2.net_loss",
        "the options are not handed on",
        "x, **options",
        "x",
        "the options are not handed on to net_forward",
    ),
    slip(
        "a2.net_loss",
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
