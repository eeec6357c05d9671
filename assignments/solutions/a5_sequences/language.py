"""A model of text, character by character: gradients kept small, a loss to train with, new text drawn from it."""

import numpy as np
from rnn import rnn_backward, rnn_forward
from words import (
    embedding_backward,
    embedding_forward,
    temporal_affine_backward,
    temporal_affine_forward,
    temporal_softmax_loss,
)

from nnscratch.course import NotWritten


def clip_by_norm(grads, limit):
    """Scale all gradients by one factor, so that their common norm is at most `limit`.

    grads: a dict of arrays. Their norm is that of one long vector with all of their entries: the square root of
    the sum of all squares. If it is above limit, every array is multiplied by limit / norm; else they stay as
    they are.

    Returns (clipped, norm): a dict with the same keys, shapes and dtypes, and the norm before clipping, a float.
    The arrays handed in are not changed. Errors: ValueError if limit is not above 0.
    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", sec. 3.2.

    >>> clip_by_norm({"w": np.array([3.0]), "b": np.array([4.0])}, limit=1.0)
    ({'w': array([0.6]), 'b': array([0.8])}, 5.0)
    """
    # solution
    if not limit > 0:
        raise ValueError(f"clip_by_norm: limit is {limit}: it must be above 0")
    norm = float(np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in grads.values())))
    factor = limit / norm if norm > limit else 1.0
    return {name: g * factor for name, g in grads.items()}, norm
    # end of solution


def sample(scores, temperature, rng):
    """Draw the next character with the probabilities softmax(scores / temperature).

    scores: (V,). temperature: below 1 the likely characters become likelier, above 1 all grow more alike; at 0
    the highest score always wins (the first, where several are the highest). rng: a np.random.Generator.

    Draw one number u = rng.random(), and only one (at temperature 0, none). With the probabilities p added up
    from the left, return the first character whose sum p[0] + ... + p[k] is above u. Large scores must not
    overflow.

    Returns an int from 0 to V - 1. scores stay as they are. Errors: ValueError if temperature is below 0.

    >>> rng = np.random.default_rng(0)
    >>> [sample(np.log([0.5, 0.25, 0.25]), 1.0, rng) for _ in range(6)], sample(np.array([1.0, 3.0]), 0, rng)
    ([1, 0, 0, 0, 2, 2], 1)
    """
    # solution
    if temperature < 0:
        raise ValueError(f"sample: temperature is {temperature}: it must be 0 or more")
    if temperature == 0:
        return int(scores.argmax())
    p = np.exp((scores - scores.max()) / temperature)
    sums = np.cumsum(p / p.sum())
    return int(min(np.searchsorted(sums, rng.random(), side="right"), len(scores) - 1))
    # end of solution


def char_model_loss(params, x, y, start):
    """Loss and gradients of a character model: embedding, vanilla RNN, scores, softmax.

    params: a dict with "embed" (V, D), "wx" (D, H), "wh" (H, H), "b" (H,), "wo" (H, V) and "bo" (V,).
    x: characters (N, T), whole numbers from 0 to V - 1. y: the characters that follow (N, T). start: (N, H),
    the state before the first step. The layers are embedding_forward, rnn_forward, temporal_affine_forward (wo,
    bo), and temporal_softmax_loss without a mask: your own.

    Returns (loss, grads, last): a float; a dict with the keys, shapes and dtypes of params; and the state after
    the last step (N, H), with which the next piece of the text begins. Nothing that was handed in is changed.
    Source: Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks".

    >>> params = {"embed": np.zeros((4, 2)), "wx": np.zeros((2, 3)), "wh": np.zeros((3, 3)), "b": np.zeros(3),
    ...           "wo": np.zeros((3, 4)), "bo": np.zeros(4)}
    >>> loss, grads, last = char_model_loss(params, np.array([[0, 1]]), np.array([[1, 2]]), np.zeros((1, 3)))
    >>> round(loss, 3), grads["bo"]
    (1.386, array([ 0.25, -0.25, -0.25,  0.25]))
    """
    # solution
    vectors, to_table = embedding_forward(x, params["embed"])
    states, to_states = rnn_forward(vectors, start, params["wx"], params["wh"], params["b"])
    scores, to_scores = temporal_affine_forward(states, params["wo"], params["bo"])
    loss, dscores = temporal_softmax_loss(scores, y)

    grads = {}
    dstates, grads["wo"], grads["bo"] = temporal_affine_backward(dscores, to_scores)
    dvectors, _, grads["wx"], grads["wh"], grads["b"] = rnn_backward(dstates, to_states)
    grads["embed"] = embedding_backward(dvectors, to_table)
    return loss, {name: grads[name] for name in params}, states[:, -1]
    # end of solution
