"""Models: classifiers assembled from the layers, each a function of its options, and their list by name."""

import inspect

from nnscratch.choices import choose
from nnscratch.models.alexnet import small_alexnet
from nnscratch.models.alexnet2012 import alexnet, alexnet_one_tower, alexnet_torchvision
from nnscratch.models.captioning import CaptioningRNN
from nnscratch.models.char_rnn import CharRNN, char_rnn
from nnscratch.models.classifier import Classifier, InputError
from nnscratch.models.cuda_convnet import net_11pct, net_13pct, net_18pct, net_19pct, net_80sec
from nnscratch.models.googlenet import cifar_googlenet, googlenet
from nnscratch.models.lenet import lenet
from nnscratch.models.mlp import mlp
from nnscratch.models.nin import nin
from nnscratch.models.resnet import resnet18, resnet20, resnet32, resnet34, resnet50, resnet56
from nnscratch.models.vgg import cifar_vgg, vgg11, vgg13, vgg16, vgg19

MODELS = {
    "small-alexnet": small_alexnet,
    "lenet": lenet,
    "mlp": mlp,
    "alexnet": alexnet,
    "alexnet-one-tower": alexnet_one_tower,
    "alexnet-torchvision": alexnet_torchvision,
    "80sec": net_80sec,
    "18pct": net_18pct,
    "19pct": net_19pct,
    "13pct": net_13pct,
    "11pct": net_11pct,
    "vgg11": vgg11,
    "vgg13": vgg13,
    "vgg16": vgg16,
    "vgg19": vgg19,
    "cifar-vgg": cifar_vgg,
    "nin": nin,
    "googlenet": googlenet,
    "cifar-googlenet": cifar_googlenet,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet20": resnet20,
    "resnet32": resnet32,
    "resnet56": resnet56,
    "char-rnn": char_rnn,
}


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
    parameters = inspect.signature(builder).parameters
    for option in options:
        choose(option, parameters, f"option of {name}")
    model = builder(**options)
    model.spec = {"name": name, **options}
    if "image" in parameters:
        model.image = options.get("image", parameters["image"].default)
    return model
