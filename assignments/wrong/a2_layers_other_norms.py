"""Wrong answers about layer norm and group norm, as learners write them, and what must be said."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a2.layer_norm_forward",
        "batch norm",
        """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)
""",
        says=("belong to an example, over its features",),
    ),
    Wrong(
        "a2.layer_norm_forward",
        "keepdims is forgotten",
        """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=1) + eps)
    x_hat = (x - x.mean(axis=1)) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)
""",
        says=("could not be broadcast",),
    ),
    Wrong(
        "a2.layer_norm_forward",
        "all is divided by the standard deviation, the mean stays",
        """
def layer_norm_forward(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = x / std
    return gamma * x_hat + beta, (x_hat, gamma, std)
""",
        says=("the mean is not subtracted",),
    ),
    Wrong(
        "a2.layer_norm_backward",
        "gamma is taken out of the means, as in batch norm",
        """
def layer_norm_backward(dout, cache):
    x_hat, gamma, std = cache
    middle, product = dout.mean(axis=1, keepdims=True), (dout * x_hat).mean(axis=1, keepdims=True)
    dx = gamma / std * (dout - middle - x_hat * product)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
""",
        says=("it goes inside the means",),
    ),
    Wrong(
        "a2.layer_norm_backward",
        "means over the batch",
        """
def layer_norm_backward(dout, cache):
    x_hat, gamma, std = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
""",
        says=("the means are over features, not over the batch",),
    ),
    Wrong(
        "a2.layer_norm_backward",
        "dgamma sums over the features",
        """
def layer_norm_backward(dout, cache):
    x_hat, gamma, std = cache
    dx_hat = dout * gamma
    middle, product = dx_hat.mean(axis=1, keepdims=True), (dx_hat * x_hat).mean(axis=1, keepdims=True)
    return (dx_hat - middle - x_hat * product) / std, (dout * x_hat).sum(axis=1), dout.sum(axis=1)
""",
        says=("wrong-shape in gamma",),
    ),
    Wrong(
        "a2.group_norm_forward",
        "the groups are ignored",
        """
def group_norm_forward(x, gamma, beta, groups=1, eps=1e-5):
    axes = (1, 2, 3)
    std = np.sqrt(x.var(axis=axes, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=axes, keepdims=True)) / std
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, gamma, std)
""",
        says=("all channels are one group",),
    ),
    Wrong(
        "a2.group_norm_forward",
        "group g takes every g-th channel",
        """
def group_norm_forward(x, gamma, beta, groups=1, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups:
        raise ValueError("groups")
    parts = x.reshape(N, C // groups, groups, H, W)
    std = np.sqrt(parts.var(axis=(1, 3, 4), keepdims=True) + eps)
    x_hat = ((parts - parts.mean(axis=(1, 3, 4), keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, gamma, std)
""",
        says=("the channels of a group lie side by side",),
    ),
    Wrong(
        "a2.group_norm_forward",
        "gamma meets the columns of pixels",
        """
def group_norm_forward(x, gamma, beta, groups=1, eps=1e-5):
    N, C = x.shape[:2]
    if C % groups:
        raise ValueError("groups")
    rows = x.reshape(N * groups, -1)
    std = np.sqrt(rows.var(axis=1, keepdims=True) + eps)
    x_hat = ((rows - rows.mean(axis=1, keepdims=True)) / std).reshape(x.shape)
    return gamma * x_hat + beta, (x_hat, gamma, std)
""",
        says=("could not be broadcast",),
    ),
    Wrong(
        "a2.group_norm_forward",
        "3 groups of 4 channels are let through",
        """
def group_norm_forward(x, gamma, beta, groups=1, eps=1e-5):
    N, C, size = x.shape[0], x.shape[1], max(1, x.shape[1] // groups)
    x_hat, stds = np.zeros_like(x), []
    for start in range(0, C, size):
        part = x[:, start : start + size]
        std = np.sqrt(part.var(axis=(1, 2, 3), keepdims=True) + eps)
        x_hat[:, start : start + size] = (part - part.mean(axis=(1, 2, 3), keepdims=True)) / std
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, gamma, stds)
""",
        says=("a ValueError was to be raised (4 channels in 3 groups)",),
    ),
    Wrong(
        "a2.group_norm_backward",
        "dgamma is not summed over the batch",
        """
def group_norm_backward(dout, cache):
    x_hat, gamma, std = cache
    dx_hat = (dout * gamma[:, None, None]).reshape(len(std), -1)
    rows = x_hat.reshape(dx_hat.shape)
    middle, product = dx_hat.mean(axis=1, keepdims=True), (dx_hat * rows).mean(axis=1, keepdims=True)
    dx = ((dx_hat - middle - rows * product) / std).reshape(dout.shape)
    return dx, (dout * x_hat).sum(axis=(2, 3)), dout.sum(axis=(2, 3))
""",
        says=("wrong-shape in gamma",),
    ),
    Wrong(
        "a2.group_norm_backward",
        "means over each channel",
        """
def group_norm_backward(dout, cache):
    x_hat, gamma, std = cache
    dx_hat = dout * gamma[:, None, None]
    middle = dx_hat.mean(axis=(2, 3), keepdims=True)
    product = (dx_hat * x_hat).mean(axis=(2, 3), keepdims=True)
    dx = (dx_hat - middle - x_hat * product).reshape(len(std), -1) / std
    return dx.reshape(dout.shape), (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))
""",
        says=("missing-term in x",),
    ),
]
