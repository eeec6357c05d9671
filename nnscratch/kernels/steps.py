"""The definitions of what frames a training step: dropout masks, the loss, whether all is finite, the move."""

from nnscratch.arrays import array_module, rng, to_device


def dropout_mask(x, shape, drop, key):
    """Return a mask that is 0 with probability `drop`, else 1 / (1 - drop), in x's dtype and on its device.

    The mask depends on `key` (whole numbers) alone, so the same key draws the same mask again.

    >>> import numpy as np
    >>> dropout_mask(np.ones(4), (4,), 0.5, key=(0, 5))
    array([2., 0., 2., 0.])
    """
    xp = array_module(x)
    uniform = rng(*key).random(shape, dtype="float32")
    mask = (uniform >= drop) * x.dtype.type(1 / (1 - drop))
    return mask if xp.__name__ == "numpy" else to_device(mask, "gpu")


def softmax_loss(x, y, smoothing=0.0):
    """Return (loss, dx) of the softmax cross-entropy: scores x (N, C), labels y (N,) from 0 to C - 1.

    The loss is an array without axes, the mean over the examples; with label `smoothing`, that share of the target
    is spread over all classes.

    >>> import numpy as np
    >>> softmax_loss(np.zeros((1, 2)), np.array([0]))
    (np.float64(0.6931471805599453), array([[-0.5,  0.5]]))
    """
    xp, (N, C) = array_module(x), x.shape
    target = xp.full_like(x, smoothing / C)
    target[xp.arange(N), y] += 1 - smoothing
    shifted = x - x.max(axis=-1, keepdims=True)
    log_probs = shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
    return -(target * log_probs).sum() / N, (xp.exp(log_probs) - target) / N


def clear_unless_finite(flag, arrays):
    """Set a flag, a bool array without axes, to False if an array holds a number that is not finite.

    >>> import numpy as np
    >>> flag = np.array(True)
    >>> clear_unless_finite(flag, [np.ones(2), np.array([0, np.inf])])
    >>> flag
    array(False)
    """
    for array in arrays:
        flag &= array_module(flag).isfinite(array).all()


def update_parameters(first, rule, parts, move):
    """Move parameters by an optimiser's rule, in place; `first` is one of them.

    parts: (w, dw, factor on the rate, weight decay, dict of the arrays that the rule remembers) of each.
    `move(w, dw, rate, decay, slots)` moves one parameter, and is the definition. A twin goes by `rule` instead:
    its name, the common rate, its numbers (settings), whether decay is decoupled, and `go`: None, or a bool on the
    GPU; where that is False, nothing changes.

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> w = np.ones(1)
    >>> def descend(w, dw, rate, decay, slots):
    ...     w -= rate * dw
    >>> update_parameters(w, SimpleNamespace(rate=0.5, go=None), [(w, np.ones(1), 0.5, 0.0, {})], descend)
    >>> w
    array([0.75])
    """
    for w, dw, factor, decay, slots in parts:
        before = [] if rule.go is None else [(array, array.copy()) for array in (w, *slots.values())]
        move(w, dw, rule.rate * factor, decay, slots)
        for array, copied in before:
            array[...] = array_module(w).where(rule.go, array, copied)
