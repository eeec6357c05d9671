"""cs231n.classifiers.fc_net: networks of affine layers, with dropout and norms in the spelling of each year."""

from typing import Any

import numpy as np

from nnscratch.interop.cs231n import layer_utils, layers
from nnscratch.interop.cs231n.dialects import dialect

__all__ = ["FullyConnectedNet", "TwoLayerNet"]

NORMS: dict[str | None, tuple[Any, Any]] = {
    None: (layer_utils.affine_relu_forward, layer_utils.affine_relu_backward),
    "batchnorm": (layer_utils.affine_bn_relu_forward, layer_utils.affine_bn_relu_backward),
    "layernorm": (layer_utils.affine_ln_relu_forward, layer_utils.affine_ln_relu_backward),
}


class TwoLayerNet:
    """affine - ReLU - affine - softmax, with 0.5 * reg * sum(W * W) for both weights.

    >>> net = TwoLayerNet(input_dim=4, hidden_dim=5, num_classes=3)
    >>> net.loss(np.ones((2, 4))).shape, round(net.loss(np.ones((2, 4)), np.array([0, 1]))[0], 3)
    ((2, 3), 1.099)
    """

    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.reg = reg
        self.params = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }

    def loss(self, X, y=None):
        """Without y the scores (N, C) of X (N, ...); with labels (loss, grads)."""
        params = self.params
        hidden, first = layer_utils.affine_relu_forward(X, params["W1"], params["b1"])
        scores, second = layers.affine_forward(hidden, params["W2"], params["b2"])
        if y is None:
            return scores
        loss, dscores = layers.softmax_loss(scores, y)
        grads = {}
        dhidden, grads["W2"], grads["b2"] = layers.affine_backward(dscores, second)
        _, grads["W1"], grads["b1"] = layer_utils.affine_relu_backward(dhidden, first)
        return add_penalty(loss, grads, params, self.reg), grads


def add_penalty(loss, grads, params, reg):
    """Return loss + 0.5 * reg * sum(W * W) over all parameters W1, W2, ...; their share is added to grads.

    >>> grads = {"W1": np.zeros(1)}
    >>> add_penalty(1.0, grads, {"W1": np.full(1, 2.0), "b1": np.ones(1)}, reg=0.5), grads["W1"]
    (2.0, array([1.]))
    """
    for name, w in params.items():
        if name.startswith("W"):
            loss = loss + 0.5 * reg * float((w * w).sum())
            grads[name] = grads[name] + reg * w
    return loss


class AnyDepthNet:
    """(affine - [norm] - ReLU - [dropout]) for each hidden layer, then affine - softmax.

    `p` is dropout_param["p"], None for no dropout; `normalization` None, "batchnorm" or "layernorm". The years'
    FullyConnectedNets are this one under other options. Raises ValueError for another normalization.

    >>> net = AnyDepthNet([5, 4], 3, 2, None, "layernorm", reg=0.0, weight_scale=0.1, dtype=np.float64, seed=None)
    >>> sorted(net.params)
    ['W1', 'W2', 'W3', 'b1', 'b2', 'b3', 'beta1', 'beta2', 'gamma1', 'gamma2']
    """

    def __init__(self, hidden_dims, input_dim, num_classes, p, normalization, reg, weight_scale, dtype, seed):
        if normalization not in NORMS:
            raise ValueError(f"normalization is {normalization!r}: give None, 'batchnorm' or 'layernorm'")
        self.normalization, self.reg, self.dtype = normalization, reg, dtype
        self.use_dropout = p is not None
        self.num_layers = len(hidden_dims) + 1
        self.params = {}
        sizes = [input_dim, *hidden_dims, num_classes]
        for number, (before, after) in enumerate(zip(sizes, sizes[1:]), 1):
            self.params[f"W{number}"] = weight_scale * np.random.randn(before, after)
            self.params[f"b{number}"] = np.zeros(after)
            if normalization and number < self.num_layers:
                self.params[f"gamma{number}"], self.params[f"beta{number}"] = np.ones(after), np.zeros(after)
        self.params = {name: value.astype(dtype) for name, value in self.params.items()}
        self.dropout_param = {"mode": "train", "p": p} if self.use_dropout else {}
        if self.use_dropout and seed is not None:
            self.dropout_param["seed"] = seed
        self.bn_params = [{"mode": "train"} for _ in hidden_dims] if normalization == "batchnorm" else []
        if normalization == "layernorm":
            self.bn_params = [{} for _ in hidden_dims]

    def loss(self, X, y=None):
        """Without y the scores (N, C) in test mode; with labels (loss, grads) in training mode."""
        mode = "test" if y is None else "train"
        for settings in (self.dropout_param, *self.bn_params):
            if "mode" in settings:
                settings["mode"] = mode
        out, caches = X.astype(self.dtype), []
        for number in range(1, self.num_layers):
            out, cache = NORMS[self.normalization][0](out, *self._of(number), *self.bn_params[number - 1 : number])
            mask = None
            if self.use_dropout:
                out, mask = layers.dropout_forward(out, self.dropout_param)
            caches.append((cache, mask))
        scores, last = layers.affine_forward(out, *self._of(self.num_layers))
        if y is None:
            return scores
        loss, dscores = layers.softmax_loss(scores, y)
        dout, *found = layers.affine_backward(dscores, last)
        grads = dict(zip(self._names(self.num_layers), found))
        for number in reversed(range(1, self.num_layers)):
            cache, mask = caches[number - 1]
            if self.use_dropout:
                dout = layers.dropout_backward(dout, mask)
            dout, *found = NORMS[self.normalization][1](dout, cache)
            grads.update(zip(self._names(number), found))
        return add_penalty(loss, grads, self.params, self.reg), grads

    def _names(self, number):
        """The names of a layer's parameters, in the order in which its pair takes them."""
        kinds = ("W", "b", "gamma", "beta") if self.normalization and number < self.num_layers else ("W", "b")
        return [f"{kind}{number}" for kind in kinds]

    def _of(self, number):
        return [self.params[name] for name in self._names(number)]


class FullyConnectedNet(AnyDepthNet):
    """The net of 2021 and later; `dropout_keep_ratio` is the share that dropout keeps, 1 for no dropout.

    >>> net = FullyConnectedNet([5], 3, num_classes=2, dropout_keep_ratio=0.5, normalization="batchnorm")
    >>> net.loss(np.ones((2, 3))).shape
    (2, 2)
    """

    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout_keep_ratio=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        p = None if dropout_keep_ratio == 1 else _p(keep=dropout_keep_ratio)
        super().__init__(hidden_dims, input_dim, num_classes, p, normalization, reg, weight_scale, dtype, seed)


class FullyConnectedNet2018(AnyDepthNet):
    """The net of 2018 to 2020; `dropout` is the share that dropout keeps, 1 for no dropout.

    >>> FullyConnectedNet2018([5], input_dim=3, num_classes=2, dropout=0.5).loss(np.ones((2, 3))).shape
    (2, 2)
    """

    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout=1,
        normalization=None,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        p = None if dropout == 1 else _p(keep=dropout)
        super().__init__(hidden_dims, input_dim, num_classes, p, normalization, reg, weight_scale, dtype, seed)


class FullyConnectedNet2017(AnyDepthNet):
    """The net of 2016 and 2017; `dropout` is the share that dropout drops, 0 for no dropout.

    >>> FullyConnectedNet2017([5], input_dim=3, num_classes=2, use_batchnorm=True).loss(np.ones((2, 3))).shape
    (2, 2)
    """

    def __init__(
        self,
        hidden_dims,
        input_dim=3 * 32 * 32,
        num_classes=10,
        dropout=0,
        use_batchnorm=False,
        reg=0.0,
        weight_scale=1e-2,
        dtype=np.float32,
        seed=None,
    ):
        p = None if dropout == 0 else _p(keep=1 - dropout)
        norm = "batchnorm" if use_batchnorm else None
        super().__init__(hidden_dims, input_dim, num_classes, p, norm, reg, weight_scale, dtype, seed)
        self.use_batchnorm = use_batchnorm


NETS = {
    "use_batchnorm": FullyConnectedNet2017,
    "dropout": FullyConnectedNet2018,
    "dropout_keep_ratio": FullyConnectedNet,
}


def _p(keep):
    """What dropout_param["p"] is in the year that is spoken, where a share `keep` is kept."""
    return 1 - keep if dialect().p_is_dropped else keep
