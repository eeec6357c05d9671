"""Losses: one number that says how wrong the scores are, and its gradient; each is `(x, y) -> (loss, dx)`."""

from nnscratch import kernels
from nnscratch.arrays import array_module, may_look, number
from nnscratch.shapes import match_axes


class LabelError(ValueError):
    """Labels that the scores cannot have: of another type, or out of range."""


@kernels.example_by_example
def softmax(x):
    """Return probabilities exp(x) / sum of exp(x) along the last axis, without overflow.

    >>> import numpy as np
    >>> softmax(np.array([[0.0, 1000.0]]))
    array([[0., 1.]])
    """
    return array_module(x).exp(log_softmax(x))


@kernels.example_by_example
def log_softmax(x):
    """Return the logarithm of softmax(x) along the last axis, without overflow.

    >>> import numpy as np
    >>> log_softmax(np.array([[0.0, 1000.0]]))
    array([[-1000.,     0.]])
    """
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - array_module(x).log(array_module(x).exp(shifted).sum(axis=-1, keepdims=True))


def check_labels(y, classes, operation):
    """Raise LabelError unless y holds whole numbers from 0 to classes - 1.

    >>> import numpy as np
    >>> check_labels(np.array([0, 9]), 5, "softmax")
    Traceback (most recent call last):
    nnscratch.layers.losses.LabelError: softmax: y[1] is 9 but x has 5 classes: labels run from 0 to 4
    """
    if y.dtype.kind not in "iu":
        raise LabelError(f"{operation}: y holds {y.dtype}, but labels are whole numbers: use y.astype(int)")
    wrong = (y < 0) | (y >= classes)
    if may_look(y) and wrong.any():
        first = divmod(int(wrong.argmax()), y.shape[-1]) if y.ndim == 2 else (int(wrong.argmax()),)
        raise LabelError(
            f"{operation}: y[{', '.join(map(str, first))}] is {int(y[first])} but x has {classes} classes: "
            f"labels run from 0 to {classes - 1}"
        )


def softmax_loss(x, y, smoothing=0.0):
    """Softmax cross-entropy: the mean of -log(probability of the right class).

    x: scores (N, C), y: labels (N,). With label `smoothing`, that share of the target is spread over all
    classes. Returns (loss, dx). Source: Bishop 2006, eq. 4.108; smoothing: Szegedy et al. 2016, sec. 7.
    Raises ShapeError, LabelError.

    >>> import numpy as np
    >>> softmax_loss(np.zeros((1, 2)), np.array([0]))
    (0.6931471805599453, array([[-0.5,  0.5]]))
    """
    N, C = match_axes("softmax_loss", x=(x, "N C"), y=(y, "N"))
    check_labels(y, C, "softmax_loss")
    loss, dx = kernels.softmax_loss(x, y, smoothing)
    return number(loss), dx


def svm_loss(x, y, margin=1.0, squared=False):
    """Multiclass hinge: every wrong score should stay `margin` below the right one; the mean of the excess.

    x: scores (N, C), y: labels (N,). `squared` sums squares of the excess. Returns (loss, dx).
    Source: Weston & Watkins 1999, sec. 3; squared: Tang 2013, eq. 10. Raises ShapeError, LabelError.

    >>> import numpy as np
    >>> svm_loss(np.array([[3.0, 2.5]]), np.array([0]))
    (0.5, array([[-1.,  1.]]))
    """
    N, C = match_axes("svm_loss", x=(x, "N C"), y=(y, "N"))
    check_labels(y, C, "svm_loss")
    xp = array_module(x)
    rows = xp.arange(N)
    excess = xp.maximum(x - x[rows, y][:, None] + margin, 0)
    excess[rows, y] = 0
    dx = 2 * excess if squared else (excess > 0).astype(x.dtype)
    dx[rows, y] -= dx.sum(axis=1)
    return number((excess**2 if squared else excess).sum() / N), dx / N


def pixel_softmax_loss(x, y):
    """Softmax cross-entropy of every pixel: the mean over all pixels of -log(probability of the right class).

    x: scores (N, C, H, W), y: a label for every pixel (N, H, W). Returns (loss, dx).
    Source: Long et al. 2015, "Fully convolutional networks", sec. 4. Raises ShapeError, LabelError.

    >>> import numpy as np
    >>> loss, dx = pixel_softmax_loss(np.zeros((1, 2, 1, 2)), np.array([[[0, 1]]]))
    >>> round(loss, 4), dx[0, :, 0]
    (0.6931, array([[-0.25,  0.25],
           [ 0.25, -0.25]]))
    """
    N, C, H, W = match_axes("pixel_softmax_loss", x=(x, "N C H W"), y=(y, "N H W"))
    check_labels(y.ravel(), C, "pixel_softmax_loss")
    loss, dx = kernels.softmax_loss(x.transpose(0, 2, 3, 1).reshape(-1, C), y.ravel(), 0.0)
    return number(loss), dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)


def logistic_loss(x, y):
    """Binary cross-entropy of attributes that are each on or off: the mean over examples, the sum over attributes.

    x: scores (N, A), y: 0 or 1 of the same shape. Returns (loss, dx). Source: Bishop 2006, eq. 4.90.
    Raises ShapeError, LabelError.

    >>> import numpy as np
    >>> logistic_loss(np.zeros((1, 1)), np.array([[1]]))
    (0.6931471805599453, array([[-0.5]]))
    """
    xp, N = array_module(x), _attributes("logistic_loss", x, y)
    y = y.astype(x.dtype)
    loss = (xp.maximum(x, 0) - x * y + xp.log1p(xp.exp(-abs(x)))).sum() / N
    small = xp.exp(-abs(x))
    probability = xp.where(x >= 0, 1, small) / (1 + small)
    return number(loss), (probability - y) / N


def binary_svm_loss(x, y, margin=1.0):
    """Hinge loss of attributes that are each on or off: a score should be beyond the margin on the right side.

    x: scores (N, A), y: 0 or 1 of the same shape. Returns (loss, dx): mean over examples, sum over attributes.
    Source: Cortes & Vapnik 1995, sec. 3. Raises ShapeError, LabelError.

    >>> import numpy as np
    >>> binary_svm_loss(np.array([[0.5, -2.0]]), np.array([[1, 0]]))
    (0.5, array([[-1.,  0.]]))
    """
    xp, N = array_module(x), _attributes("binary_svm_loss", x, y)
    side = 2 * y.astype(x.dtype) - 1
    excess = xp.maximum(margin - side * x, 0)
    return number(excess.sum() / N), -side * (excess > 0) / N


def _attributes(operation, x, y):
    match_axes(operation, x=(x, "N A"), y=(y, "N A"))
    if may_look(y) and not ((y == 0) | (y == 1)).all():
        raise LabelError(
            f"{operation}: y holds numbers other than 0 and 1: mark each attribute as off (0) or on (1)"
        )
    return len(x)


def l2_loss(x, y):
    """Regression: half the squared distance from the target, summed over features, mean over examples.

    x, y: (N, ...) of one shape. Returns (loss, dx). Source: Bishop 2006, eq. 3.26. Raises ShapeError.

    >>> import numpy as np
    >>> l2_loss(np.array([[3.0]]), np.array([[1.0]]))
    (2.0, array([[2.]]))
    """
    N, difference = _difference("l2_loss", x, y)
    return number((difference * difference).sum() / (2 * N)), difference / N


def l1_loss(x, y):
    """Regression: the absolute distance from the target, summed over features, mean over examples.

    x, y: (N, ...) of one shape. Returns (loss, dx); dx is 0 where x equals y. Source: Girshick 2015, sec. 2.3.
    Raises ShapeError.

    >>> import numpy as np
    >>> l1_loss(np.array([[3.0]]), np.array([[1.0]]))
    (2.0, array([[1.]]))
    """
    N, difference = _difference("l1_loss", x, y)
    return number(abs(difference).sum() / N), array_module(x).sign(difference) / N


def smooth_l1_loss(x, y, turn=1.0):
    """Regression: squared within `turn` of the target, absolute beyond it, so that outliers do not rule.

    x, y: (N, ...) of one shape. Returns (loss, dx): sum over features, mean over examples.
    Source: Girshick 2015, "Fast R-CNN", eq. 3. Raises ShapeError.

    >>> import numpy as np
    >>> smooth_l1_loss(np.array([[3.0, 0.5]]), np.zeros((1, 2)))
    (2.625, array([[1. , 0.5]]))
    """
    N, difference = _difference("smooth_l1_loss", x, y)
    xp, size = array_module(x), abs(difference)
    loss = xp.where(size < turn, 0.5 * difference * difference / turn, size - 0.5 * turn)
    return number(loss.sum() / N), xp.clip(difference / turn, -1, 1) / N


def _difference(operation, x, y):
    axes = "N " + " ".join("ABCDE"[: max(getattr(x, "ndim", 1) - 1, 0)])
    match_axes(operation, x=(x, axes), y=(y, axes))
    return len(x), x - y.astype(x.dtype)


LOSSES = {"softmax": softmax_loss, "svm": svm_loss}
