"""Rows of cs231n/layers.py and cs231n/optim.py."""

import functools

import numpy as np

from nnscratch.course import expect
from nnscratch.course.cs231n.rows import check_backward, check_forward, row, written
from nnscratch.interop.cs231n import layers, optim
from nnscratch.interop.cs231n.dialects import dialect

IMAGES = ((2, 3, 6, 5), (1, 2, 4, 4))


def _affine(rng, shape):
    D = int(np.prod(shape[1:]))
    return rng.normal(size=shape), rng.normal(size=(D, 4)), rng.normal(size=4)


def _norm(rng, shape):
    return 3 + 2 * rng.normal(size=shape), rng.normal(size=shape[1]), rng.normal(size=shape[1]), {"mode": "train"}


def _group(rng, shape):
    scale = (1, shape[1], 1, 1)
    return 3 + 2 * rng.normal(size=shape), rng.normal(size=scale), rng.normal(size=scale), shape[1] // 2, {}


def _conv(rng, shape, stride=1, pad=1):
    x, w = rng.normal(size=shape), rng.normal(size=(3, shape[1], 3, 3))
    return x, w, rng.normal(size=3), {"stride": stride, "pad": pad}


def _pool(rng, shape, size=2, stride=2):
    return rng.normal(size=shape), {"pool_height": size, "pool_width": size, "stride": stride}


def _forward_row(name, inputs, shapes):
    """A row for a forward function that is compared with ours, and one for its backward, by the doctor."""

    @row(f"{name}_forward", "layers.py")
    def forward(mine, rng):
        check_forward(mine, getattr(layers, f"{name}_forward"), inputs, rng, shapes)

    @row(f"{name}_backward", "layers.py")
    def backward(mine, rng):
        for shape in shapes:
            check_backward(mine, inputs(rng, shape))


_forward_row("affine", _affine, ((3, 5), (2, 3, 4)))
_forward_row("relu", lambda rng, shape: (rng.normal(size=shape),), ((3, 5), (2, 3, 4)))


def _loss_row(name):
    @row(name, "layers.py")
    def loss(mine, rng):
        for scale in (1.0, 1000.0) if name == "softmax_loss" else (1.0,):
            x, y = scale * rng.normal(size=(5, 4)), np.array([0, 3, 1, 1, 2])
            found, dx = expect.pair(written(expect.unchanged(functools.partial(mine, x, y), x), name), name)
            expected, _ = getattr(layers, name)(x, y)
            words = " (scores near 1000: take the largest off before exp)" if scale > 1 else ""
            expect.true(np.all(np.isfinite(found)), f"the loss is {found}{words}")
            expect.equal(found, expected, "the loss", given={"x": x, "y": y})
        expect.loss_gradient(mine, rng.normal(size=(5, 4)), np.array([0, 3, 1, 1, 2]))


_loss_row("softmax_loss")
_loss_row("svm_loss")


@row("batchnorm_forward", "layers.py")
def _batchnorm_forward(mine, rng):
    """Values in training, running statistics, values in test mode."""
    check_forward(mine, layers.batchnorm_forward, _norm, rng, ((6, 3),))
    check_running_statistics(mine, (6, 3), rng)


def check_running_statistics(mine, shape, rng):
    """Expect running_mean and running_var to be written into bn_param, and to be used in test mode.

    >>> check_running_statistics(layers.batchnorm_forward, (6, 3), np.random.default_rng(0))
    """
    x, gamma, beta, bn_param = _norm(rng, shape)
    reference, bn_param["momentum"] = {"mode": "train", "momentum": 0.7}, 0.7
    for _ in range(2):
        x = 3 + 2 * rng.normal(size=shape)
        mine(x, gamma, beta, bn_param)
        layers.spatial_batchnorm_forward(x, gamma, beta, reference)
    for name in ("running_mean", "running_var"):
        expect.true(name in bn_param, f"training leaves no {name} in bn_param: the running averages go there")
        expect.equal(np.asarray(bn_param[name]), reference[name], f'bn_param["{name}"]')
    bn_param["mode"] = reference["mode"] = "test"
    out = written(mine(x, gamma, beta, bn_param), mine.__name__)[0]
    expected = layers.spatial_batchnorm_forward(x, gamma, beta, reference)[0]
    expect.equal(out, expected, 'out in mode "test"')


@row("batchnorm_backward", "layers.py")
def _batchnorm_backward(mine, rng):
    """The doctor."""
    check_backward(mine, _norm(rng, (6, 3)))


@row("batchnorm_backward_alt", "layers.py")
def _batchnorm_backward_alt(mine, rng):
    """The doctor."""
    check_backward(mine, _norm(rng, (6, 3)))


_forward_row("layernorm", lambda rng, shape: (*_norm(rng, shape)[:3], {}), ((4, 5), (3, 7)))


@row("dropout_forward", "layers.py")
def _dropout_forward(mine, rng):
    """The share that is kept, the scale of what is kept, test mode."""
    x, p = 1 + rng.random((200, 200)), 0.3
    keep = 1 - p if dialect().p_is_dropped else p
    out, _ = expect.pair(written(mine(x, {"mode": "train", "p": p, "seed": 1}), mine.__name__), mine.__name__)
    expect.shape(out, x.shape, "out")
    share = float(np.mean(out != 0))
    expect.true(
        abs(share - keep) < 0.02,
        f"with p = {p} a share of {share:.2f} is kept, it should be {keep:.2f}: in {dialect().year}, p is the "
        f"share that is {'dropped' if dialect().p_is_dropped else 'kept'}",
    )
    scale = float(np.median(out[out != 0] / x[out != 0]))
    expect.true(
        abs(scale - 1 / keep) < 1e-8,
        f"what is kept is multiplied by {scale:.3g}, it should be 1 / {keep:.2g} (inverted dropout)",
    )
    expect.equal(written(mine(x, {"mode": "test", "p": p}), mine.__name__)[0], x, 'out in mode "test"')


@row("dropout_backward", "layers.py")
def _dropout_backward(mine, rng):
    """The doctor, in training, and dout itself in test mode."""
    x = 1 + rng.random((6, 8))
    check_backward(mine, (x, {"mode": "train", "p": 0.4, "seed": 3}))
    _, cache = expect.function(mine, "dropout_forward")(x, {"mode": "test", "p": 0.4})
    expect.equal(mine(x, cache), x, 'dx in mode "test"')


@row("conv_forward_naive", "layers.py")
def _conv_forward_naive(mine, rng):
    """Values, with stride and padding."""
    for stride, pad, shape in ((1, 1, (2, 3, 5, 4)), (2, 1, (1, 2, 5, 7)), (1, 0, (2, 2, 4, 5))):
        inputs = functools.partial(_conv, stride=stride, pad=pad)
        check_forward(mine, layers.conv_forward_naive, inputs, rng, [shape])


@row("conv_backward_naive", "layers.py")
def _conv_backward_naive(mine, rng):
    """The doctor, with stride and padding."""
    check_backward(mine, _conv(rng, (2, 2, 5, 4)))
    check_backward(mine, _conv(rng, (1, 2, 5, 5), stride=2))


@row("max_pool_forward_naive", "layers.py")
def _max_pool_forward_naive(mine, rng):
    """Values, also of windows that overlap."""
    check_forward(mine, layers.max_pool_forward_naive, _pool, rng, IMAGES[1:])
    check_forward(mine, layers.max_pool_forward_naive, lambda r, s: _pool(r, s, 3, 2), rng, [(2, 2, 7, 5)])


@row("max_pool_backward_naive", "layers.py")
def _max_pool_backward_naive(mine, rng):
    """The doctor, also on windows that overlap."""
    check_backward(mine, _pool(rng, IMAGES[1]))
    check_backward(mine, _pool(rng, (2, 2, 5, 5), 3, 2))


@row("spatial_batchnorm_forward", "layers.py")
def _spatial_batchnorm_forward(mine, rng):
    """Values in training, running statistics, values in test mode."""
    check_forward(mine, layers.spatial_batchnorm_forward, _norm, rng, IMAGES)
    check_running_statistics(mine, IMAGES[0], rng)


@row("spatial_batchnorm_backward", "layers.py")
def _spatial_batchnorm_backward(mine, rng):
    """The doctor."""
    check_backward(mine, _norm(rng, (2, 3, 3, 2)))


_forward_row("spatial_groupnorm", _group, ((2, 6, 3, 2), (1, 4, 4, 4)))


def _rule_row(name):
    @row(name, "optim.py")
    def rule(mine, rng):
        w = ours = rng.normal(size=(3, 2))
        config, expected = {"learning_rate": 0.05}, {"learning_rate": 0.05}
        for step in range(1, 4):
            dw = rng.normal(size=w.shape)
            dw_before = dw.copy()
            w, config = expect.pair(written(mine(w, dw, config), name), name)
            expect.true(np.array_equal(dw, dw_before), "dw was changed in place: work on a copy")
            ours, expected = getattr(optim, name)(ours, dw, expected)
            expect.equal(w, ours, f"w after step {step}")
        for key, value in expected.items():
            expect.true(
                key in config, f"the config that comes back has no {key!r}: store it there for the next step"
            )
            expect.equal(np.asarray(config[key]), np.asarray(value), f'config["{key}"] after 3 steps')


for _name in ("sgd_momentum", "rmsprop", "adam"):
    _rule_row(_name)
