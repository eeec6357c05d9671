"""Models: classifiers assembled from the layers, each a function of its options, and their list by name."""

import inspect

from nnscratch.choices import choose
from nnscratch.models.alexnet import small_alexnet
from nnscratch.models.captioning import CaptioningRNN
from nnscratch.models.char_rnn import CharRNN, char_rnn
from nnscratch.models.classifier import Classifier, InputError
from nnscratch.models.lenet import lenet
from nnscratch.models.mlp import mlp

MODELS = {"small-alexnet": small_alexnet, "lenet": lenet, "mlp": mlp, "char-rnn": char_rnn}


def build(name, **options):
    """Build a model by name, and note name and options in its `spec`, from which it can be built again.

    Raises ValueError for an unknown name or option, with the nearest valid one.

    >>> model = build("small-alexnet", width=4, norm="lrn")
    >>> model.spec
    {'name': 'small-alexnet', 'width': 4, 'norm': 'lrn'}
    >>> build(**model.spec).spec == model.spec
    True
    """
    builder = choose(name, MODELS, "model")
    for option in options:
        choose(option, inspect.signature(builder).parameters, f"option of {name}")
    model = builder(**options)
    model.spec = {"name": name, **options}
    return model
