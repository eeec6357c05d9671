"""Grouped convolution: each share of the filters sees its own share of the channels."""

import numpy as np
from columns import conv_backward, conv_forward

from nnscratch.course import NotWritten


def grouped_conv_forward(x, w, b, stride=1, pad=0, groups=1):
    """Cut channels and filters into `groups` equal shares, and convolve share by share.

    x: (N, C, H, W). w: (F, C / groups, KH, KW). b: (F,). Filters 0 to F / groups - 1 see channels 0 to
    C / groups - 1, the next share of filters sees the next share of channels, and so on. AlexNet did so to
    train on two cards; with groups == C every filter sees one channel (a depthwise convolution).

    Returns out (N, F, OH, OW), the filters in the order of w, and cache: a list with the cache of conv_forward of
    each group. Use conv_forward of columns.py.
    Errors: ValueError if C or F cannot be divided by groups.
    Source: Krizhevsky, Sutskever & Hinton 2012, sec. 3.2.

    >>> x = np.array([1.0, 10.0, 100.0, 1000.0]).reshape(1, 4, 1, 1)
    >>> out, cache = grouped_conv_forward(x, np.ones((2, 2, 1, 1)), np.zeros(2), groups=2)
    >>> out.ravel()
    array([  11., 1100.])
    """
    # solution
    C, F = x.shape[1], len(w)
    if C % groups or F % groups:
        raise ValueError(f"grouped_conv_forward: {C} channels and {F} filters do not divide into {groups} groups")
    channels, filters = C // groups, F // groups
    outs, caches = [], []
    for g in range(groups):
        seen = x[:, g * channels : (g + 1) * channels]
        share = slice(g * filters, (g + 1) * filters)
        out, cache = conv_forward(seen, w[share], b[share], stride, pad)
        outs.append(out)
        caches.append(cache)
    return np.concatenate(outs, axis=1), caches
    # end of solution


def grouped_conv_backward(dout, cache):
    """Gradients of grouped_conv_forward: each group hands its share of dout back to its own channels and filters.

    dout: (N, F, OH, OW). cache: the list that grouped_conv_forward returned, one cache of conv_forward per group.
    Returns dx (N, C, H, W), dw (F, C / groups, KH, KW), db (F,). Nothing that was handed in is changed.

    >>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1)
    >>> out, cache = grouped_conv_forward(x, np.ones((2, 2, 1, 1)), np.zeros(2), groups=2)
    >>> dx, dw, db = grouped_conv_backward(np.array([1.0, 2.0]).reshape(1, 2, 1, 1), cache)
    >>> dx.ravel(), dw.reshape(2, 2), db
    (array([1., 1., 2., 2.]), array([[1., 2.],
           [6., 8.]]), array([1., 2.]))
    """
    # solution
    shares = np.split(dout, len(cache), axis=1)
    dxs, dws, dbs = zip(*(conv_backward(share, own) for share, own in zip(shares, cache)))
    return np.concatenate(dxs, axis=1), np.concatenate(dws), np.concatenate(dbs)
    # end of solution
