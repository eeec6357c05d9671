"""Models, optimisers, Solver and checkpoints on the GPU: as on the CPU, without waiting, with a graph or not."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch.data.augment import Compose, Mirror, PadCrop
from nnscratch.data.preprocess import Standardize
from nnscratch.gradcheck import assert_gradients
from nnscratch.layers import Affine, Dropout, Flatten, Layer, Maxout, ReLU, Sequential
from nnscratch.models import MODELS, Classifier, lenet, small_alexnet
from nnscratch.training import (
    OPTIMIZERS,
    Babysitter,
    BestWeights,
    Callback,
    Checkpoint,
    MaxNorm,
    Momentum,
    NonFiniteLoss,
    OneCycle,
    Solver,
    WeightAverage,
)
from nnscratch.training.ahead import GraphError
from tests.models.test_models import DEEP, SMALL
from tests.training.small import small_data, small_model

CHECKED = {  # models, and the shape of their images
    "mlp": (lambda: small_model(norm="batch"), (1, 4, 4)),
    "small-alexnet": (lambda: small_alexnet(2, image=(3, 8, 8), drop=0.0), (3, 8, 8)),
    "small-alexnet with lrn": (lambda: small_alexnet(2, norm="lrn", image=(3, 8, 8), drop=0.0), (3, 8, 8)),
    "lenet": (lambda: lenet(image=(1, 16, 16)), (1, 16, 16)),
}
SMALL_FORMS = {
    name: (partial(model, classes=3, image=image, **options), image)
    for name, model in MODELS.items()
    for builder, image, options in [*SMALL, *DEEP]
    if builder is model and name not in CHECKED
}
TRIED = {**CHECKED, **SMALL_FORMS}
pytestmark = pytest.mark.filterwarnings("ignore::nnscratch.training.TrainingWarning")


def without_masks(model):
    """Return the model with its dropout turned off: the CPU draws other masks than the GPU."""
    left = [model.layers]
    while left:
        layer = left.pop()
        left += layer.children.values()
        if isinstance(layer, Dropout):
            layer.drop = 0.0
    return model


def batch(image, classes, count=12, dtype=np.float32):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, *image)).astype(dtype), rng.integers(0, classes, count)


def solver_on(device, data=None, model=None, **settings):
    """A run of two epochs with 6 steps each, on a device."""
    model = (model or small_model(norm="batch", drop=0.3)).to(device)
    data = data or small_data()
    defaults = {"batch_size": 16, "epochs": 2, "seed": 3, "preprocess": Standardize().fit(data["x_train"])}
    return Solver(model, data, settings.pop("optimizer", Momentum(0.05)), OneCycle(), **{**defaults, **settings})


def arrays_of(solver):
    """All that a run has come to, as NumPy arrays."""
    model = solver.model
    found = {**model.params, **{f"state.{k}": v for k, v in model.state.items()}}
    found |= {f"optimizer.{k}": v for k, v in solver.optimizer.state.items()}
    return {name: array.get() if hasattr(array, "get") else array for name, array in found.items()}


def assert_same_bits(one, other):
    one, other = arrays_of(one), arrays_of(other)
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].tobytes() == other[name].tobytes(), name


def test_every_model_is_tried():
    assert {name.split()[0] for name in TRIED} == set(MODELS) - {"char-rnn"}  # which has a test beside it


@pytest.mark.parametrize("make, image", TRIED.values(), ids=TRIED)
def test_a_model_gives_what_it_gives_on_the_cpu_and_moves_back(make, image, cupy):
    model = without_masks(make().astype(np.float64))
    x, y = batch(image, 3, dtype=np.float64)
    expected, grads = model.loss(x, y)
    scores = model.loss(x)
    model = without_masks(make().astype(np.float64)).to("gpu")
    loss, there = model.loss(cupy.asarray(x), cupy.asarray(y))
    assert_allclose(loss, expected, rtol=1e-10)
    for key in grads:
        assert_allclose(there[key].get(), grads[key], rtol=1e-8, atol=1e-10, err_msg=key)
    assert_allclose(model.predict(cupy.asarray(x)).get(), scores.argmax(axis=1))
    assert_allclose(model.to("cpu").loss(x), scores, rtol=1e-8)


@pytest.mark.parametrize(
    "make, image",
    [pytest.param(*one, id=name, marks=[pytest.mark.slow] * (name != "mlp")) for name, one in CHECKED.items()],
)
def test_gradients_of_whole_models(make, image, cupy):
    """By differences on the GPU; the test above compares every gradient of every model with the CPU's."""
    model = make().to("gpu")
    x, y = batch(image, 3, count=3)
    assert_gradients(model, cupy.asarray(x), cupy.asarray(y), rng=1, elements=1)


def rules_with_and_without_a_graph(rules, quick):
    """Each rule both ways, all but `quick` slow: a test beside them compares the two ways by their bits."""
    return pytest.mark.parametrize(
        "rule, graph",
        [
            pytest.param(rule, graph, id=f"{rule}-{way}", marks=[pytest.mark.slow] * ((rule, graph) not in quick))
            for rule in rules
            for graph, way in ((False, "step by step"), (True, "graph"))
        ],
    )


@rules_with_and_without_a_graph(OPTIMIZERS, quick=[("adam", False), *((rule, True) for rule in OPTIMIZERS)])
def test_every_optimiser_trains_as_on_the_cpu(rule, graph, cupy):
    settings = {"rate": 0.01, "weight_decay": {"*.w": 0.01}, "rate_scale": {"*.b": 2.0}}
    runs = {}
    for device in ("cpu", "gpu"):
        model = small_model(norm="batch").astype(np.float64)
        options = {"clip_norm": 1.0, "graph": graph and device == "gpu", "model": model}
        runs[device] = solver_on(device, optimizer=OPTIMIZERS[rule](**settings), **options)
        runs[device].train()
    cpu, gpu = arrays_of(runs["cpu"]), arrays_of(runs["gpu"])
    for name in cpu:
        assert_allclose(gpu[name], cpu[name], rtol=1e-6, atol=1e-9, err_msg=name)
    assert_allclose(runs["gpu"].history.losses, runs["cpu"].history.losses, rtol=1e-6)
    rows = [
        [row[c] for c in ("loss", "train_accuracy", "val_loss", "val_accuracy")]
        for row in runs["gpu"].history.rows
    ]
    assert_allclose(rows, [[row[c] for c in ("loss", "train_accuracy", "val_loss", "val_accuracy")]
                           for row in runs["cpu"].history.rows], rtol=1e-6)  # fmt: skip


def test_a_graph_gives_the_same_bits_as_step_by_step(cupy):
    runs = [
        solver_on("gpu", graph=graph, augment=Compose(Mirror(), PadCrop(1)), epochs=3) for graph in (False, True)
    ]
    for solver in runs:
        solver.train()
    assert_same_bits(*runs)
    assert runs[0].history.losses == runs[1].history.losses


def test_only_whole_batches_are_replayed(cupy):
    solver = solver_on("gpu", graph=True, batch_size=20, epochs=4)  # 96 images: the fifth batch has 16
    solver.train()
    plain = solver_on("gpu", batch_size=20, epochs=4)
    plain.train()
    assert_same_bits(solver, plain)


def test_a_step_that_asks_for_a_number_cannot_be_recorded(cupy):
    class Curious(Layer):
        def forward(self, x, train=False):
            return x * (1 if float(x.sum()) < 1e9 else 0), None

        def backward(self, dout, cache):
            return dout, {}

    model = Classifier(Sequential(Flatten(), Affine(16, 3, rng=0), Curious(), ReLU()))
    with pytest.raises(GraphError, match="asks for a number from the GPU.*graph=False"):
        solver_on("gpu", model=model, graph=True).train()


def test_products_through_cublas_cannot_be_recorded(cupy):
    model = Classifier(Sequential(Flatten(), Maxout(16, 3, rng=0)))
    with pytest.raises(GraphError, match="cuBLAS API during stream capture.*as Maxout and LocalConv do"):
        solver_on("gpu", model=model, graph=True).train()


@pytest.mark.parametrize("graph", [False, True], ids=["step by step", "graph"])
def test_training_waits_only_to_look_at_losses(graph, cupy, waits):
    solver = solver_on(
        "gpu", graph=graph, batch_size=8, epochs=1, augment=Compose(Mirror(), PadCrop(1)), loss_every=4
    )
    solver._settle()  # the images are copied once
    batches = list(solver.batches.epoch(0))  # and the order of the examples once for each epoch
    from nnscratch.training.ahead import stream_for

    with stream_for(graph and solver._ahead):
        for x, y in batches[:3]:
            solver._take(x, y)
        solver._look()
        with waits(2):  # 8 steps, looked at twice
            for x, y in batches[3:11]:
                solver._take(x, y)
    with waits(0):
        solver.batches._batch(cupy.arange(96), 0, 5)


def test_a_loss_that_is_not_finite_is_found_late_and_does_no_harm(cupy):
    data = small_data()
    data["x_train"] = data["x_train"].copy()
    runs = [solver_on("gpu", data, preprocess=None, loss_every=every) for every in (50, 50)]
    healthy, solver = runs
    solver._settle()
    order = solver.batches._order(0).get()
    bad = int(order[3 * 16])  # in the fourth batch
    solver.batches.x[bad] = np.nan
    with pytest.raises(NonFiniteLoss, match="step 4 of epoch 1: the input is not finite: first in example 0"):
        solver.train()
    healthy.callbacks = [StopAt(3)]
    healthy.train()
    assert_same_bits(solver, healthy)
    assert solver.history.losses == healthy.history.losses and solver.step_in_epoch == 3


class StopAt(Callback):
    def __init__(self, *steps):
        self.steps = steps

    def on_step(self, solver, loss, grads):
        if solver.steps in self.steps:
            solver.stop()


@rules_with_and_without_a_graph(["nesterov", "adam"], quick=[("nesterov", True), ("adam", False)])
def test_a_resumed_run_ends_with_the_same_bits(rule, graph, tmp_path, cupy):
    def callbacks():
        return [
            Babysitter(every=4),
            BestWeights(),
            WeightAverage(0.9),
            MaxNorm(3.0),
            Checkpoint(tmp_path, every_steps=5),
        ]

    def make(more=()):
        options = {"augment": Compose(Mirror(), PadCrop(1)), "callbacks": [*callbacks(), *more], "graph": graph}
        return solver_on("gpu", optimizer=OPTIMIZERS[rule](rate=0.01), **options)

    straight = make()
    straight.train()
    interrupted = make([StopAt(4)])
    interrupted.train()
    assert interrupted.steps == 4
    resumed = make()
    resumed.load(tmp_path)
    resumed.train()
    assert_same_bits(resumed, straight)
    assert resumed.history.losses == straight.history.losses


def test_checkpoints_go_both_ways(tmp_path, cupy):
    first = solver_on("gpu", callbacks=[StopAt(7), WeightAverage(0.9)])
    first.train()
    first.save(tmp_path / "from-gpu")
    on_cpu = solver_on("cpu", callbacks=[WeightAverage(0.9)])
    on_cpu.load(tmp_path / "from-gpu")
    assert all(isinstance(a, np.ndarray) for a in on_cpu.optimizer.state.values())
    on_cpu.train()
    on_cpu.save(tmp_path / "from-cpu")
    back = solver_on("gpu", callbacks=[WeightAverage(0.9)])
    back.load(tmp_path / "from-cpu")
    assert all(isinstance(a, cupy.ndarray) for a in (*back.optimizer.state.values(), *back.model.params.values()))
    assert_same_bits(back, on_cpu)


def test_images_that_do_not_fit_stay_on_the_cpu(cupy, monkeypatch):
    fitting = solver_on("gpu")
    fitting.train()
    assert "lie on the GPU" in fitting._placed.words
    monkeypatch.setattr("nnscratch.gpu.free_memory", lambda: 1000)
    solver = solver_on("gpu")
    solver.train()
    assert "stay on the CPU" in solver._placed.words and "each batch" in solver._placed.words
    assert_same_bits(solver, fitting)  # without augmentation, the batches are the same
