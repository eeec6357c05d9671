"""The race is honest: the networks in PyTorch have our parameters, and with them our losses and gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch.layers import AveragePool
from nnscratch.models import small_alexnet
from tests import needs

torch = needs.package("torch")

from benchmarks import contestants, first_step, networks, passes  # noqa: E402

F = torch.nn.functional


def double(model):
    """A twin in float64, so that nothing but mistakes tells the two apart."""
    twin = networks.twin(model.layers).double()
    with torch.no_grad():
        for name, array in model.params.items():
            layer, _, own = name.rpartition(".")
            module = twin.get_submodule(layer)
            weights = array.T if isinstance(module, torch.nn.Linear) else array
            getattr(module, networks.NAMES[own]).copy_(torch.from_numpy(weights))
    return twin


@pytest.mark.parametrize("norm", ["batch", "lrn", "none"])
def test_same_loss_and_gradients(norm):
    model = small_alexnet(width=4, norm=norm, drop=0.0, dtype=np.float64)
    twin = double(model)
    x, y = contestants.random_batch(6)
    x = x.astype(np.float64)
    loss, grads = model.loss(x, y)
    theirs = F.cross_entropy(twin(torch.from_numpy(x)), torch.from_numpy(y))
    theirs.backward()
    assert_allclose(loss, theirs.item(), rtol=1e-10)
    found = networks.gradients(twin)
    assert found.keys() == grads.keys()
    for name, grad in grads.items():
        assert_allclose(found[name], grad, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("form", contestants.TORCH_FORMS[:2])
def test_same_training(form):
    """Three steps of momentum with weight decay end at the same parameters, and at the same scores."""
    ours, theirs = (
        contestants.contestant(one, small_alexnet(width=4, norm="none", drop=0.0)) for one in ("nnscratch", form)
    )
    x, y = contestants.random_batch(6)
    for _ in range(3):
        losses = [one.step(*one.batch(x, y), rate=0.05) for one in (ours, theirs)]
        assert_allclose(*losses, rtol=1e-4)
    start = small_alexnet(width=4, norm="none", drop=0.0)
    after = dict(theirs.network.named_parameters())
    for name, w in ours.model.params.items():
        layer, _, own = name.rpartition(".")
        moved = after[f"{layer}.{networks.NAMES[own]}"].detach().numpy()
        moved = moved.T if moved.ndim == 2 else moved
        assert abs(w - start.params[name]).max() > 1e-5, name
        assert_allclose(moved, w, atol=2e-5, err_msg=name)
    assert_allclose(*(one.scores(*one.batch(x)) for one in (ours, theirs)), atol=2e-4)


def test_same_dropout_share_and_modes():
    theirs = contestants.contestant("torch eager", small_alexnet(width=4, drop=0.25))
    assert [m.p for m in theirs.network.modules() if isinstance(m, torch.nn.Dropout)] == [0.25, 0.25]
    x = theirs.batch(contestants.random_batch(4)[0])
    assert_allclose(theirs.scores(*x), theirs.scores(*x))


def test_each_layer_gives_what_its_twin_gives():
    x, _ = contestants.random_batch(4)
    for name, layer, seen in passes.inputs_of(small_alexnet(width=4, drop=0.0), x):
        for way, calls in passes.both_passes(layer, seen).items():
            results = [call() for call in calls.values()]
            first = [result[0] if isinstance(result, tuple) else result for result in results]
            arrays = [np.asarray(value.detach() if hasattr(value, "detach") else value) for value in first]
            for array in arrays[1:]:
                assert_allclose(array, arrays[0], rtol=1e-4, atol=2e-4, err_msg=f"{name} {way}")


def test_parts_of_a_convolution():
    x, _ = contestants.random_batch(4)
    _, layer, _ = next(iter(passes.inputs_of(small_alexnet(width=4), x)))
    for part, calls in passes.conv_parts(layer, x).items():
        if part != "all":
            ours, *theirs = (call() for call in calls.values())
            for other in theirs:
                assert_allclose(other, ours, rtol=1e-4, atol=2e-4, err_msg=part)


def test_a_layer_without_a_twin_is_named():
    with pytest.raises(TypeError, match="no PyTorch twin of AveragePool"):
        networks.twin(AveragePool(2))


def test_the_network_written_out_for_startup_is_the_same():
    written = first_step.small_alexnet(8).state_dict()
    twin = networks.twin(small_alexnet(8).layers).state_dict()
    assert [tuple(array.shape) for array in written.values()] == [tuple(array.shape) for array in twin.values()]


def test_both_look_ahead_alike():
    x, y = contestants.random_batch(6)
    losses = []
    for form in ("nnscratch", "torch eager"):
        one = contestants.contestant(form, small_alexnet(width=4, norm="none", drop=0.0))
        one.look_ahead()
        losses.append([one.step(*one.batch(x, y), rate=0.01) for _ in range(6)])
    assert_allclose(*losses, rtol=1e-4)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.slow
def test_compiled_networks_train_the_same():
    x, y = contestants.random_batch(6)
    ours = contestants.contestant("nnscratch", small_alexnet(width=4, drop=0.0))
    expected = [ours.step(*ours.batch(x, y)) for _ in range(2)]
    for form in contestants.TORCH_FORMS[2:]:
        theirs = contestants.contestant(form, small_alexnet(width=4, drop=0.0))
        assert_allclose([theirs.step(*theirs.batch(x, y)) for _ in range(2)], expected, rtol=1e-3)
