"""Wrong answers about batch norm, as learners write them, and what must be said."""

from tests.course.slips import slip
from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a2.batch_norm_forward",
        "over the features, not over the batch",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std, mean, var)
""",
        says=("belong to a feature, over the batch",),
    ),
    Wrong(
        "a2.batch_norm_forward",
        "the variance is divided by N - 1",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std, mean, var)
""",
        says=("divided by N - 1",),
    ),
    Wrong(
        "a2.batch_norm_forward",
        "eps outside the root",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var) + eps
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std, mean, var)
""",
        says=("eps belongs under the root",),
    ),
    Wrong(
        "a2.batch_norm_forward",
        "the given statistics are ignored",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std, mean, var)
""",
        says=("are used, not those that are given",),
    ),
    Wrong(
        "a2.batch_norm_forward",
        "divided by the variance",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean, var = x.mean(axis=0), x.var(axis=0)
    x_hat = (x - mean) / (var + eps)
    return gamma * x_hat + beta, (x_hat, gamma, var + eps, mean, var)
""",
        says=("divided by the variance, not by its root",),
    ),
    Wrong(
        "a2.batch_norm_forward",
        "beta is forgotten",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat, (x_hat, gamma, std, mean, var)
""",
        says=("beta is left out",),
    ),
    Wrong(
        "a2.batch_norm_forward",
        "x is standardised in place",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    x -= mean
    x /= std
    return gamma * x + beta, (x, gamma, std, mean, var)
""",
        says=("x was changed in place",),
    ),
    Wrong(
        "a2.batch_norm_forward",
        "the cache ends otherwise",
        """
def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    if mean is None:
        mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (mean, var, x_hat, gamma, std)
""",
        says=("cache[-2], the mean,",),
    ),
    Wrong(
        "a2.batch_norm_backward",
        "the path through the mean is forgotten",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    dx_hat = dout * gamma
    dx = (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
""",
        says=("missing-term in x",),
    ),
    Wrong(
        "a2.batch_norm_backward",
        "the path through the variance is forgotten",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
""",
        says=("missing-term in x",),
    ),
    Wrong(
        "a2.batch_norm_backward",
        "the mean and the variance are taken for constants",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    return dout * gamma / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
""",
        says=("missing-term in x",),
    ),
    Wrong(
        "a2.batch_norm_backward",
        "gamma is forgotten",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    dx = (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
""",
        says=("gamma is left out",),
    ),
    Wrong(
        "a2.batch_norm_backward",
        "sums where means are due",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    dx = gamma / std * (dout - dout.sum(axis=0) - x_hat * (dout * x_hat).sum(axis=0))
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
""",
        says=("sums over the batch stand where means are due",),
    ),
    slip(
        "a2.batch_norm_backward",
        "the variance's share of each example is forgotten",
        "(x_hat * std) / len(dout)",
        "(x_hat * std)",
        "the path through the variance lacks its 1 / N",
    ),
    slip(
        "a2.batch_norm_backward",
        "the mean's share of each example is forgotten",
        "dmean / len(dout)",
        "dmean",
        "the path through the mean lacks its 1 / N",
    ),
    slip(
        "a2.batch_norm_backward",
        "the derivative of the root is 1 / std, not 1 / (2 std)",
        "dstd / (2 * std)",
        "dstd / std",
        "the path through the variance counts twice",
    ),
    slip(
        "a2.batch_norm_backward",
        "the minus of 1 / std is lost",
        "dstd = -(",
        "dstd = (",
        "the path through the variance has the wrong sign",
    ),
    Wrong(
        "a2.batch_norm_backward",
        "dgamma is averaged",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    dx = gamma / std * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
    return dx, (dout * x_hat).mean(axis=0), dout.sum(axis=0)
""",
        says=("constant-factor in gamma: dgamma is 6 times too small",),
    ),
    Wrong(
        "a2.batch_norm_backward",
        "dgamma lacks x_hat",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    dx = gamma / std * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
    return dx, dout.sum(axis=0), dout.sum(axis=0)
""",
        says=("it is the sum of dout * x_hat, not of dout",),
    ),
    Wrong(
        "a2.batch_norm_backward",
        "dgamma and dbeta are exchanged",
        """
def batch_norm_backward(dout, cache):
    x_hat, gamma, std, mean, var = cache
    dx = gamma / std * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
    return dx, dout.sum(axis=0), (dout * x_hat).sum(axis=0)
""",
        says=("what backward returns as dgamma is dbeta",),
    ),
    Wrong(
        "a2.batch_norm_dx",
        "the mean of dout is added",
        """
def batch_norm_dx(dout, x_hat, gamma, std):
    return gamma / std * (dout + dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
""",
        says=("sign in x",),
    ),
    Wrong(
        "a2.batch_norm_dx",
        "means over the wrong axis",
        """
def batch_norm_dx(dout, x_hat, gamma, std):
    middle = dout.mean(axis=1, keepdims=True)
    return gamma / std * (dout - middle - x_hat * (dout * x_hat).mean(axis=1, keepdims=True))
""",
        says=("look at every axis=",),
    ),
    Wrong(
        "a2.batch_norm_dx",
        "std squared",
        """
def batch_norm_dx(dout, x_hat, gamma, std):
    return gamma / std**2 * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
""",
        says=("wrong-cache-variable in x",),
    ),
    Wrong(
        "a2.batch_norm_dx",
        "dout is edited",
        """
def batch_norm_dx(dout, x_hat, gamma, std):
    product = (dout * x_hat).mean(axis=0)
    dout -= dout.mean(axis=0)
    return gamma / std * (dout - x_hat * product)
""",
        says=("mutates in dout",),
    ),
    Wrong(
        "a2.update_running",
        "momentum on the wrong side",
        """
def update_running(mean, var, batch_mean, batch_var, N, momentum=0.9):
    unbiased = batch_var * (N / max(N - 1, 1))
    return (1 - momentum) * mean + momentum * batch_mean, (1 - momentum) * var + momentum * unbiased
""",
        says=("momentum is the share of the old that is kept",),
    ),
    Wrong(
        "a2.update_running",
        "the biased variance",
        """
def update_running(mean, var, batch_mean, batch_var, N, momentum=0.9):
    return momentum * mean + (1 - momentum) * batch_mean, momentum * var + (1 - momentum) * batch_var
""",
        says=("is to be multiplied by N / (N - 1)",),
    ),
    Wrong(
        "a2.update_running",
        "N = 1 divides by zero",
        """
def update_running(mean, var, batch_mean, batch_var, N, momentum=0.9):
    unbiased = batch_var * N / (N - 1)
    return momentum * mean + (1 - momentum) * batch_mean, momentum * var + (1 - momentum) * unbiased
""",
        says=("ZeroDivisionError", "N = 1"),
    ),
    Wrong(
        "a2.update_running",
        "in place",
        """
def update_running(mean, var, batch_mean, batch_var, N, momentum=0.9):
    mean *= momentum
    mean += (1 - momentum) * batch_mean
    var *= momentum
    var += (1 - momentum) * batch_var * (N / max(N - 1, 1))
    return mean, var
""",
        says=("mean was changed in place",),
    ),
]
