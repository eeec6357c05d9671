"""Convolutions: shared filters, filters of their own at each place (locally connected), and transposed ones."""

import numpy as np

from nnscratch import kernels
from nnscratch.layers.base import Layer, parameter
from nnscratch.layers.initializers import constant, he
from nnscratch.shapes import ShapeError, Window, check_dout, match_axes, pair_of


def conv_forward(x, w, b=None, stride=1, pad=0, dilation=1, groups=1):
    """Slide every filter over the image; out[n, f, i, j] is its dot product with the window there, plus b[f].

    x: (N, C, H, W), w: (F, C/groups, KH, KW), b: (F,) or None. `stride`, `pad` and `dilation` are pixels, a
    number or a pair (vertical, horizontal). With `groups`, each share of the filters sees its share of the
    channels. Returns out (N, F, OH, OW) and the cache. Raises ShapeError.
    Source: LeCun et al. 1998, sec. II; groups: Krizhevsky et al. 2012, sec. 3.2.

    >>> x, w = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3))
    >>> out, cache = conv_forward(x, w, np.zeros(1), pad=1)
    >>> dx, dw, db = conv_backward(np.ones_like(out), cache)
    >>> out[0, 0]
    array([[4., 6., 4.],
           [6., 9., 6.],
           [4., 6., 4.]])
    >>> dw[0, 0, 1], db
    (array([6., 9., 6.]), array([9.]))
    """
    window = _window(x, w, b, stride, pad, dilation, groups)
    return kernels.conv(x, w, b, window, groups), (x, w, b, window, groups)


def _window(x, w, b, stride, pad, dilation, groups):
    channels = f"C/{groups}" if groups > 1 else "C"
    _check_groups("conv", groups, len(w))
    match_axes("conv", x=(x, "N C H W"), w=(w, f"F {channels} KH KW"), b=(b, "F"))
    return Window.of(w.shape[2:], stride, pad, dilation)


def conv_backward(dout, cache):
    """dx: every window gets w * dout back. dw: each tap's product of dout with x. db: the sum of dout.

    dout: (N, F, OH, OW). Returns dx, dw, db, shaped like x, w, b; db is None without a bias.
    """
    x, w, b, window, groups = cache
    dw, db = _parameter_gradients(dout, cache)
    return kernels.conv_input_gradient(dout, w, x.shape, window, groups), dw, db


def _parameter_gradients(dout, cache):
    x, w, b, window, groups = cache
    check_dout("conv", dout, (len(x), len(w), *window.places(*x.shape[2:])))
    dw = kernels.conv_weight_gradient(dout, x, w.shape, window, groups)
    return dw, None if b is None else kernels.channel_sum(dout)


def conv_naive_forward(x, w, b=None, stride=1, pad=0, dilation=1, groups=1):
    """The definition of conv_forward as loops, for reading and for lessons in speed; same arguments.

    >>> conv_naive_forward(np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), pad=1)[0][0, 0, 0]
    array([4., 6., 4.])
    """
    N, C, H, W = match_axes("conv", x=(x, "N C H W"))
    F, share, KH, KW = w.shape
    window = Window.of((KH, KW), stride, pad, dilation)
    (SH, SW), (PH, PW), (DH, DW) = window.stride, window.pad, window.dilation
    OH, OW = window.places(H, W)
    padded = np.pad(x, ((0, 0), (0, 0), (PH, PH), (PW, PW)))
    out = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for f in range(F):
            first = f // (F // groups) * share
            for i in range(OH):
                for j in range(OW):
                    seen = padded[n, first : first + share, i * SH :: DH, j * SW :: DW][:, :KH, :KW]
                    out[n, f, i, j] = (seen * w[f]).sum() + (0 if b is None else b[f])
    return out, (x, w, b, window, groups)


def conv_naive_backward(dout, cache):
    """The definition of conv_backward as loops: every output hands its dout to all that it was made of.

    >>> out, cache = conv_naive_forward(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), np.zeros(1))
    >>> conv_naive_backward(np.ones_like(out), cache)[0][0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    x, w, b, window, groups = cache
    (SH, SW), (PH, PW), (DH, DW) = window.stride, window.pad, window.dilation
    F, share, KH, KW = w.shape
    N, _, OH, OW = dout.shape
    padded = np.pad(x, ((0, 0), (0, 0), (PH, PH), (PW, PW)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for n in range(N):
        for f in range(F):
            first = f // (F // groups) * share
            for i in range(OH):
                for j in range(OW):
                    here = (n, slice(first, first + share), slice(i * SH, None, DH), slice(j * SW, None, DW))
                    dw[f] += dout[n, f, i, j] * padded[here][:, :KH, :KW]
                    dpadded[here][:, :KH, :KW] += dout[n, f, i, j] * w[f]
    dx = dpadded[:, :, PH : PH + x.shape[2], PW : PW + x.shape[3]].copy()
    return dx, dw, None if b is None else kernels.channel_sum(dout)


def local_conv_forward(x, w, b=None, stride=1, pad=0):
    """A convolution whose filters are not shared: every output place (i, j) has weights of its own.

    x: (N, C, H, W), w: (F, C, KH, KW, OH, OW), b: (F, OH, OW) or None. Returns out (N, F, OH, OW) and the cache.
    Source: LeCun 1989, "Generalization and network design strategies", sec. 5. Raises ShapeError.

    >>> out, cache = local_conv_forward(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2, 2, 2)))
    >>> dx, dw, db = local_conv_backward(np.ones_like(out), cache)
    >>> out[0, 0], dx[0, 0, 0]
    (array([[4., 4.],
           [4., 4.]]), array([1., 2., 1.]))
    """
    match_axes("local_conv", x=(x, "N C H W"), w=(w, "F C KH KW OH OW"), b=(b, "F OH OW"))
    window = Window.of(w.shape[2:4], stride, pad)
    if window.places(*x.shape[2:]) != w.shape[4:]:
        raise ShapeError(
            f"local_conv: x of {x.shape} has windows at {window.places(*x.shape[2:])} places, "
            f"but w is for {w.shape[4:]}: draw w for this image size"
        )
    F, (OH, OW) = len(w), w.shape[4:]
    cols = kernels.im2col(x, window)
    filters = w.reshape(F, -1, OH * OW)
    out = cols.transpose(2, 0, 1) @ filters.transpose(2, 1, 0)
    out = out.transpose(1, 2, 0).reshape(-1, F, OH, OW)
    return (out if b is None else out + b), (x.shape, cols, w, b, window)


def local_conv_backward(dout, cache):
    """At each place an affine layer: dcols = dout w^T, dw = cols^T dout, db = the sum of dout over the batch."""
    x_shape, cols, w, b, window = cache
    check_dout("local_conv", dout, (x_shape[0], len(w), *w.shape[4:]))
    N, F, OH, OW = dout.shape
    places = dout.reshape(N, F, OH * OW).transpose(2, 0, 1)
    dcols = places @ w.reshape(F, -1, OH * OW).transpose(2, 0, 1)
    dw = places.transpose(0, 2, 1) @ cols.transpose(2, 0, 1)
    dx = kernels.col2im(dcols.transpose(1, 2, 0), x_shape, window)
    return dx, dw.transpose(1, 2, 0).reshape(w.shape), None if b is None else dout.sum(axis=0)


def conv_transpose_forward(x, w, b=None, stride=1, pad=0, dilation=1, groups=1, extra=0):
    """Paint every pixel of x as a copy of a filter, `stride` apart: a convolution's input gradient, as a layer.

    x: (N, F, H, W), w: (F, C/groups, KH, KW), b: (C,) or None. Returns out (N, C, OH, OW) and the cache, with
    OH = (H - 1) * stride - 2 * pad + dilation * (KH - 1) + 1 + extra; `extra` (less than the stride) settles
    which of the sizes that a convolution shrinks to H is meant.
    Source: Zeiler et al. 2010, "Deconvolutional networks"; Dumoulin & Visin 2016, ch. 4. Raises ShapeError.

    >>> out, cache = conv_transpose_forward(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), stride=2)
    >>> out.shape, conv_transpose_backward(np.ones_like(out), cache)[0][0, 0]
    ((1, 1, 4, 4), array([[4., 4.],
           [4., 4.]]))
    """
    N, F, H, W, share, KH, KW = match_axes("conv_transpose", x=(x, "N F H W"), w=(w, "F Cg KH KW"))
    C = share * groups
    _check_groups("conv_transpose", groups, F)
    if b is not None and b.shape != (C,):
        raise ShapeError(f"conv_transpose: out has {C} channels but b is {b.shape}: give b of ({C},)")
    window = Window.of((KH, KW), stride, pad, dilation)
    more = pair_of(extra, "extra")
    if not all(0 <= e < s for e, s in zip(more, window.stride)):
        raise ShapeError(
            f"conv_transpose: extra is {more}: it must be at least 0 and below the stride {window.stride}"
        )
    size = [
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for n, k, s, p, d, e in zip((H, W), window.kernel, window.stride, window.pad, window.dilation, more)
    ]
    if min(size) < 1:
        raise ShapeError(f"conv_transpose: x of {x.shape} would give an image of {tuple(size)}: use less padding")
    out = kernels.conv_input_gradient(x, w, (N, C, *size), window, groups)
    if b is not None:
        out += b[:, None, None]
    return out, (x, w, b, window, groups, out.shape)


def conv_transpose_backward(dout, cache):
    """dx is the convolution of dout; dw is that of a convolution with x and dout swapped."""
    x, w, b, window, groups, out_shape = cache
    check_dout("conv_transpose", dout, out_shape)
    dx = kernels.conv(dout, w, None, window, groups)
    dw = kernels.conv_weight_gradient(x, dout, w.shape, window, groups)
    return dx, dw, None if b is None else kernels.channel_sum(dout)


def _check_groups(operation, groups, F):
    if F < 1 or groups < 1 or F % groups:
        raise ShapeError(f"{operation}: {F} filters cannot be cut into {groups} groups: use a divisor of {F}")


class Conv(Layer):
    """Convolution from C channels to F, with kernels of `kernel` pixels (a number or a pair).

    `pad="same"` keeps the image's size at stride 1 (odd kernels). `bias` is the bias' first value (None: none).

    >>> layer = Conv(3, 8, kernel=5, pad="same", rng=0)
    >>> out, cache = layer.forward(np.ones((2, 3, 6, 6), np.float32))
    >>> dx, grads = layer.backward(out, cache)
    >>> out.shape, dx.shape, grads["w"].shape
    ((2, 8, 6, 6), (2, 3, 6, 6), (8, 3, 5, 5))
    """

    def __init__(
        self,
        C,
        F,
        kernel=3,
        stride=1,
        pad=0,
        dilation=1,
        groups=1,
        bias=0.0,
        init=None,
        rng=0,
        dtype=np.float32,
    ):
        super().__init__()
        kernel = pair_of(kernel, "kernel")
        if pad == "same":
            pad = tuple(d * (k - 1) // 2 for d, k in zip(pair_of(dilation, "dilation"), kernel))
        _check_groups("Conv", groups, F)
        if C < 1 or C % groups:
            raise ShapeError(f"Conv: {C} channels cannot be cut into {groups} groups: use a divisor of {C}")
        self.stride, self.pad, self.dilation, self.groups = stride, pad, dilation, groups
        self.params["w"] = parameter(init or he(), (F, C // groups, *kernel), rng, dtype)
        if bias is not None:
            self.params["b"] = parameter(constant(bias), (F,), rng, dtype)

    def forward(self, x, train=False):
        """Return the convolution of x and the cache."""
        w, b = self.params["w"], self.params.get("b")
        return conv_forward(x, w, b, self.stride, self.pad, self.dilation, self.groups)

    def backward(self, dout, cache):
        """Return dx and the gradients of w and b."""
        dx, dw, db = conv_backward(dout, cache)
        return dx, self.gradients(w=dw, b=db)

    def forward_relu(self, x, train=False):
        """Return max(0, convolution of x), in one pass over memory, and the cache of the convolution."""
        w, b = self.params["w"], self.params.get("b")
        window = _window(x, w, b, self.stride, self.pad, self.dilation, self.groups)
        out = kernels.conv(x, w, b, window, self.groups, least=0.0)
        return out, (x, w, b, window, self.groups)

    def infer_with(self, x, norm, least, pool):
        """Return the convolution of x in one pass with what comes after it in evaluation mode.

        norm: the (scale, shift) of a batch norm, which the filters take on; what is less than `least` becomes
        `least`, as in a ReLU; pool: the window of a max pool. Each of the three may be None.
        """
        w, b = self.params["w"], self.params.get("b")
        if norm is not None:
            scale, shift = norm
            w, b = w * scale[:, None, None, None], shift if b is None else shift + scale * b
        window = _window(x, w, b, self.stride, self.pad, self.dilation, self.groups)
        least = -np.inf if least is None else least
        if pool is None:
            return kernels.conv(x, w, b, window, self.groups, least=least)
        return kernels.conv_pooled(x, w, b, window, self.groups, least, pool)

    def parameter_gradients(self, dout, cache):
        """Return the gradients of w and b alone, and spare the work for dx."""
        dw, db = _parameter_gradients(dout, cache)
        return self.gradients(w=dw, b=db)


class LocalConv(Layer):
    """Locally connected layer from C channels to F on images of `image` (H, W) pixels.

    >>> layer = LocalConv(3, 4, image=(6, 6), kernel=3, pad=1, rng=0)
    >>> layer.forward(np.ones((2, 3, 6, 6), np.float32))[0].shape
    (2, 4, 6, 6)
    """

    def __init__(self, C, F, image, kernel=3, stride=1, pad=0, bias=0.0, init=None, rng=0, dtype=np.float32):
        super().__init__()
        self.stride, self.pad = stride, pad
        window = Window.of(kernel, stride, pad)
        places = window.places(*pair_of(image, "image"))
        self.params["w"] = parameter(init or he(), (F, C, *window.kernel, *places), rng, dtype)
        if bias is not None:
            self.params["b"] = parameter(constant(bias), (F, *places), rng, dtype)

    def forward(self, x, train=False):
        """Return the locally connected layer's output and the cache."""
        return local_conv_forward(x, self.params["w"], self.params.get("b"), self.stride, self.pad)

    def backward(self, dout, cache):
        """Return dx and the gradients of w and b."""
        dx, dw, db = local_conv_backward(dout, cache)
        return dx, self.gradients(w=dw, b=db)


class ConvTranspose(Layer):
    """Transposed convolution from F channels to C: it enlarges the image `stride` times.

    >>> layer = ConvTranspose(8, 3, kernel=2, stride=2, rng=0)
    >>> layer.forward(np.ones((2, 8, 4, 4), np.float32))[0].shape
    (2, 3, 8, 8)
    """

    def __init__(
        self,
        F,
        C,
        kernel=3,
        stride=1,
        pad=0,
        dilation=1,
        groups=1,
        extra=0,
        bias=0.0,
        init=None,
        rng=0,
        dtype=np.float32,
    ):
        super().__init__()
        _check_groups("ConvTranspose", groups, F)
        if C < 1 or C % groups:
            raise ShapeError(
                f"ConvTranspose: {C} channels cannot be cut into {groups} groups: use a divisor of {C}"
            )
        self.stride, self.pad, self.dilation, self.groups, self.extra = stride, pad, dilation, groups, extra
        self.params["w"] = parameter(init or he(), (F, C // groups, *pair_of(kernel, "kernel")), rng, dtype)
        if bias is not None:
            self.params["b"] = parameter(constant(bias), (C,), rng, dtype)

    def forward(self, x, train=False):
        """Return the transposed convolution of x and the cache."""
        w, b = self.params["w"], self.params.get("b")
        return conv_transpose_forward(x, w, b, self.stride, self.pad, self.dilation, self.groups, self.extra)

    def backward(self, dout, cache):
        """Return dx and the gradients of w and b."""
        dx, dw, db = conv_transpose_backward(dout, cache)
        return dx, self.gradients(w=dw, b=db)
