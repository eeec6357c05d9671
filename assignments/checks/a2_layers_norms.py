"""How the exercises of a2-layers are checked: batch norm, layer norm and group norm."""

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise


def of_dtype(grads, dtype, names):
    """Expect gradients to be arrays of one dtype."""
    for name, grad in zip(names, grads):
        found = getattr(grad, "dtype", type(grad).__name__)
        expect.true(found == dtype, f"given {np.dtype(dtype)}, {name} is {found}: look for arrays made as float64")


@exercise(
    "a2.batch_norm_forward",
    file="batch_norm.py",
    minutes=20,
    points=2,
    hints=(
        "One mean for each feature, so over which axis? In evaluation, where do mean and variance come from?",
        "x.mean(axis=0) and x.var(axis=0), but only if mean is None. eps stands under the root.",
        "std = np.sqrt(var + eps); x_hat = (x - mean) / std; return gamma * x_hat + beta, (x_hat, gamma, std, "
        "mean, var)",
    ),
)
def batch_norm_forward(mine, rng):
    """Values in training and evaluation by loops, the end of the cache, a visible eps, manners, float32."""
    x, gamma, beta = rng.normal(3, 2, (6, 4)), rng.normal(size=4), rng.normal(size=4)
    mean, var = np.array([sum(c) / 6 for c in x.T]), np.array([sum((c - sum(c) / 6) ** 2) / 6 for c in x.T])
    given = dict(x=x, gamma=gamma, beta=beta)
    for eps in (1e-5, 0.5):
        call = expect.unchanged(lambda: mine(x, gamma, beta, eps=eps), **given)
        out, cache = expect.pair(call, "batch_norm_forward")
        expect.equal(out, gamma * (x - mean) / (var + eps) ** 0.5 + beta, "out", given=given | {"eps": eps})
    expect.true(
        isinstance(cache, tuple) and len(cache) >= 2, "the cache should be a tuple that ends in mean and var"
    )
    expect.equal(cache[-2], mean, "cache[-2], the mean,")
    expect.equal(cache[-1], var, "cache[-1], the variance,")
    fixed = dict(mean=rng.normal(size=4), var=rng.uniform(0.5, 2, 4))
    call = expect.unchanged(lambda: mine(x, gamma, beta, **fixed), **given, **fixed)
    expected = gamma * (x - fixed["mean"]) / (fixed["var"] + 1e-5) ** 0.5 + beta
    expect.equal(expect.pair(call, "batch_norm_forward")[0], expected, "out in evaluation", given=given | fixed)
    single = mine(*(np.float32(array) for array in given.values()))[0]
    of_dtype([single], np.float32, ["out"])


@exercise(
    "a2.batch_norm_backward",
    file="batch_norm.py",
    minutes=40,
    points=4,
    hints=(
        "dgamma and dbeta are sums over the batch. For dx, write one line for each line of forward, from the "
        "last to the first; where a number was used twice, add what comes back.",
        "dx_hat = dout * gamma. centred acts on x_hat directly (dx_hat / std) and through std; x acts on centred "
        "directly and through the mean, that is minus the sum of dcentred, shared out over N.",
        "dstd = -(dx_hat * x_hat).sum(0) / std; dvar = dstd / (2 * std); dcentred = dx_hat / std + dvar * 2 * "
        "(x_hat * std) / N; dx = dcentred - dcentred.mean(0)",
    ),
)
def batch_norm_backward(mine, rng):
    """The doctor's judgement."""
    forward = expect.function(mine, "batch_norm_forward")
    inputs = rng.normal(3, 2, (6, 4)), rng.normal(size=4), rng.normal(size=4)
    expect.gradients(forward, mine, inputs)
    single = [np.float32(array) for array in inputs]
    grads = mine(single[0], forward(*single)[1])
    of_dtype(grads, np.float32, ("dx", "dgamma", "dbeta"))


@exercise(
    "a2.batch_norm_dx",
    file="batch_norm.py",
    minutes=25,
    points=2,
    hints=(
        "Begin with your steps: put dcentred into dx, and use that the mean of x_hat over the batch is 0.",
        "Three terms, times gamma / std: dout; minus the mean of dout; minus x_hat times the mean of dout * "
        "x_hat. Both means are over the batch, feature by feature.",
        "return gamma / std * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))",
    ),
)
def batch_norm_dx(mine, rng):
    """The doctor's judgement, with a forward pass of the check's own."""

    def forward(x, gamma):
        std = np.sqrt(x.var(axis=0) + 0.1)
        x_hat = (x - x.mean(axis=0)) / std
        return gamma * x_hat, (x_hat, gamma, std)

    def backward(dout, cache):
        return mine(dout, *cache)

    expect.gradients(forward, backward, (rng.normal(3, 2, (6, 4)), rng.normal(size=4)), wrt=[0])


@exercise(
    "a2.update_running",
    file="batch_norm.py",
    minutes=10,
    hints=(
        "It is a weighted mean of the old and the new. Which of the two gets `momentum`, and which gets the rest?",
        "The old gets momentum. Only the variance gets the factor N / (N - 1); with N = 1 the factor is 1.",
        "unbiased = batch_var * (N / max(N - 1, 1)); return momentum * mean + (1 - momentum) * batch_mean, "
        "momentum * var + (1 - momentum) * unbiased",
    ),
)
def update_running(mine, rng):
    """Values for two batch sizes and momenta; nothing that is given changes."""
    for N, momentum, factor in ((6, 0.9, 6 / 5), (2, 0.7, 2.0), (1, 0.9, 1.0)):
        given = dict(mean=rng.normal(size=4), var=rng.uniform(1, 2, 4))
        given |= dict(batch_mean=rng.normal(size=4), batch_var=rng.uniform(1, 2, 4))
        call = expect.unchanged(lambda: mine(*given.values(), N, momentum=momentum), **given)
        mean, var = expect.pair(call, "update_running")
        told = dict(N=N, momentum=momentum)
        step = 1 - momentum
        expect.equal(
            mean, given["mean"] + step * (given["batch_mean"] - given["mean"]), "the new mean", given=told
        )
        expected = given["var"] + step * (factor * given["batch_var"] - given["var"])
        expect.equal(var, expected, "the new variance", given=told)


@exercise(
    "a2.layer_norm_forward",
    file="other_norms.py",
    minutes=10,
    hints=(
        "It is batch norm with the axes exchanged, without running statistics. Over which axis is the mean?",
        "x.mean(axis=1, keepdims=True): keep the axis, so that N means stand beside N rows. gamma and beta are "
        "still one for each feature.",
        "x_hat = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + eps); out = gamma "
        "* x_hat + beta",
    ),
)
def layer_norm_forward(mine, rng):
    """Values by loops, also where N = D; manners; float32."""
    for N in (6, 4):
        given = dict(x=rng.normal(3, 2, (N, 4)), gamma=rng.normal(size=4), beta=rng.normal(size=4))
        x, gamma, beta = given.values()
        for eps in (1e-5, 0.5):
            call = expect.unchanged(lambda: mine(x, gamma, beta, eps=eps), **given)
            expected = [
                [
                    g * (v - sum(row) / 4) / (sum((row - sum(row) / 4) ** 2) / 4 + eps) ** 0.5 + b
                    for v, g, b in zip(*z)
                ]
                for row in x
                for z in [(row, gamma, beta)]
            ]
            out, _ = expect.pair(call, "layer_norm_forward")
            expect.equal(out, np.array(expected), "out", given=given | {"eps": eps})
    of_dtype([mine(*(np.float32(array) for array in given.values()))[0]], np.float32, ["out"])


@exercise(
    "a2.layer_norm_backward",
    file="other_norms.py",
    minutes=25,
    points=3,
    hints=(
        "dgamma and dbeta are as in batch norm: for which axis are gamma and beta shared?",
        "With dx_hat = dout * gamma: dx = (dx_hat - its mean - x_hat * the mean of dx_hat * x_hat) / std, with "
        "means over the features of each example (keepdims=True).",
        "dx = (dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * (dx_hat * x_hat).mean(axis=1, "
        "keepdims=True)) / std; dgamma = (dout * x_hat).sum(axis=0); dbeta = dout.sum(axis=0)",
    ),
)
def layer_norm_backward(mine, rng):
    """The doctor's judgement."""
    forward = expect.function(mine, "layer_norm_forward")
    for N in (6, 4):
        expect.gradients(forward, mine, (rng.normal(3, 2, (N, 4)), rng.normal(size=4), rng.normal(size=4)))


@exercise(
    "a2.group_norm_forward",
    file="other_norms.py",
    minutes=20,
    points=2,
    hints=(
        "Give x a shape in which each group of each example is one row; then it is layer norm's standardisation.",
        "x.reshape(N * groups, -1) has these rows, because the channels of a group lie side by side. Afterwards "
        "back to x.shape, and gamma[:, None, None] meets the channels.",
        "rows = x.reshape(N * groups, -1); x_hat = ((rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, "
        "keepdims=True) + eps)).reshape(x.shape); out = gamma[:, None, None] * x_hat + beta[:, None, None]",
    ),
)
def group_norm_forward(mine, rng):
    """Values by loops for one, two and four groups, the error, manners, float32."""
    given = dict(x=rng.normal(3, 2, (2, 4, 4, 3)), gamma=rng.normal(size=4), beta=rng.normal(size=4))
    x, gamma, beta = given.values()
    for groups in (2, 1, 4):
        expected, size = np.zeros_like(x), 4 // groups
        for n in range(2):
            for c in range(4):
                group = x[n, c // size * size :][:size]
                expected[n, c] = (x[n, c] - group.mean()) / (group.var() + 0.1) ** 0.5 * gamma[c] + beta[c]
        call = expect.unchanged(lambda: mine(x, gamma, beta, groups=groups, eps=0.1), **given)
        out, _ = expect.pair(call, "group_norm_forward")
        expect.equal(out, expected, "out", given=given | {"groups": groups, "eps": 0.1})
    of_dtype([mine(*(np.float32(array) for array in given.values()))[0]], np.float32, ["out"])
    expect.raises(ValueError, lambda: mine(x, gamma, beta, groups=3), "4 channels in 3 groups")


@exercise(
    "a2.group_norm_backward",
    file="other_norms.py",
    minutes=25,
    points=3,
    hints=(
        "Go the same way: rows of groups for dx, and the shape of x for dgamma and dbeta.",
        "dx_hat = dout * gamma[:, None, None], shaped as rows of groups, follows layer norm's formula. dgamma "
        "and dbeta sum over the axes 0, 2 and 3.",
        "dx_hat = (dout * gamma[:, None, None]).reshape(rows of groups); dx as in layer norm, reshaped to "
        "dout.shape; dgamma = (dout * x_hat).sum(axis=(0, 2, 3)); dbeta = dout.sum(axis=(0, 2, 3))",
    ),
)
def group_norm_backward(mine, rng):
    """The doctor's judgement."""
    forward = expect.function(mine, "group_norm_forward")
    for groups in (2, 1):
        inputs = rng.normal(3, 2, (2, 4, 2, 2)), rng.normal(size=4), rng.normal(size=4)
        expect.gradients(forward, mine, inputs, groups=groups)
