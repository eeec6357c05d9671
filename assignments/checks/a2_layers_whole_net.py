"""How the exercises of a2-layers are checked: a deep net, and two tests that catch wrong forms and bad manners."""

import inspect

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise

SIZES = (5, 4, 6, 3)


@exercise(
    "a2.init_net",
    file="net.py",
    minutes=15,
    hints=(
        "zip(sizes[:-1], sizes[1:]) gives the D and M of every layer; enumerate(..., start=1) counts them.",
        "rng.normal takes the standard deviation, not the variance. The last layer has no norm: i < len(sizes) - "
        "1.",
        'params[f"w{i}"] = rng.normal(0, np.sqrt(2 / D), (D, M)); params[f"b{i}"] = np.zeros(M); with a norm '
        "also gamma = np.ones(M) and beta = np.zeros(M)",
    ),
)
def init_net(mine, rng):
    """Names, shapes, the spread of the weights, zeros and ones, draws from rng alone, the error."""
    for norm in (None, "batch", "layer"):
        params, shapes = mine(SIZES, np.random.default_rng(0), norm=norm), {}
        for i in (1, 2, 3):
            shapes |= {f"w{i}": (SIZES[i - 1], SIZES[i]), f"b{i}": (SIZES[i],)}
            if norm and i < 3:
                shapes |= {f"gamma{i}": (SIZES[i],), f"beta{i}": (SIZES[i],)}
        has_keys(params, shapes, f"params, for norm={norm!r},")
        for name, size in shapes.items():
            expect.shape(params[name], size, f"params[{name!r}]")
            if name[0] != "w":
                value = np.ones(size) if name.startswith("gamma") else np.zeros(size)
                expect.equal(params[name], value, f"params[{name!r}]")
    wide = mine((200, 300, 100), np.random.default_rng(0))
    for name, D in (("w1", 200), ("w2", 300)):
        std, right = wide[name].std(), (2 / D) ** 0.5
        words = f"params[{name!r}] has standard deviation {std:.3g}, it should be sqrt(2 / {D}) = {right:.3g}"
        expect.true(abs(std / right - 1) < 0.05, words)
        expect.true(abs(wide[name].mean()) < 0.1 * right, f"params[{name!r}] should have mean 0")
        kurtosis = ((wide[name] / std) ** 4).mean()
        expect.true(2.7 < kurtosis < 3.3, f"params[{name!r}] should be normal numbers: rng.normal")
    again, other = (mine(SIZES, np.random.default_rng(seed))["w1"] for seed in (0, 1))
    expect.equal(again, mine(SIZES, np.random.default_rng(0))["w1"], "w1 from the same rng once more")
    expect.true(not np.array_equal(again, other), "another rng gives the same weights: draw them from rng")
    expect.raises(ValueError, lambda: mine(SIZES, rng, norm="bach"), 'norm is "bach"')


def has_keys(found, right, words):
    """Expect a dict with these keys."""
    expect.true(isinstance(found, dict), f"{words} should be a dict, it is {expect.described(found)}")
    missing, extra = [n for n in right if n not in found], [n for n in found if n not in right]
    expect.true(not missing, f"{words} should have the keys {', '.join(right)}: {', '.join(missing)} is missing")
    expect.true(not extra, f"{words} should have the keys {', '.join(right)}: {', '.join(extra)} is too much")


def draw(rng, norm):
    """Draw parameters, every one of which matters, and an x."""
    params = {}
    for i, (D, M) in enumerate(zip(SIZES, SIZES[1:]), start=1):
        params[f"w{i}"], params[f"b{i}"] = rng.normal(size=(D, M)), 0.3 * rng.normal(size=M)
        if norm and i < 3:
            params[f"gamma{i}"], params[f"beta{i}"] = rng.uniform(0.5, 2, M), rng.normal(size=M)
    return params, rng.normal(size=(8, 5))


def scores_of(mine, params, x, norm, drop, key, train, running):
    """What net_forward should give, in plain array code, but for dropout, which is the learner's own."""
    for i in (1, 2):
        x = x @ params[f"w{i}"] + params[f"b{i}"]
        if norm:
            axis = 1 if norm == "layer" else 0
            mean, var = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
            if norm == "batch" and not train:
                mean, var = running[f"mean{i}"], running[f"var{i}"]
            x = params[f"gamma{i}"] * (x - mean) / (var + 1e-5) ** 0.5 + params[f"beta{i}"]
        x = np.where(x > 0, x, 0)
        x = expect.function(mine, "dropout_forward")(x, drop, (*key, i), train)[0]
    return x @ params["w3"] + params["b3"]


@exercise(
    "a2.net_forward",
    file="net.py",
    minutes=30,
    points=3,
    hints=(
        "A loop over the layers but the last, in which `out` goes from one part to the next; the last affine "
        "after it.",
        "Every part returns (out, cache): collect the caches of a layer in a tuple, and the tuples in a list. "
        "For batch norm in evaluation hand on the two running statistics, else none.",
        'out, affine = affine_forward(out, params[f"w{i}"], params[f"b{i}"]); then the norm; out, relu = '
        "relu_forward(out); out, dropout = dropout_forward(out, drop, (*key, i), train); caches.append((affine, "
        "normed, relu, dropout))",
    ),
)
def net_forward(mine, rng):
    """Scores with each norm, with and without dropout, in training and evaluation; manners; another depth."""
    for norm in (None, "layer", "batch"):
        for drop, train in ((0.0, True), (0.4, True), (0.4, False)):
            params, x = draw(rng, norm)
            running = {f"mean{i}": rng.normal(size=SIZES[i]) for i in (1, 2)}
            running |= {f"var{i}": rng.uniform(0.5, 2, SIZES[i]) for i in (1, 2)}
            options = dict(norm=norm, drop=drop, key=(1, 2), train=train, running=running)
            call = expect.unchanged(lambda: mine(params, x, **options), x=x, **params, **running)
            scores, _ = expect.pair(call, "net_forward")
            told = dict(norm=norm, drop=drop, train=train)
            expect.equal(scores, scores_of(mine, params, x, **options), "scores", given=told)
    linear = {"w1": params["w1"], "b1": params["b1"]}
    expect.equal(mine(linear, x)[0], x @ params["w1"] + params["b1"], "scores of a net of one layer")


def by_position(function, names):
    """Make a function of a dict one of arrays by position, whose names the doctor can read."""

    def positional(*values):
        return function(dict(zip(names, values)))

    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    positional.__signature__ = inspect.Signature([inspect.Parameter(name, keyword) for name in names])
    positional.__name__ = f"{getattr(function, '__name__', 'net')}"
    return positional


@exercise(
    "a2.net_backward",
    file="net.py",
    minutes=30,
    points=3,
    hints=(
        "Read your net_forward from the bottom to the top: each line becomes its backward.",
        "range(L - 1, 0, -1) goes through the layers in reverse; within one: dropout, ReLU, norm, affine. Keep "
        "one variable, dout, that each step replaces.",
        'dout, grads[f"w{L}"], grads[f"b{L}"] = affine_backward(dscores, affine); in the loop: dout = '
        "relu_backward(dropout_backward(dout, dropout), relu); then the norm's backward, then affine_backward",
    ),
)
def net_backward(mine, rng):
    """The keys of the gradients, and the doctor's judgement of each, for every norm and with dropout."""
    net_forward = expect.function(mine, "net_forward")
    for norm, drop in ((None, 0.0), (None, 0.4), ("layer", 0.4), ("batch", 0.0)):
        params, x = draw(rng, norm)
        options = dict(norm=norm, drop=drop, key=(5,))
        scores, cache = net_forward(params, x, **options)
        words = f"what net_backward returns, for norm={norm!r},"
        has_keys(expect.unchanged(lambda: mine(scores, cache), dscores=scores), params, words)

        def forward(params, x=x, options=options):
            return net_forward(params, x, **options)

        def backward(dscores, cache, params=params):
            grads = mine(dscores, cache)
            return tuple(grads[name] for name in params)

        expect.gradients(by_position(forward, params), backward, tuple(params.values()))


@exercise(
    "a2.net_loss",
    file="net.py",
    minutes=20,
    points=2,
    hints=(
        "Three calls, one after the other: scores, loss, gradients. The penalty is added to what they give.",
        'name.startswith("w") tells the weights. Both sides of the penalty are needed: in the loss and in the '
        "gradient.",
        "loss += 0.5 * strength * float((params[name] ** 2).sum()); grads[name] = grads[name] + strength * "
        "params[name]",
    ),
)
def net_loss(mine, rng):
    """The loss with and without a penalty, the keys, and the doctor's judgement of each gradient."""
    net_forward = expect.function(mine, "net_forward")
    y = rng.integers(0, 3, 8)
    for strength, norm, drop in ((0.0, None, 0.0), (0.3, None, 0.0), (0.3, "layer", 0.4)):
        params, x = draw(rng, norm)
        options = dict(norm=norm, drop=drop, key=(5,))
        call = expect.unchanged(lambda: mine(params, x, y, strength=strength, **options), x=x, y=y, **params)
        loss, grads = expect.pair(call, "net_loss")
        scores = net_forward(params, x, **options)[0]
        expected = np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(scores, y)])
        expected += sum(0.5 * strength * (w**2).sum() for name, w in params.items() if name[0] == "w")
        expect.equal(loss, float(expected), "loss", given=dict(strength=strength, norm=norm, drop=drop))
        has_keys(grads, params, "grads")

        def forward(params, x=x, strength=strength, options=options):
            return mine(params, x, y, strength=strength, **options)

        def backward(dout, grads, params=params):
            return tuple(dout * grads[name] for name in params)

        expect.gradients(by_position(forward, params), backward, tuple(params.values()))


@exercise(
    "a2.catch_wrong_form",
    file="catch.py",
    minutes=20,
    points=2,
    hints=(
        "Before you compare any number: how many gradients came, and of what shape and dtype is each?",
        "Compare shape and dtype with ==, the number of gradients with len. To measure the gradient of input i, "
        "hold the others: forward(*inputs[:i], value, *inputs[i + 1:])[0] as a function of value.",
        "if len(grads) != len(inputs) or any(g.shape != v.shape or g.dtype != v.dtype for g, v in zip(grads, "
        "inputs)): return False; then compare each grad with numerical_gradient(lambda v: forward(*inputs[:i], "
        "v, *inputs[i + 1:])[0], inputs[i], dout)",
    ),
)
def catch_wrong_form(mine, rng):
    """An affine layer, right and wrong: a gradient missing, of another shape, of another dtype, exchanged."""
    rng = rng.spawn(1)[0]  # so that a dout drawn with default_rng(0) is not x
    inputs = rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3)

    def affine(x, w, b):
        return x @ w + b, (x, w)

    def right(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

    def changed(change):
        return affine, lambda dout, cache: change(*right(dout, cache), dout), inputs

    wrongs = {
        "db is twice too large": changed(lambda dx, dw, db, dout: (dx, dw, 2 * db)),
        "the gradient of b is left out": changed(lambda dx, dw, db, dout: (dx, dw)),
        "db has shape (1, 3), and b has (3,)": changed(lambda dx, dw, db, dout: (dx, dw, db[None])),
        "dw is float32, and w is float64": changed(lambda dx, dw, db, dout: (dx, dw.astype(np.float32), db)),
        "dx and dw are exchanged": changed(lambda dx, dw, db, dout: (dw, dx, db)),
        "dw is transposed": changed(lambda dx, dw, db, dout: (dx, dw.T, db)),
        "there is a fourth gradient": changed(lambda dx, dw, db, dout: (dx, dw, db, dout)),
    }
    expect.catches(mine, (affine, right, inputs), wrongs)
    one = (rng.normal(size=(2, 3)),)
    square = (lambda x: (x**2, x)), (lambda dout, x: (2 * x * dout,)), one
    expect.catches(mine, square, {"dx without its factor 2": (square[0], lambda dout, x: (x * dout,), one)})


@exercise(
    "a2.catch_bad_manners",
    file="catch.py",
    minutes=25,
    points=3,
    hints=(
        "The numbers are right every time you look. So look at what they did to the arrays that you handed them.",
        "Hand over copies and compare them with the originals afterwards: x for forward, dout for backward. Call "
        "backward twice with the same cache. Then run forward on another input, and call it with the first cache "
        "again.",
        "dx = np.array(backward(dout.copy(), cache)); forward(1 - 2 * x); return "
        "bool(np.array_equal(backward(dout.copy(), cache), dx)), after the same comparison for x and dout",
    ),
)
def catch_bad_manners(mine, rng):
    """Layers that behave, and layers that write into x, dout or the cache, or remember the latest forward only."""
    rng = rng.spawn(1)[0]  # so that a dout drawn with default_rng(0) is not x
    x, latest = rng.normal(size=(4, 5)), {}
    mask = rng.random((4, 5)) > 0.5

    def relu(x):
        return np.maximum(x, 0), x

    def relu_backward(dout, x):
        return dout * (x > 0)

    def overwriting(x):
        before = x.copy()
        return np.maximum(x, 0, out=x).copy(), before

    def into_dout(dout, x):
        dout[x <= 0] = 0
        return dout

    def with_list(x):
        return np.maximum(x, 0), [x]

    def with_mask(x):
        return np.maximum(x, 0), (x > 0).astype(float)

    def into_cache(dout, mask):
        mask *= dout
        return mask

    def remembering(x):
        latest["x"] = x.copy()
        return np.maximum(x, 0), None

    def dropping(x):
        return 2 * x * mask, None

    wrongs = {
        "forward writes its output into x": (overwriting, relu_backward, x.copy()),
        "backward sets elements of dout to 0": (relu, into_dout, x.copy()),
        "backward writes dx into the cache": (with_mask, into_cache, x.copy()),
        "backward takes x out of the cache, so that the next one finds none": (
            with_list,
            lambda dout, cache: dout * (cache.pop() > 0),
            x.copy(),
        ),
        "backward uses the x of the latest forward": (
            remembering,
            lambda dout, cache: dout * (latest["x"] > 0),
            x.copy(),
        ),
    }
    expect.catches(mine, (relu, relu_backward, x.copy()), wrongs)
    expect.catches(mine, (dropping, lambda dout, cache: 2 * dout * mask, x.copy()), {})
