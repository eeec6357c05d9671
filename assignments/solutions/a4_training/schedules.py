"""Schedules: how learning rate and dropout change while training goes on, and when it ends."""

import math

import numpy as np

from nnscratch.course import NotWritten


def warmup_cosine(step, steps, warmup, rate):
    """The learning rate at a step: it rises in a straight line, then falls to 0 along half a cosine wave.

    step: number of the step, from 0 to steps - 1; steps: how many there are; warmup: how many of them rise, 0
    <= warmup < steps; rate: the highest learning rate. Returns a number.

    While step < warmup: rate * (step + 1) / warmup, so that no step is lost on a rate of 0.
    After that: rate * (1 + cos(pi * t)) / 2, where t = (step - warmup) / (steps - warmup).
    Sources: Goyal et al. 2017, sec. 2.2; Loshchilov & Hutter 2017, eq. 5.

    >>> [round(warmup_cosine(step, 8, 4, 1.0), 3) for step in range(8)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    # solution
    if step < warmup:
        return rate * (step + 1) / warmup
    t = (step - warmup) / (steps - warmup)
    return rate * (1 + math.cos(math.pi * t)) / 2
    # end of solution


def plateau_rate(losses, rate, factor, patience):
    """The learning rate after some epochs, when it is reduced each time that the validation loss stops falling.

    losses: validation losses of the epochs so far, in order; rate: learning rate of the first epoch; factor:
    what the rate is multiplied by, such as 0.1; patience: how many epochs in a row without a new best loss are
    put up with.
    Returns the rate for the next epoch; without losses, that is `rate`.

    A loss is a new best when it is smaller than all before; the first always is. Count the epochs since the
    last new best. As soon as the count is larger than patience, multiply the rate by factor and count from 0
    again; the best loss stays what it is. This is the rule that Krizhevsky et al. 2012, sec. 5, applied by
    hand.

    >>> plateau_rate([3.0, 2.0, 2.5], rate=1.0, factor=0.5, patience=1)
    1.0
    >>> plateau_rate([3.0, 2.0, 2.5, 2.4], rate=1.0, factor=0.5, patience=1)
    0.5
    """
    # solution
    best, waited = math.inf, 0
    for loss in losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            rate, waited = rate * factor, 0
    return rate
    # end of solution


def early_stopping(losses, patience):
    """When to stop, and which epoch's weights to keep.

    losses: validation losses of all epochs that training could go on for, at least one, in order; patience: how
    many epochs in a row without a new best loss are put up with.
    Returns (best, last): `last` is the number of the epoch after which training stops, counted from 0: the
    first one at which more than `patience` epochs have passed since the best; the last of all where there is
    none. `best` is the number of the epoch with the smallest loss up to `last`; of equal ones, the earlier.

    Look at losses one after another: what comes after the stop is not known yet, and must not count.

    >>> early_stopping([3.0, 2.0, 2.2, 2.1, 1.0], patience=1)
    (1, 3)
    >>> early_stopping([3.0, 2.0, 2.2, 2.1, 1.0], patience=2)
    (4, 4)
    """
    # solution
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best > patience:
            return best, epoch
    return best, len(losses) - 1
    # end of solution


def dropout_schedule(epoch, epochs, drop, gamma):
    """The share that is dropped at a time: 0 at the start, then more and more, up to nearly `drop`.

    epoch: number of epochs since the start, may have a fraction; epochs: how many are planned; drop: the share
    that is aimed at, from 0 up to, not including, 1; gamma: how fast, above 0. Returns a number.

    share = drop * (1 - exp(-gamma * epoch / epochs))
    Raises ValueError unless 0 <= drop < 1. Source: Morerio et al. 2017, "Curriculum dropout", sec. 3.

    >>> [round(dropout_schedule(epoch, 10, 0.5, gamma=10.0), 3) for epoch in (0, 1, 5, 10)]
    [0.0, 0.316, 0.497, 0.5]
    """
    # solution
    if not 0 <= drop < 1:
        raise ValueError(f"drop is {drop}: it is the share that is dropped, at least 0 and below 1")
    return drop * (1 - math.exp(-gamma * epoch / epochs))
    # end of solution


def scores_with_dropout(params, x, drop, train, rng):
    """Scores of a net of two layers with inverted dropout after its ReLU, in training and in use.

    params: dict of w1 (D, H), b1 (H,), w2 (H, C), b2 (C,); x: (N, D); drop: share that is dropped, 0 <= drop <
    1; train: whether this is training; rng: a numpy.random.Generator. Returns scores (N, C).

    hidden = max(0, x w1 + b1). In training only, each of its numbers is kept where rng.random((N, H)), drawn
    ONCE, is at least `drop`; what is kept is divided by 1 - drop, and the rest is 0. scores = hidden w2 + b2.
    In use nothing is drawn, dropped or scaled: the division in training has made good for it already. Source:
    Srivastava et al. 2014, sec. 10.

    >>> params = {"w1": np.eye(2), "b1": np.zeros(2), "w2": np.eye(2), "b2": np.zeros(2)}
    >>> x, rng = np.array([[1.0, 1.0]]), np.random.default_rng(0)  # the draws are 0.64 and 0.27
    >>> scores_with_dropout(params, x, 0.5, True, rng), scores_with_dropout(params, x, 0.5, False, rng)
    (array([[2., 0.]]), array([[1., 1.]]))
    """
    # solution
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    if train:
        hidden = hidden * (rng.random(hidden.shape) >= drop) / (1 - drop)
    return hidden @ params["w2"] + params["b2"]
    # end of solution
