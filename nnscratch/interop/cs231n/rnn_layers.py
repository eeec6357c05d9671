"""cs231n.rnn_layers: recurrent layers over sequences (N, T, D), LSTM gates in the order i, f, o, g."""

import numpy as np

from nnscratch import layers

__all__ = [
    "lstm_backward",
    "lstm_forward",
    "lstm_step_backward",
    "lstm_step_forward",
    "rnn_backward",
    "rnn_forward",
    "rnn_step_backward",
    "rnn_step_forward",
    "temporal_affine_backward",
    "temporal_affine_forward",
    "temporal_softmax_loss",
    "word_embedding_backward",
    "word_embedding_forward",
]


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """next_h = tanh(x Wx + prev_h Wh + b), and the cache; x (N, D), prev_h (N, H).

    >>> rnn_step_forward(np.array([[0.5]]), np.array([[0.25]]), np.eye(1), np.eye(1), np.zeros(1))[0].round(3)
    array([[0.635]])
    """
    return layers.rnn_step_forward(x, prev_h, Wx, Wh, b)


def rnn_step_backward(dnext_h, cache):
    """Return dx, dprev_h, dWx, dWh, db.

    >>> out, cache = rnn_step_forward(np.zeros((1, 1)), np.zeros((1, 1)), np.eye(1), np.eye(1), np.zeros(1))
    >>> rnn_step_backward(np.ones((1, 1)), cache)[4]
    array([1.])
    """
    return layers.rnn_step_backward(dnext_h, cache)


def rnn_forward(x, h0, Wx, Wh, b):
    """The hidden states (N, T, H) of a vanilla RNN that starts with h0 (N, H), and the cache.

    >>> rnn_forward(np.ones((1, 2, 1)), np.zeros((1, 1)), np.eye(1), np.eye(1), np.zeros(1))[0].ravel().round(3)
    array([0.762, 0.943])
    """
    return layers.rnn_forward(x, Wx, Wh, b, h0)


def rnn_backward(dh, cache):
    """Return dx, dh0, dWx, dWh, db.

    >>> h, cache = rnn_forward(np.zeros((1, 2, 1)), np.zeros((1, 1)), np.eye(1), np.eye(1), np.zeros(1))
    >>> rnn_backward(np.ones((1, 2, 1)), cache)[1]
    array([[2.]])
    """
    dx, dWx, dWh, db, dh0 = layers.rnn_backward(dh, cache)
    return dx, dh0, dWx, dWh, db


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """Return next_h, next_c and the cache; Wx (D, 4H), Wh (H, 4H), b (4H,).

    >>> w = np.zeros((1, 4))
    >>> lstm_step_forward(np.ones((1, 1)), np.ones((1, 1)), np.array([[2.0]]), w, w, np.zeros(4))[1]
    array([[1.]])
    """
    H = prev_h.shape[1]
    state, cache = layers.lstm_step_forward(x, np.concatenate([prev_h, prev_c], axis=1), Wx, Wh, b)
    return state[:, :H].copy(), state[:, H:].copy(), cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    """Return dx, dprev_h, dprev_c, dWx, dWh, db.

    >>> w, one = np.zeros((1, 4)), np.ones((1, 1))
    >>> *_, cache = lstm_step_forward(one, one, one, w, w, np.zeros(4))
    >>> lstm_step_backward(0 * one, one, cache)[2]
    array([[0.5]])
    """
    H = dnext_h.shape[1]
    dx, dstate, dWx, dWh, db = layers.lstm_step_backward(np.concatenate([dnext_h, dnext_c], axis=1), cache)
    return dx, dstate[:, :H], dstate[:, H:], dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    """The hidden states (N, T, H) of an LSTM that starts with h0 (N, H) and c = 0, and the cache.

    >>> w = np.zeros((1, 4))
    >>> lstm_forward(np.ones((1, 2, 1)), np.ones((1, 1)), w, w, np.zeros(4))[0].ravel()
    array([0., 0.])
    """
    return layers.lstm_forward(x, Wx, Wh, b, np.concatenate([h0, np.zeros_like(h0)], axis=1))


def lstm_backward(dh, cache):
    """Return dx, dh0, dWx, dWh, db.

    >>> w = np.zeros((1, 4))
    >>> h, cache = lstm_forward(np.ones((1, 2, 1)), np.ones((1, 1)), w, w, np.zeros(4))
    >>> lstm_backward(np.ones((1, 2, 1)), cache)[4].round(3)
    array([0.   , 0.   , 0.   , 0.625])
    """
    dx, dWx, dWh, db, dstart = layers.lstm_backward(dh, cache)
    return dx, dstart[:, : dh.shape[2]], dWx, dWh, db


def word_embedding_forward(x, W):
    """The rows of W (V, D) that the words x (N, T) name, (N, T, D), and the cache.

    >>> word_embedding_forward(np.array([[1, 0]]), np.array([[5.0], [7.0]]))[0].ravel()
    array([7., 5.])
    """
    return layers.embedding_forward(x, W)


def word_embedding_backward(dout, cache):
    """Return dW; words have no gradient.

    >>> out, cache = word_embedding_forward(np.array([[1, 1]]), np.array([[5.0], [7.0]]))
    >>> word_embedding_backward(np.ones((1, 2, 1)), cache).ravel()
    array([0., 2.])
    """
    return layers.embedding_backward(dout, cache)


def temporal_affine_forward(x, w, b):
    """x[n, t] w + b at every step of x (N, T, D), and the cache.

    >>> temporal_affine_forward(np.ones((1, 2, 3)), np.ones((3, 1)), np.zeros(1))[0].ravel()
    array([3., 3.])
    """
    return layers.temporal_affine_forward(x, w, b)


def temporal_affine_backward(dout, cache):
    """Return dx, dw, db.

    >>> out, cache = temporal_affine_forward(np.ones((1, 2, 3)), np.ones((3, 1)), np.zeros(1))
    >>> temporal_affine_backward(out, cache)[2]
    array([6.])
    """
    return layers.temporal_affine_backward(dout, cache)


def temporal_softmax_loss(x, y, mask, verbose=False):
    """Cross-entropy of scores x (N, T, V) for words y (N, T), summed over the steps where mask, mean over N.

    Returns (loss, dx).

    >>> x, y, mask = np.zeros((2, 2, 4)), np.zeros((2, 2), int), np.array([[True, True], [True, False]])
    >>> loss, dx = temporal_softmax_loss(x, y, mask)
    >>> float(round(loss / np.log(4), 6)), dx[1, 1].any()
    (1.5, np.False_)
    """
    if verbose:
        print(f"scores {x.shape}, {int(np.sum(mask))} of {mask.size} words count")
    if not np.any(mask):
        return 0.0, np.zeros_like(x)
    loss, dx = layers.temporal_softmax_loss(x, y, mask)
    words = np.count_nonzero(mask) / len(x)  # theirs is the mean over sequences, ours over words
    return loss * words, dx * words
