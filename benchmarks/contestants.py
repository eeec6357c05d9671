"""Who takes part: a small AlexNet of ours and its twins in PyTorch, all with one face and the same weights."""

from functools import partial

import numpy as np

from benchmarks.duel import OURS
from nnscratch.arrays import to_device
from nnscratch.models import small_alexnet
from nnscratch.training import Momentum, Nesterov
from nnscratch.training.ahead import StepsAhead, stream_for

TORCH_FORMS = ("torch eager", "torch channels_last", "torch.compile", "torch.compile channels_last")
RATE, MOMENTUM, DECAY = 1e-3, 0.9, 5e-4


class Ours:
    """A model of ours and its optimiser."""

    def __init__(self, model):
        self.model = model
        self.optimizer = Momentum(RATE, MOMENTUM, weight_decay=DECAY)

    def look_ahead(self):
        """Take steps with Nesterov's momentum from now on."""
        self.optimizer = Nesterov(RATE, MOMENTUM, weight_decay=DECAY)

    def batch(self, x, y=None):
        """Return images and labels as this contestant takes them."""
        return (x,) if y is None else (x, y)

    def gradients(self, x, y):
        """Run forward, loss and backward in training mode; return the loss and the gradients."""
        return self.model.loss(x, y)

    def step(self, x, y, rate=RATE):
        """Take a training step: forward, loss, backward, momentum with weight decay; return the loss."""
        loss, grads = self.gradients(x, y)
        self.optimizer.step(self.model.params, grads, rate)
        return loss

    def scores(self, x):
        """Return the class scores in evaluation mode, as a NumPy array."""
        return self.model.loss(x)


class OursAhead(Ours):
    """A model of ours on the GPU, for whose steps the host does not wait, as the Solver takes them."""

    def __init__(self, model, most, graph=False):
        super().__init__(model.to("gpu"))
        self.ahead = StepsAhead(self.model, self.optimizer, lambda grads: grads, most, graph)

    def batch(self, x, y=None):
        """Return images and labels on the GPU."""
        return tuple(to_device(array, "gpu") for array in super().batch(x, y))

    def steps(self, x, y, count):
        """Take so many steps on one batch and wait for them; return the last loss."""
        with stream_for(self.ahead.recorded and self.ahead):
            for _ in range(count):
                self.ahead.take(x, y, RATE)
            losses, _ = self.ahead.look()
        return losses[-1]


def contestant(form, model):
    """Return our model itself, or its twin in one of the forms of PyTorch.

    Whoever asks for ours alone does not load PyTorch.
    """
    if form == OURS:
        return Ours(model)
    from benchmarks.networks import Theirs

    return Theirs(model, form)


def field(make, forms):
    """Return {name: contestant}: ours and the given forms of PyTorch, each on a model of its own."""
    return {form: contestant(form, make()) for form in (OURS, *forms)}


def alexnets(width, norm, forms):
    """Return the field for the small AlexNet of a width and norm."""
    return field(lambda: small_alexnet(width, norm=norm), forms)


def random_batch(count, image=(3, 32, 32), classes=10, seed=0):
    """Return `count` images of noise, float32, and labels."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, *image)).astype(np.float32), rng.integers(0, classes, count)


def calls(field, method, x, y=None):
    """Return {name: a call without arguments of a method ("step", "scores", ...) on a batch}."""
    return {name: partial(getattr(one, method), *one.batch(x, y)) for name, one in field.items()}


def add_peers(parser):
    """Add the option that chooses the peers."""
    parser.add_argument(
        "--peers", nargs="+", choices=TORCH_FORMS, default=list(TORCH_FORMS), metavar="PEER",
        help=f"the forms of PyTorch to race against (all: {', '.join(TORCH_FORMS)})",
    )  # fmt: skip
