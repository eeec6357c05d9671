"""Classifier: layers and a loss with one face, `loss(x, y) -> (loss, grads)` and `loss(x) -> scores`."""

import numpy as np

from nnscratch.arrays import array_module
from nnscratch.kernels import use_precision
from nnscratch.layers import Sequential, softmax, softmax_loss
from nnscratch.layers.base import infer, parameter_gradients
from nnscratch.shapes import ShapeError


class InputError(ValueError):
    """Images or features that a model cannot take."""


class Classifier:
    """Layers whose output are class scores, and the loss that trains them.

    `layers` is a Layer (mostly a Sequential), `criterion` a loss `(scores, y) -> (loss, dscores)`. `regularizer`,
    a function `(w, strength) -> (penalty, dw)`, prices every weight `w` (not biases, not norms) by `strength`.
    `spec` names the builder and its options, so that a saved run can be built again; `image` is the (C, H, W) that
    a network from `build` was made for, None for others.

    >>> from nnscratch.layers import Affine
    >>> model = Classifier(Affine(3, 2, rng=0))
    >>> loss, grads = model.loss(np.zeros((4, 3), np.float32), np.array([0, 1, 1, 0]))
    >>> round(loss, 3), list(grads), model.loss(np.zeros((4, 3), np.float32)).shape
    (0.693, ['w', 'b'], (4, 2))
    """

    def __init__(self, layers, criterion=softmax_loss, regularizer=None, strength=0.0, spec=None):
        self.layers = layers
        self.criterion = criterion
        self.regularizer, self.strength = regularizer, strength
        self.spec = spec
        self.image = None

    @property
    def params(self):
        """All parameters as one flat dict of arrays."""
        return self.layers.params

    @property
    def state(self):
        """All state that is not learned by gradients, such as running statistics, as one flat dict of arrays."""
        return self.layers.state

    @property
    def dtype(self):
        """The floating-point type of the parameters; inputs are converted to it."""
        return next((array.dtype for array in self.params.values()), np.dtype(np.float32))

    def loss(self, x, y=None):
        """Without y: scores in evaluation mode. With labels y: (loss, grads) in training mode.

        x: (N, ...) floating point, y: (N,) whole numbers. Raises InputError, ShapeError, LabelError.
        """
        x = self._input(x)
        if y is not None and len(x) == 0:
            raise InputError("x holds no examples: a loss needs at least one")
        try:
            if y is None:
                return infer(self.layers, x)
            scores, cache = self.layers.forward(x, train=True)
        except ShapeError as error:
            raise self._size_told(x, error) from error
        loss, dscores = self.price(scores, y)
        return self._regularize(loss, parameter_gradients(self.layers, dscores, cache))

    def price(self, scores, y):
        """Return the loss of training scores and its gradient; a network with several heads weighs them here."""
        return self.criterion(scores, y)

    def _input(self, x):
        if not hasattr(x, "dtype"):
            raise InputError(f"the model takes an array, but x is a {type(x).__name__}: use numpy.asarray(x)")
        if x.dtype == np.uint8:
            raise InputError(
                "x holds uint8, pixels from 0 to 255: scale it to floating point first, for instance with "
                "nnscratch.data.Standardize().fit(x_train)(x)"
            )
        return x.astype(self.dtype, copy=False) if x.dtype.kind == "f" else x

    def _size_told(self, x, error):
        """An error about shapes, in terms of the images where their size is the cause."""
        if self.image is None or tuple(x.shape[1:]) == tuple(self.image):
            return error
        holds, needs = ("x".join(str(size) for size in shape) for shape in (x.shape[1:], self.image))
        name = (self.spec or {}).get("name", "the network")
        advice = f"bring them to that size, or build the network with image={tuple(x.shape[1:])}"
        if x.ndim == 4 and x.shape[3] == self.image[0] != x.shape[1]:
            advice = "the colours seem to come last, so use x.transpose(0, 3, 1, 2)"
        words = f"{name} was built for images of {needs}, but those of x are {holds}"
        return ShapeError(f"{words}: {advice} ({error})")

    def _regularize(self, loss, grads):
        if self.regularizer is None:
            return loss, grads
        for name, w in self.params.items():
            if name.split(".")[-1] == "w":
                penalty, dw = self.regularizer(w, self.strength)
                loss, grads[name] = loss + penalty, grads[name] + dw
        return loss, grads

    def scores(self, x, batch_size=500):
        """Class scores (N, classes) in evaluation mode, `batch_size` examples at a time."""
        xp = array_module(x)
        return xp.concatenate([self.loss(x[i : i + batch_size]) for i in range(0, max(len(x), 1), batch_size)])

    def probabilities(self, x, batch_size=500):
        """Class probabilities (N, classes): the softmax of the scores."""
        return softmax(self.scores(x, batch_size))

    def predict(self, x, batch_size=500):
        """The likeliest class of every example, (N,) whole numbers."""
        return self.scores(x, batch_size).argmax(axis=1)

    def astype(self, dtype):
        """Convert the parameters to a dtype, in place; return the model itself."""
        self.layers.astype(dtype)
        return self

    def to(self, device):
        """Move the model to `"cpu"` or `"gpu"`, in place; return the model itself."""
        self.layers.to(device)
        return self

    def __repr__(self):
        count = sum(array.size for array in self.params.values())
        return f"Classifier({count:,} parameters, {self.criterion.__name__})\n{self.layers!r}"


def shape_after(layers, image, dtype=np.float32):
    """Return the shape, without N, that an image of a shape (C, H, W) has after a list of layers on the CPU.

    An image of zeros is sent through, to build the layers that come next. This is done in float32, or in `dtype`,
    whatever precision has been chosen for the GPU.

    >>> from nnscratch.layers import Conv, MaxPool
    >>> shape_after([Conv(3, 8, 5, rng=0), MaxPool(2)], (3, 32, 32))
    (8, 14, 14)
    """
    with use_precision("float32"):
        return Sequential(*layers).forward(np.zeros((1, *image), dtype))[0].shape[1:]
