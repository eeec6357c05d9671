"""On a card, the small AlexNet learns CIFAR-10 in every precision, step by step and as a graph."""

import pytest

from nnscratch import data
from nnscratch.data import augment
from nnscratch.gpu import gpu_problem
from nnscratch.kernels import PRECISIONS, use_precision
from nnscratch.models import small_alexnet
from nnscratch.training import Nesterov, OneCycle, Solver
from tests.conftest import real_data


@pytest.fixture(scope="module")
def images():
    if problem := gpu_problem():
        pytest.skip(problem)
    return data.load(str(real_data("cifar10-images.tar.xz")), validation=0)


@pytest.mark.gpu
@pytest.mark.parametrize("graph", [False, True], ids=["step by step", "graph"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_ten_epochs_of_cifar10(precision, graph, images):
    """On the CPU `nnscratch train` comes to 80% in as many epochs."""
    solver = Solver(
        small_alexnet().to("gpu"), images, Nesterov(0.06, weight_decay=5e-4), OneCycle(),
        batch_size=128, epochs=10, augment=augment.parse("standard"), graph=graph,
        preprocess=data.Standardize().fit(images.x_train),
    )  # fmt: skip
    with use_precision(precision):
        solver.train()
        assert solver.evaluate("test")["accuracy"] > 0.78
    assert "lie on the GPU" in solver.placement
