"""A student's convolutional network."""

import numpy as np

from ..layer_utils import (
    affine_relu_backward,
    affine_relu_forward,
    conv_relu_pool_backward,
    conv_relu_pool_forward,
)
from ..layers import affine_backward, affine_forward, softmax_loss


class ThreeLayerConvNet:
    def __init__(
        self, input_dim=(3, 32, 32), num_filters=32, filter_size=7, hidden_dim=100, num_classes=10,
        weight_scale=1e-3, reg=0.0, dtype=np.float32,
    ):  # fmt: skip
        C, H, W = input_dim
        self.reg = reg
        self.params = {
            "W1": weight_scale * np.random.randn(num_filters, C, filter_size, filter_size),
            "b1": np.zeros(num_filters),
            "W2": weight_scale * np.random.randn(num_filters * H * W // 4, hidden_dim),
            "b2": np.zeros(hidden_dim),
            "W3": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b3": np.zeros(num_classes),
        }
        self.params = {k: v.astype(dtype) for k, v in self.params.items()}

    def loss(self, X, y=None):
        p = self.params
        conv_param = {"stride": 1, "pad": (p["W1"].shape[2] - 1) // 2}
        pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        h, c1 = conv_relu_pool_forward(X, p["W1"], p["b1"], conv_param, pool_param)
        h, c2 = affine_relu_forward(h, p["W2"], p["b2"])
        scores, c3 = affine_forward(h, p["W3"], p["b3"])
        if y is None:
            return scores
        loss, dh = softmax_loss(scores, y)
        grads = {}
        dh, grads["W3"], grads["b3"] = affine_backward(dh, c3)
        dh, grads["W2"], grads["b2"] = affine_relu_backward(dh, c2)
        _, grads["W1"], grads["b1"] = conv_relu_pool_backward(dh, c1)
        for name in ("W1", "W2", "W3"):
            loss += 0.5 * self.reg * np.sum(p[name] ** 2)
            grads[name] += self.reg * p[name]
        return loss, grads
