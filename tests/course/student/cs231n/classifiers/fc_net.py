"""A student's networks."""

import numpy as np

from ..layer_utils import *  # noqa: F403
from ..layer_utils import affine_relu_backward, affine_relu_forward
from ..layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
)


class TwoLayerNet:
    def __init__(self, input_dim=3 * 32 * 32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.reg = reg
        self.params = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }

    def loss(self, X, y=None):
        hidden, cache1 = affine_relu_forward(X, self.params["W1"], self.params["b1"])
        scores, cache2 = affine_forward(hidden, self.params["W2"], self.params["b2"])
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        grads = {}
        dh, grads["W2"], grads["b2"] = affine_backward(dscores, cache2)
        _, grads["W1"], grads["b1"] = affine_relu_backward(dh, cache1)
        for name in ("W1", "W2"):
            loss += 0.5 * self.reg * np.sum(self.params[name] ** 2)
            grads[name] += self.reg * self.params[name]
        return loss, grads


class FullyConnectedNet:
    def __init__(
        self, hidden_dims, input_dim=3 * 32 * 32, num_classes=10, dropout_keep_ratio=1, normalization=None,
        reg=0.0, weight_scale=1e-2, dtype=np.float32, seed=None,
    ):  # fmt: skip
        self.normalization, self.reg, self.num_layers = normalization, reg, 1 + len(hidden_dims)
        self.use_dropout = dropout_keep_ratio != 1
        self.params = {}
        dims = [input_dim, *hidden_dims, num_classes]
        for i in range(self.num_layers):
            self.params[f"W{i + 1}"] = (weight_scale * np.random.randn(dims[i], dims[i + 1])).astype(dtype)
            self.params[f"b{i + 1}"] = np.zeros(dims[i + 1], dtype)
            if normalization and i < self.num_layers - 1:
                self.params[f"gamma{i + 1}"] = np.ones(dims[i + 1], dtype)
                self.params[f"beta{i + 1}"] = np.zeros(dims[i + 1], dtype)
        self.dropout_param = {"mode": "train", "p": dropout_keep_ratio}
        if seed is not None:
            self.dropout_param["seed"] = seed
        self.bn_params = [{"mode": "train"} for _ in hidden_dims]

    def loss(self, X, y=None):
        mode = "test" if y is None else "train"
        self.dropout_param["mode"] = mode
        for bn_param in self.bn_params:
            bn_param["mode"] = mode
        norm = {"batchnorm": batchnorm_forward, "layernorm": layernorm_forward}.get(self.normalization)
        back = {"batchnorm": batchnorm_backward, "layernorm": layernorm_backward}.get(self.normalization)
        h, caches, p = X, [], self.params
        for i in range(1, self.num_layers):
            h, fc = affine_forward(h, p[f"W{i}"], p[f"b{i}"])
            bn = drop = None
            if norm:
                h, bn = norm(h, p[f"gamma{i}"], p[f"beta{i}"], self.bn_params[i - 1])
            h, relu = relu_forward(h)
            if self.use_dropout:
                h, drop = dropout_forward(h, self.dropout_param)
            caches.append((fc, bn, relu, drop))
        L = self.num_layers
        scores, last = affine_forward(h, p[f"W{L}"], p[f"b{L}"])
        if y is None:
            return scores
        loss, dh = softmax_loss(scores, y)
        grads = {}
        dh, grads[f"W{L}"], grads[f"b{L}"] = affine_backward(dh, last)
        for i in reversed(range(1, L)):
            fc, bn, relu, drop = caches[i - 1]
            if self.use_dropout:
                dh = dropout_backward(dh, drop)
            dh = relu_backward(dh, relu)
            if norm:
                dh, grads[f"gamma{i}"], grads[f"beta{i}"] = back(dh, bn)
            dh, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(dh, fc)
        for i in range(1, L + 1):
            loss += 0.5 * self.reg * np.sum(p[f"W{i}"] ** 2)
            grads[f"W{i}"] = grads[f"W{i}"] + self.reg * p[f"W{i}"]
        return loss, grads
