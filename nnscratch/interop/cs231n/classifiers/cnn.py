"""cs231n.classifiers.cnn: a convolutional network of three layers."""

import numpy as np

from nnscratch.interop.cs231n import layer_utils, layers
from nnscratch.interop.cs231n.classifiers.fc_net import add_penalty

__all__ = ["ThreeLayerConvNet"]

POOL = {"pool_height": 2, "pool_width": 2, "stride": 2}


class ThreeLayerConvNet:
    """conv - ReLU - 2x2 max pool - affine - ReLU - affine - softmax; the convolution keeps the image's size.

    >>> net = ThreeLayerConvNet(input_dim=(3, 4, 4), num_filters=2, filter_size=3, hidden_dim=5, num_classes=3)
    >>> net.loss(np.ones((2, 3, 4, 4))).shape
    (2, 3)
    """

    def __init__(
        self,
        input_dim=(3, 32, 32),
        num_filters=32,
        filter_size=7,
        hidden_dim=100,
        num_classes=10,
        weight_scale=1e-3,
        reg=0.0,
        dtype=np.float32,
    ):
        C, H, W = input_dim
        self.reg, self.dtype = reg, dtype
        shapes = {
            "1": (num_filters, C, filter_size, filter_size),
            "2": (num_filters * (H // 2) * (W // 2), hidden_dim),
            "3": (hidden_dim, num_classes),
        }
        self.params = {}
        for number, shape in shapes.items():
            self.params[f"W{number}"] = (weight_scale * np.random.randn(*shape)).astype(dtype)
            self.params[f"b{number}"] = np.zeros(shape[0] if number == "1" else shape[1], dtype)

    def loss(self, X, y=None):
        """Without y the scores (N, C) of X (N, C, H, W); with labels (loss, grads)."""
        W1, b1, W2, b2, W3, b3 = (self.params[kind + number] for number in "123" for kind in "Wb")
        conv_param = {"stride": 1, "pad": (W1.shape[2] - 1) // 2}
        out, first = layer_utils.conv_relu_pool_forward(X.astype(self.dtype), W1, b1, conv_param, POOL)
        out, second = layer_utils.affine_relu_forward(out, W2, b2)
        scores, third = layers.affine_forward(out, W3, b3)
        if y is None:
            return scores
        loss, dout = layers.softmax_loss(scores, y)
        grads = {}
        dout, grads["W3"], grads["b3"] = layers.affine_backward(dout, third)
        dout, grads["W2"], grads["b2"] = layer_utils.affine_relu_backward(dout, second)
        _, grads["W1"], grads["b1"] = layer_utils.conv_relu_pool_backward(dout, first)
        return add_penalty(loss, grads, self.params, self.reg), grads
