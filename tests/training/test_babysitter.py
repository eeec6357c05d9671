"""The babysitter: true figures on a healthy run, and a warning for each illness."""

import csv
import warnings

import numpy as np
import pytest

from nnscratch.layers import svm_loss
from nnscratch.training import SGD, Adam, Babysitter, Callback, Cosine, Solver, TrainingWarning
from tests.training.small import bits, small_data, small_model

pytestmark = pytest.mark.filterwarnings("ignore::nnscratch.training.TrainingWarning")


def watch(model, optimizer, *others, epochs=1, schedule=None, data=None, **settings):
    babysitter = Babysitter(**{"every": 1, "probe": 50, **settings})
    callbacks = [*others, babysitter]
    Solver(
        model, data or small_data(), optimizer, schedule, batch_size=16, epochs=epochs, callbacks=callbacks, seed=0
    ).train()
    return babysitter


def test_a_healthy_run_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        babysitter = watch(small_model(norm="batch"), SGD(0.01), epochs=3, schedule=Cosine())
    assert babysitter.messages == {}


def test_the_figures_are_true():
    model, moved = small_model(), []

    class Look(Callback):
        def on_batch(self, solver, x, y):
            self.before = model.params["affine1.w"].copy()

        def on_step(self, solver, loss, grads):
            w = model.params["affine1.w"]
            moved.append(np.linalg.norm(w - self.before) / np.linalg.norm(self.before))
            self.dw = grads["affine1.w"]

    look = Look()
    babysitter = watch(model, SGD(0.05), look, epochs=2)
    data = small_data()
    x = data["x_train"][np.linspace(0, 95, 50).astype(int)].reshape(50, 16)
    hidden = x @ model.params["affine1.w"] + model.params["affine1.b"]
    rows = {row["layer"]: row for row in babysitter.rows if row["epoch"] == 2}
    assert list(rows) == ["flatten1", "affine1", "relu1", "affine2"]
    assert rows["affine1"]["output_std"] == pytest.approx(hidden.std(), rel=1e-5)
    assert rows["relu1"]["output_mean"] == pytest.approx(np.maximum(hidden, 0).mean(), rel=1e-5)
    assert rows["relu1"]["dead"] == (hidden <= 0).all(axis=0).mean()
    assert rows["affine1"]["dead"] is None
    assert rows["affine1"]["ratio"] == pytest.approx(np.median(moved[6:]), rel=1e-4)
    assert rows["affine1"]["gradient_std"] == pytest.approx(look.dw.std())
    assert rows["flatten1"]["ratio"] is None


def test_looking_on_changes_nothing():
    watched, alone = small_model(norm="batch", drop=0.3), small_model(norm="batch", drop=0.3)
    watch(watched, Adam(0.001), epochs=2)
    Solver(alone, small_data(), Adam(0.001), batch_size=16, epochs=2, seed=0).train()
    assert bits(watched) == bits(alone)


def test_a_first_loss_that_is_far_off():
    model = small_model()
    model.params["affine2.b"][0] = 10
    with pytest.warns(
        TrainingWarning, match=r"the first loss is .*, but equal scores for all classes give 1.1: make"
    ):
        babysitter = watch(model, SGD(1e-3))
    assert "first loss" in babysitter.messages


def test_the_first_loss_of_a_hinge_is_judged_by_a_hinge():
    model = small_model()
    model.criterion = svm_loss
    assert "first loss" not in watch(model, SGD(0.01)).messages


@pytest.mark.parametrize(
    ("rate", "message"), [(5.0, "affine1: .* lower the rate"), (1e-6, "affine1: .* raise the rate")]
)
def test_a_rate_that_is_far_off(rate, message):
    with pytest.warns(TrainingWarning, match=message):
        watch(small_model(), SGD(rate), epochs=2)


def test_dead_relus():
    model = small_model(hidden=(16,))
    model.params["affine1.b"][:12] = -100
    with pytest.warns(TrainingWarning, match="relu1: 75% of its units are 0 for all probe images"):
        babysitter = watch(model, SGD(1e-2), epochs=3)
    assert len([cause for cause in babysitter.messages if "dead" in cause]) == 1


def test_the_table_and_the_state(tmp_path):
    babysitter = watch(small_model(), SGD(0.02), epochs=2)
    babysitter.to_csv(tmp_path / "babysitter.csv")
    with (tmp_path / "babysitter.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["layer"] for row in rows] == ["flatten1", "affine1", "relu1", "affine2"] * 2
    assert float(rows[1]["ratio"]) == babysitter.rows[1]["ratio"]
    again = Babysitter()
    again.load_state(babysitter.state)
    assert again.rows == babysitter.rows
