"""The Solver: it learns, its history is true, equal seeds give equal bits, and bad input is named."""

import math
import signal

import numpy as np
import pytest

from nnscratch.data.dataset import Dataset
from nnscratch.layers import Affine, BatchNorm, Flatten, Layer, Sequential, svm_loss
from nnscratch.models import Classifier
from nnscratch.shapes import ShapeError
from nnscratch.training import (
    SGD,
    Adam,
    Callback,
    Cosine,
    Exponential,
    Momentum,
    NonFiniteLoss,
    ReduceOnPlateau,
    Solver,
    SolverError,
    evaluate,
)
from tests.training.small import bits, small_data, small_model


def test_it_learns():
    data = small_data()
    solver = Solver(small_model(), data, Adam(0.01), batch_size=16, epochs=15, seed=0)
    history = solver.train()
    assert history["epoch"] == list(range(1, 16))
    assert history["loss"][-1] < 0.3 < history["loss"][0]
    assert history["val_accuracy"][-1] > 0.85
    assert solver.finished


def test_the_history_is_true():
    data, model = small_data(), small_model()
    solver = Solver(
        model, data, Momentum(0.1), Exponential(0.5), batch_size=36, epochs=2, seed=0, train_samples=50
    )
    history = solver.train()
    row, losses = history.rows[-1], history.losses
    assert list(row) == [
        "epoch",
        "loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "rate",
        "seconds",
        "device",
        "precision",
    ]
    assert len(losses) == 6
    assert row["loss"] == pytest.approx((36 * losses[3] + 36 * losses[4] + 24 * losses[5]) / 96)
    scores = model.loss(data["x_val"])
    assert row["val_loss"] == pytest.approx(model.criterion(scores, data["y_val"])[0])
    assert row["val_accuracy"] == (scores.argmax(axis=1) == data["y_val"]).mean()
    spread = np.linspace(0, 95, 50).astype(int)
    assert row["train_accuracy"] == (model.predict(data["x_train"][spread]) == data["y_train"][spread]).mean()
    assert row["rate"] == pytest.approx(0.1 * 0.5 ** (1 + 2 / 3))
    assert 0 < row["seconds"] < 60


def test_evaluation_is_the_mean_over_examples_whatever_the_batch_size():
    data, model = small_data(), small_model()
    whole = evaluate(model, data["x_val"], data["y_val"], batch_size=30)
    pieces = evaluate(model, data["x_val"], data["y_val"], batch_size=7)
    assert pieces == pytest.approx(whole)
    solver = Solver(model, data, batch_size=16)
    assert solver.evaluate() == pytest.approx(whole)
    assert solver.accuracy(data["x_val"], data["y_val"]) == whole["accuracy"]
    with pytest.raises(SolverError, match="the data have no x_test"):
        solver.evaluate("test")


def test_every_epoch_is_another_permutation():
    data = small_data(N=20)
    data["x_train"] = np.arange(20, dtype=np.float32).reshape(20, 1, 1, 1)
    del data["x_val"], data["y_val"]
    seen = []

    class Look(Callback):
        def on_batch(self, solver, x, y):
            seen.extend(x.ravel().astype(int).tolist())

    history = Solver(
        small_model(image=(1, 1, 1)), data, batch_size=8, epochs=2, callbacks=[Look()], seed=0
    ).train()
    assert sorted(seen[:20]) == sorted(seen[20:]) == list(range(20))
    assert seen[:20] != seen[20:]
    assert "val_loss" not in history.columns


def run(seed, **settings):
    model = small_model(norm="batch", drop=0.3)
    solver = Solver(model, small_data(), Momentum(0.05), batch_size=16, epochs=2, seed=seed, **settings)
    history = solver.train()
    return bits(model), history.losses


def test_the_same_seed_gives_the_same_bits():
    assert run(seed=1) == run(seed=1)
    assert run(seed=1)[0] != run(seed=2)[0]


def test_a_dataset_serves_as_data():
    d = small_data()
    data = Dataset(
        d["x_train"], d["y_train"], None, None, d["x_val"], d["y_val"], classes=list("abc"), name="spots"
    )
    solver = Solver(small_model(), data, Adam(0.01), batch_size=16, epochs=8, seed=0)
    assert "val_loss" not in solver.train().columns
    assert solver.evaluate("test")["accuracy"] > 0.8


def test_the_seed_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("NNSCRATCH_SEED", "2")
    assert run(seed=None) == run(seed=2)


def test_looking_on_changes_nothing():
    """Evaluation between epochs, and its batch size, leave the training alone."""

    class Evaluate(Callback):
        def on_step(self, solver, loss, grads):
            solver.evaluate("val")

    assert run(seed=1, callbacks=[Evaluate()], train_samples=7) == run(seed=1)


def test_preprocessing_and_augmentation():
    data = small_data()
    data["x_train"] = data["x_train"] * 0 + 1
    seen = []

    class Look(Callback):
        def on_batch(self, solver, x, y):
            seen.append(float(x.max()))

    solver = Solver(
        small_model(),
        data,
        batch_size=48,
        epochs=1,
        callbacks=[Look()],
        augment=lambda x, rng: x + 1,
        preprocess=lambda x: x * 10,
        seed=0,
    )
    solver.train()
    assert seen == [20.0, 20.0]
    assert solver.probe(3)[0].max() == 10.0


def test_clipping_bounds_the_step():
    data, model = small_data(), small_model()
    before = {name: w.copy() for name, w in model.params.items()}
    solver = Solver(model, data, SGD(rate=1.0), batch_size=96, epochs=1, clip_norm=0.01, seed=0)
    solver.train()
    moved = sum(((w - before[name]) ** 2).sum() for name, w in model.params.items()) ** 0.5
    assert moved == pytest.approx(0.01, rel=1e-3)
    solver = Solver(model, data, SGD(rate=1.0), batch_size=96, epochs=1, clip_value=0.001, seed=0)
    before = {name: w.copy() for name, w in model.params.items()}
    solver.train()
    assert max(abs(w - before[name]).max() for name, w in model.params.items()) == pytest.approx(0.001, rel=1e-3)


def test_the_schedule_moves_within_the_epoch_and_hears_the_validation_loss():
    solver = Solver(small_model(), small_data(), SGD(0.2), Cosine(), batch_size=48, epochs=4, seed=0)
    assert solver.rate_at(0) == 0.2
    assert solver.rate_at(1) == pytest.approx(0.1 * (1 + math.cos(math.pi / 8)))
    heard, alone = ReduceOnPlateau(factor=0.5, patience=0), ReduceOnPlateau(factor=0.5, patience=0)
    history = Solver(small_model(), small_data(), SGD(2.0), heard, batch_size=16, epochs=6, seed=0).train()
    rates = []
    for loss in history["val_loss"]:
        rates.append(2.0 * alone(0, 6))
        alone.observe(loss)
    assert history["rate"] == rates
    assert heard.state == alone.state
    assert rates[-1] < 2.0


def test_stop_pauses_and_train_goes_on():
    straight, paused = small_model(drop=0.2), small_model(drop=0.2)
    settings = {"batch_size": 16, "epochs": 3, "seed": 5}
    Solver(straight, small_data(), Momentum(0.05), **settings).train()

    class Pause(Callback):
        def on_step(self, solver, loss, grads):
            if solver.steps in (1, 6, 8):
                solver.stop()

    solver = Solver(paused, small_data(), Momentum(0.05), callbacks=[Pause()], **settings)
    stands = []
    while not solver.finished:
        solver.train()
        stands.append((solver.epoch, solver.step_in_epoch))
    assert stands == [(0, 1), (1, 0), (1, 2), (3, 0)]
    assert bits(straight) == bits(paused)


def test_ctrl_c_lets_the_step_end_and_then_interrupts():
    class PressCtrlC(Callback):
        def on_batch(self, solver, x, y):
            if solver.steps == 3:
                signal.raise_signal(signal.SIGINT)

        def on_end(self, solver):
            ends.append((solver.steps, solver.finished))

    ends = []
    solver = Solver(small_model(), small_data(), batch_size=16, epochs=3, callbacks=[PressCtrlC()], seed=0)
    with pytest.raises(KeyboardInterrupt):
        solver.train()
    assert ends == [(4, False)]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_losses_serve():
    model = small_model()
    model.criterion = svm_loss
    solver = Solver(model, small_data(), Adam(0.01), batch_size=16, epochs=10, seed=0)
    assert solver.train()["val_accuracy"][-1] > 0.8


class Overflow(Layer):
    """Squares its input so often that float32 overflows when it is large."""

    def forward(self, x, train=False):
        with np.errstate(over="ignore"):
            return x**8, x

    def backward(self, dout, x):
        with np.errstate(over="ignore", invalid="ignore"):
            return dout * 8 * x**7, {}


class BadGradient(Layer):
    """Forward is right, backward divides by zero."""

    def __init__(self):
        super().__init__()
        self.params["scale"] = np.ones(1, np.float32)

    def forward(self, x, train=False):
        return x * self.params["scale"], x

    def backward(self, dout, x):
        return dout, {"scale": np.array([np.inf], np.float32)}


def broken(*layers):
    model = Classifier(Sequential(Flatten(), Affine(16, 8, rng=0), BatchNorm(8), *layers, Affine(8, 3, rng=1)))
    return Solver(model, small_data(), SGD(0.5), batch_size=16, epochs=1, seed=0)


def assert_names(solver, text):
    before = bits(solver.model)
    with pytest.raises(NonFiniteLoss) as error, np.errstate(all="ignore"):
        solver.train()
    assert text in str(error.value)
    assert "lower the rate (now 0.5)" in str(error.value)
    assert bits(solver.model) == before


def test_a_loss_that_overflows_names_the_layer_and_spares_the_model():
    solver = broken(Overflow(), Overflow())
    solver.model.params["batchnorm1.gamma"] *= 1000
    assert_names(solver, "the first layer whose output is not finite is overflow2, a Overflow; its input reaches")


def test_a_gradient_that_is_not_finite_is_named():
    assert_names(broken(BadGradient()), "the loss is finite but the gradient of badgradient1.scale is not")


def test_a_parameter_that_is_not_finite_is_named():
    solver = broken()
    solver.model.params["affine2.w"][0, 0] = np.nan
    assert_names(solver, "the parameter affine2.w was not finite before this step")


def test_an_input_that_is_not_finite_is_named():
    solver = broken()
    solver.batches.preprocess = lambda x: np.where(np.arange(len(x)).reshape(-1, 1, 1, 1) == 3, np.nan, x)
    assert_names(solver, "the input is not finite: first in example 3 of the batch")


def test_a_criterion_that_is_not_finite_is_named():
    solver = broken()
    solver.model.criterion = lambda scores, y: (float("nan"), scores)
    assert_names(solver, "every layer's output is finite but the loss is nan; look at the criterion")


def test_a_model_of_one_layer_is_traced_too():
    solver = broken()
    solver.model.layers = Overflow()
    with pytest.raises(NonFiniteLoss, match="not finite is overflow, a Overflow"), np.errstate(all="ignore"):
        solver.step(np.full((2, 3), 1e30, np.float32), np.array([0, 1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": None}, "the data have no x_train"),
        ({"y_train": np.full(96, 3)}, "y_train holds the label 3, but the model gives 3 scores: .* from 0 to 2"),
        ({"y_val": np.full(30, 9)}, "y_val holds the label 9"),
        ({"y_train": np.full(96, -1)}, "holds the label -1"),
        ({"y_train": np.zeros(96)}, "expected whole numbers, got float64"),
        ({"y_train": np.zeros(95, int)}, "95 labels for 96 images"),
        (
            {"x_train": np.zeros((0, 1, 4, 4)), "y_train": np.zeros(0, int)},
            "the set holds no images",
        ),
        ({"x_val": np.full((30, 1, 4, 4), np.nan)}, "holds NaN or infinity"),
    ],
)
def test_bad_data_is_refused_before_training(change, message):
    with pytest.raises(ValueError, match=message):
        Solver(small_model(), {**small_data(), **change}, batch_size=16)


@pytest.mark.parametrize("batch_size", [0, 97])
def test_a_batch_size_that_does_not_fit(batch_size):
    with pytest.raises(ValueError, match=f"batch_size is {batch_size}"):
        Solver(small_model(), small_data(), batch_size=batch_size)


def test_images_of_the_wrong_shape():
    with pytest.raises(ShapeError, match="axis D is 4 in x but 16 in w"):
        Solver(small_model(), {"x_train": np.zeros((9, 1, 2, 2)), "y_train": np.zeros(9, int)}, batch_size=3)
