"""Callbacks: each does what it says, and nothing when training only pauses."""

import math
import shutil

import numpy as np
import pytest

from nnscratch.layers import max_norm
from nnscratch.training import (
    Adam,
    BestWeights,
    Callback,
    Checkpoint,
    CheckpointError,
    CSVHistory,
    EarlyStopping,
    History,
    HistoryError,
    MaxNorm,
    Momentum,
    Nesterov,
    ProgressBar,
    Solver,
    TrainingWarning,
    WeightAverage,
    load_checkpoint,
)
from nnscratch.training.weights import copy_arrays
from tests.training.small import bits, small_data, small_model


def train(*callbacks, epochs=3, optimizer=None, model=None, data=None):
    model = model or small_model(norm="batch", drop=0.2)
    optimizer = optimizer or Momentum(0.1)
    solver = Solver(
        model, data or small_data(), optimizer, batch_size=16, epochs=epochs, callbacks=callbacks, seed=0
    )
    solver.train()
    return solver


class Say(Callback):
    """Note every event and where the run stands."""

    def __init__(self, notes):
        self.notes = notes

    def on_start(self, solver):
        self.notes.append("start")

    def on_batch(self, solver, x, y):
        self.notes.append(f"batch {solver.steps}")

    def on_step(self, solver, loss, grads):
        assert math.isfinite(loss)
        assert set(grads) == set(solver.model.params)
        self.notes.append(f"step {solver.steps}")

    def on_epoch(self, solver, row):
        assert row is solver.history.rows[-1]
        self.notes.append(f"epoch {row['epoch']}")

    def on_end(self, solver):
        self.notes.append("end")


def test_events_come_in_order():
    notes = []
    data = small_data(N=32)
    train(Say(notes), epochs=2, data=data)
    epochs = [
        ["batch 0", "step 1", "batch 1", "step 2", "epoch 1"],
        ["batch 2", "step 3", "batch 3", "step 4", "epoch 2"],
    ]
    assert notes == ["start", *epochs[0], *epochs[1], "end"]


def test_early_stopping_waits_for_its_patience():
    class Fake(Callback):
        def on_epoch(self, solver, row):
            row["val_accuracy"] = [0.5, 0.6, 0.6, 0.5, 0.55, 0.9][row["epoch"] - 1]

    solver = train(Fake(), EarlyStopping(patience=3), epochs=6)
    assert solver.epoch == 5
    assert solver.finished


def test_nan_is_never_the_best():
    stopping = EarlyStopping(metric="val_loss")
    improved = [
        stopping.improves({"epoch": e, "val_loss": v}) for e, v in enumerate([math.nan, 2.0, math.nan, 1.0, 1.0])
    ]
    assert improved == [False, True, False, True, False]


def test_a_metric_that_is_not_there_names_those_that_are():
    data = small_data()
    del data["x_val"], data["y_val"]
    with pytest.raises(HistoryError, match="no 'val_accuracy', only epoch, loss, .* x_val and y_val"):
        train(EarlyStopping(), data=data)


def test_best_weights_come_back_with_their_running_statistics():
    kept = {}

    class Keep(Callback):
        def on_epoch(self, solver, row):
            kept[row["epoch"]] = bits(solver.model)

    best = BestWeights("val_loss")
    solver = train(Keep(), best, epochs=8, optimizer=Momentum(1.0))
    losses = solver.history["val_loss"]
    assert best.best_epoch == 1 + losses.index(min(losses))
    assert best.best_epoch < 8
    assert bits(solver.model) == kept[best.best_epoch]
    assert solver.evaluate()["loss"] == min(losses)


def test_a_pause_leaves_the_weights_alone():
    class Pause(Callback):
        def on_epoch(self, solver, row):
            self.seen = bits(solver.model)
            if row["epoch"] == 5:
                solver.stop()

    pause = Pause()
    solver = train(BestWeights("val_loss"), WeightAverage(0.9), pause, epochs=8, optimizer=Momentum(1.0))
    assert not solver.finished
    assert bits(solver.model) == pause.seen


def test_max_norm_holds_after_every_step():
    class Look(Callback):
        def on_step(self, solver, loss, grads):
            for name, w in solver.model.params.items():
                if name.endswith(".w"):
                    np.testing.assert_allclose(w, max_norm(w, 0.5), rtol=1e-5)
                    assert w.dtype == np.float32

    solver = train(MaxNorm(0.5), Look(), optimizer=Nesterov(0.5))
    assert np.linalg.norm(solver.model.params["affine2.w"], axis=0).max() == pytest.approx(0.5, rel=1e-3)


def test_the_weight_average_is_what_its_formula_says():
    seen = []

    class Look(Callback):
        def on_step(self, solver, loss, grads):
            seen.append({k: a.astype(float) for k, a in copy_arrays(solver.model).items() if a.dtype.kind == "f"})

    solver = train(Look(), WeightAverage(0.8))
    expected = seen[0]
    for step, arrays in enumerate(seen[1:], start=2):
        decay = min(0.8, step / (step + 10))
        expected = {name: decay * expected[name] + (1 - decay) * a for name, a in arrays.items()}
    for name, array in copy_arrays(solver.model).items():
        if name in expected:
            np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-6)
    assert "state.batchnorm1.mean" in expected


def test_checkpoints_are_saved_when_they_should_be(tmp_path):
    saved = []

    class Spy(Checkpoint):
        def on_start(self, solver):
            solver_save = solver.save
            solver.save = lambda folder: (saved.append((folder.name, solver.steps)), solver_save(folder))
            super().on_start(solver)

    train(Spy(tmp_path / "c", every_epochs=2, every_steps=5, keep_all=True), epochs=3)
    expected = [("c", 0), ("c", 5), ("c", 10), ("c", 12), ("epoch-002", 12), ("c", 15), ("c", 18)]
    assert saved == expected
    assert load_checkpoint(tmp_path / "c")[1]["position"]["epoch"] == 3
    assert load_checkpoint(tmp_path / "c" / "epoch-002")[1]["position"]["epoch"] == 2


def test_a_checkpoint_sees_what_callbacks_listed_after_it_have_done(tmp_path):
    train(Checkpoint(tmp_path), BestWeights("loss"))
    assert load_checkpoint(tmp_path)[1]["callbacks"]["bestweights1"]["best_epoch"] > 0


def test_a_folder_that_cannot_be_written_is_found_out_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    notes = []
    with pytest.raises(CheckpointError):
        train(Say(notes), Checkpoint(tmp_path / "file" / "c"))
    assert notes == ["start"]


def test_a_save_that_fails_in_the_middle_does_not_end_the_training(tmp_path):
    class BreakFolder(Callback):
        def on_epoch(self, solver, row):
            if row["epoch"] == 1:
                shutil.rmtree(tmp_path / "c")
                (tmp_path / "c").write_text("in the way")
            else:
                (tmp_path / "c").unlink(missing_ok=True)

    with pytest.warns(TrainingWarning, match="cannot save a checkpoint in .* Training goes on"):
        solver = train(BreakFolder(), Checkpoint(tmp_path / "c"), epochs=2)
    assert solver.finished
    assert load_checkpoint(tmp_path / "c")[1]["position"]["epoch"] == 2


def test_the_csv_file_follows_the_history(tmp_path):
    path = tmp_path / "new" / "history.csv"
    lengths = []

    class Look(Callback):
        order = 1

        def on_epoch(self, solver, row):
            lengths.append(len(History.from_csv(path)))

    solver = train(Look(), CSVHistory(path))
    assert lengths == [1, 2, 3]
    assert History.from_csv(path).rows == solver.history.rows


def test_progress_prints_one_line_per_epoch_and_no_bar_into_a_file(capsys):
    train(ProgressBar(), epochs=2, optimizer=Adam(0.01))
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["epoch", "loss", "train_accuracy", "val_loss", "val_accuracy", "rate", "seconds"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]
    assert {len(line) for line in lines} == {len(lines[0])}
    assert err == ""


def test_progress_shows_a_bar_in_a_terminal(capsys, monkeypatch):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    train(ProgressBar(), epochs=2)
    out, err = capsys.readouterr()
    assert "12/12" in err
    assert "epoch 2/2, loss" in err
    assert [line.split()[0] for line in out.splitlines()] == ["epoch", "1", "2"]
