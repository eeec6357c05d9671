"""How the exercises of a2-layers are checked: batch norm, layer norm and group norm."""

import functools

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


def of_dtype(grads, dtype, names):
    """Expect gradients to be arrays of one dtype."""
    for name, grad in zip(names, grads):
        found = getattr(grad, "dtype", type(grad).__name__)
        expect.true(found == dtype, f"given {np.dtype(dtype)}, {name} is {found}: look for arrays made as float64")


def standardised(x, axes, eps):
    """Give x mean 0 and variance 1 over these axes."""
    return (x - x.mean(axes, keepdims=True)) / (x.var(axes, keepdims=True) + eps) ** 0.5


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
    for eps in (0.5, 1e-5):
        call = expect.unchanged(lambda: mine(x, gamma, beta, eps=eps), **given)
        out, cache = expect.pair(call, "batch_norm_forward")
        centred, std = x - mean, (var + eps) ** 0.5
        x_hats = {
            "mean and variance belong to a feature, over the batch, not to an example": standardised(x, 1, eps),
            "the variance is divided by N - 1, not by N": centred / (var * 6 / 5 + eps) ** 0.5,
            "eps belongs under the root": centred / (var**0.5 + eps),
            "eps is left out": centred / var**0.5,
            "it is divided by the variance, not by its root": centred / (var + eps),
            "the mean is not subtracted": x / std,
        }
        misses = {words: gamma * x_hat + beta for words, x_hat in x_hats.items()}
        misses |= {"beta is left out": gamma * centred / std, "gamma is left out": centred / std + beta}
        slips.equal(out, gamma * centred / std + beta, "out", remedies=misses, given=dict(x=x, eps=eps))
    expect.true(
        isinstance(cache, tuple) and len(cache) >= 2, "the cache should be a tuple that ends in mean and var"
    )
    expect.equal(cache[-2], mean, "cache[-2], the mean,")
    expect.equal(cache[-1], var, "cache[-1], the variance,")
    fixed = dict(mean=rng.normal(size=4), var=rng.uniform(0.5, 2, 4))
    call = expect.unchanged(lambda: mine(x, gamma, beta, **fixed), **given, **fixed)
    expected = gamma * (x - fixed["mean"]) / (fixed["var"] + 1e-5) ** 0.5 + beta
    misses = {"the batch's own mean and variance are used, not those that are given": gamma * centred / std + beta}
    out, _ = expect.pair(call, "batch_norm_forward")
    slips.equal(out, expected, "out in evaluation", remedies=misses, given=dict(x=x))
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
    x, gamma, beta = inputs
    dout, cache = rng.normal(size=(6, 4)), forward(*inputs)[1]
    x_hat, std = standardised(x, 0, 1e-5), (x.var(axis=0) + 1e-5) ** 0.5
    grads = mine(dout.copy(), cache)
    expect.true(isinstance(grads, tuple) and len(grads) == 3, "it should return (dx, dgamma, dbeta)")
    middle, product = dout.mean(axis=0), x_hat * (dout * x_hat).mean(axis=0)
    misses = {
        "sums over the batch stand where means are due": gamma / std * (dout - 6 * middle - 6 * product),
        "the path through the mean lacks its 1 / N": gamma / std * (dout - 6 * middle - product),
        "the path through the variance lacks its 1 / N": gamma / std * (dout - middle - 6 * product),
        "the path through the variance counts twice": gamma / std * (dout - middle - 2 * product),
        "the path through the variance has the wrong sign": gamma / std * (dout - middle + product),
        "gamma is left out": (dout - middle - product) / std,
        "1 / std is left out": gamma * (dout - middle - product),
    }
    slips.none_of(grads[0], gamma / std * (dout - middle - product), "dx", misses)
    summed = (dout * x_hat).sum(axis=0)
    misses = {
        "it is the sum of dout * x_hat, not of dout": dout.sum(axis=0),
        "it is the sum of dout * x_hat, not of dout * x": (dout * x).sum(axis=0),
        "it is the sum of dout * x_hat, without gamma": gamma * summed,
    }
    if not np.allclose(grads[2], summed):  # then dgamma and dbeta are exchanged
        slips.none_of(grads[1], summed, "dgamma", misses)
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

    @functools.wraps(mine)  # so that the doctor points at the learner's lines
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
        keep, step, old, new = momentum, 1 - momentum, given["var"], given["batch_var"]
        swapped = "momentum is the share of the old that is kept"
        right, other = (share * given["mean"] + (1 - share) * given["batch_mean"] for share in (keep, step))
        slips.equal(mean, right, "the new mean", remedies={swapped: other}, given=told)
        misses = {
            "the batch's variance is to be multiplied by N / (N - 1)": keep * old + step * new,
            "the factor is N / (N - 1), not the other way round": keep * old + step * new / factor,
            "the factor belongs to the batch's variance alone": factor * (keep * old + step * new),
            swapped: step * old + keep * factor * new,
        }
        slips.equal(var, keep * old + step * factor * new, "the new variance", remedies=misses, given=told)


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
        for eps in (0.5, 1e-5):
            call = expect.unchanged(lambda: mine(x, gamma, beta, eps=eps), **given)
            expected = np.zeros_like(x)
            for n, row in enumerate(x):
                mean = sum(row) / 4
                expected[n] = gamma * (row - mean) / (sum((row - mean) ** 2) / 4 + eps) ** 0.5 + beta
            out, _ = expect.pair(call, "layer_norm_forward")
            std = (x.var(axis=1, keepdims=True) + eps) ** 0.5
            x_hats = {
                "mean and variance belong to an example, over its features": standardised(x, 0, eps),
                "the mean is not subtracted": x / std,
                "it is divided by the variance, not by its root": standardised(x, 1, eps) / std,
                "eps belongs under the root": (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + eps),
            }
            misses = {words: gamma * x_hat + beta for words, x_hat in x_hats.items()}
            slips.equal(out, expected, "out", remedies=misses, given=dict(x=x, eps=eps))
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
        inputs = rng.normal(3, 2, (N, 4)), rng.normal(size=4), rng.normal(size=4)
        x, gamma, _ = inputs
        dout, x_hat = rng.normal(size=(N, 4)), standardised(x, 1, 1e-5)
        std = (x.var(axis=1, keepdims=True) + 1e-5) ** 0.5

        def projected(d, axis, x_hat=x_hat):
            return d - d.mean(axis, keepdims=True) - x_hat * (d * x_hat).mean(axis, keepdims=True)

        misses = {
            "gamma differs from feature to feature, so it goes inside the means": gamma * projected(dout, 1) / std,
            "gamma is left out": projected(dout, 1) / std,
            "the means are over features, not over the batch": projected(dout * gamma, 0) / std,
        }
        found = mine(dout.copy(), forward(*inputs)[1])
        expect.true(isinstance(found, tuple) and len(found) == 3, "it should return (dx, dgamma, dbeta)")
        slips.none_of(found[0], projected(dout * gamma, 1) / std, "dx", misses)
        expect.gradients(forward, mine, inputs)


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
        apart = x.reshape(2, size, groups, 4, 3)
        x_hats = {
            "all channels are one group, whatever groups is": standardised(x, (1, 2, 3), 0.1),
            "each channel is a group, whatever groups is": standardised(x, (2, 3), 0.1),
            "mean and variance are taken over the batch as well": standardised(x, (0, 2, 3), 0.1),
            "the channels of a group lie side by side": standardised(apart, (1, 3, 4), 0.1).reshape(x.shape),
            "groups is their number, not their size": standardised(apart, (2, 3, 4), 0.1).reshape(x.shape),
        }
        misses = {words: gamma[:, None, None] * x_hat + beta[:, None, None] for words, x_hat in x_hats.items()}
        slips.equal(out, expected, "out", remedies=misses, given=dict(x=x, groups=groups, eps=0.1))
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
