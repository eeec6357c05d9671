"""A run that was interrupted, even killed, and resumed ends with the same bits as one that was not."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nnscratch.data.augment import Compose, Mirror, PadCrop
from nnscratch.data.preprocess import Standardize
from nnscratch.training import (
    OPTIMIZERS,
    Adam,
    Babysitter,
    BestWeights,
    Callback,
    Checkpoint,
    CheckpointError,
    EarlyStopping,
    History,
    Momentum,
    OneCycle,
    ReduceOnPlateau,
    Solver,
    Step,
    WeightAverage,
)
from tests.training.small import bits, small_data, small_model


class StopAt(Callback):
    """Pause training after given numbers of steps."""

    def __init__(self, *steps):
        self.steps = steps

    def on_step(self, solver, loss, grads):
        if solver.steps in self.steps:
            solver.stop()


def make(optimizer, schedule, callbacks=(), seed=3):
    """A run with all that draws random numbers or remembers: 6 steps per epoch, 4 epochs."""
    data = small_data()
    model = small_model(norm="batch", drop=0.3)
    return Solver(
        model,
        data,
        optimizer,
        schedule,
        batch_size=16,
        epochs=4,
        callbacks=callbacks,
        seed=seed,
        augment=Compose(Mirror(), PadCrop(1)),
        preprocess=Standardize().fit(data["x_train"]),
    )


def outcome(solver):
    """Everything that must be equal: parameters, state, optimiser, history but for the seconds."""
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in solver.history.rows]
    memory = {name: array.tobytes() for name, array in solver.optimizer.state.items()}
    return bits(solver.model), memory, rows, solver.history.losses, solver.schedule.state


ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::nnscratch.training.TrainingWarning")


def assert_resumes(tmp_path, steps, optimizer, schedule, callbacks=lambda: []):
    """Save after some steps, load into a fresh Solver each time, and compare with a run in one piece."""
    straight = make(optimizer(), schedule(), callbacks())
    straight.train()
    for step in steps:
        solver = make(optimizer(), schedule(), [*callbacks(), StopAt(step)], seed=99)
        if step == steps[0]:
            solver = make(optimizer(), schedule(), [*callbacks(), StopAt(step)])
        else:
            solver.load(tmp_path)
        solver.train()
        assert solver.steps == step
        solver.save(tmp_path)
    last = make(optimizer(), schedule(), callbacks(), seed=99)
    last.load(tmp_path)
    last.train()
    assert outcome(last) == outcome(straight)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_resumes_within_an_epoch_and_at_its_end(tmp_path, name):
    assert_resumes(tmp_path, [4, 12, 17], lambda: OPTIMIZERS[name](0.01, weight_decay=1e-3), OneCycle)


def test_a_plateau_schedule_resumes(tmp_path):
    def schedule():
        return ReduceOnPlateau(factor=0.5, patience=0)

    assert_resumes(tmp_path, [6, 13, 18, 23], lambda: Momentum(0.3), schedule)


def test_callbacks_resume(tmp_path):
    def callbacks():
        watchers = [EarlyStopping(patience=1, metric="loss"), Babysitter(every=2)]
        return [WeightAverage(0.9), BestWeights("val_loss"), *watchers]

    assert_resumes(tmp_path, [5, 6, 11], lambda: Momentum(0.5), lambda: Step(1, 0.5), callbacks)


def test_a_run_saved_after_the_last_step_of_an_epoch_closes_it(tmp_path):
    """Killed between the epoch's last step and its row in the history."""

    class SaveAt(Callback):
        order = 1

        def on_step(self, solver, loss, grads):
            if solver.steps == 12:
                solver.save(tmp_path)

    straight = make(Adam(0.01), OneCycle(), [Babysitter(every=2), SaveAt()])
    straight.train()
    again = make(Adam(0.01), OneCycle(), [Babysitter(every=2)])
    again.load(tmp_path)
    assert (again.epoch, again.step_in_epoch) == (1, 6)
    again.train()
    assert outcome(again) == outcome(straight)
    assert again.callbacks[0].rows == straight.callbacks[0].rows


def test_a_run_that_stopped_early_stays_complete(tmp_path):
    callbacks = [Checkpoint(tmp_path), EarlyStopping(patience=1, metric="rate"), BestWeights("loss")]
    solver = make(Adam(0.01), None, callbacks)
    solver.train()
    assert solver.finished
    assert solver.epoch == 2  # a constant rate does not improve
    again = make(Adam(0.01), None)
    again.load(tmp_path)
    again.train()
    assert again.epoch == 2
    assert bits(again.model) == bits(solver.model)


def test_a_solver_can_go_back(tmp_path):
    """Loading into the Solver that has gone on since, rather than into a fresh one."""
    solver = make(Adam(0.01), OneCycle())
    solver.save(tmp_path)
    solver.train()
    once = outcome(solver)
    solver.load(tmp_path)
    assert solver.steps == 0
    solver.train()
    assert outcome(solver) == once


def test_more_epochs_can_follow(tmp_path):
    solver = make(Adam(0.01), None)
    solver.train()
    solver.save(tmp_path)
    longer = make(Adam(0.01), None)
    longer.epochs = 5
    longer.load(tmp_path)
    assert not longer.finished
    assert len(longer.train()) == 5


def test_seconds_go_on_too(tmp_path):
    solver = make(Adam(0.01), None, [StopAt(3)])
    solver.train()
    assert solver._seconds > 0
    solver.save(tmp_path)
    again = make(Adam(0.01), None)
    again.load(tmp_path)
    assert again._seconds == solver._seconds


def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_changes(tmp_path):
    make(Adam(0.01), None).save(tmp_path)
    for other, message in [
        (make(Momentum(), None), "optimizer is Adam there and Momentum in this Solver"),
        (make(Adam(), OneCycle()), "schedule is Constant there and OneCycle"),
        (Solver(small_model(), small_data(), Adam(), batch_size=10), "steps per epoch is 6 there and 10"),
        (Solver(small_model(hidden=(9,)), small_data(), Adam(), batch_size=16), "the parameters saved do not fit"),
        (
            Solver(small_model(norm="batch"), small_data(), Adam(), batch_size=16),
            "dropout1.seed is not in this model",
        ),
    ]:
        before = bits(other.model)
        with pytest.raises(CheckpointError, match=message):
            other.load(tmp_path)
        if "parameters" in message:
            assert bits(other.model) == before


RUN = """
import sys
from pathlib import Path
from nnscratch.training import Adam, Checkpoint, CSVHistory, ReduceOnPlateau, Solver
from tests.training.test_resume import make
folder = Path(sys.argv[1])
callbacks = [Checkpoint(folder, every_steps=1), CSVHistory(folder / "history.csv")]
solver = make(Adam(0.02), ReduceOnPlateau(0.5, 0), callbacks)
if (folder / "checkpoint.json").exists():
    solver.load(folder)
solver.epochs = 20
print("ready", flush=True)
solver.train()
"""


@pytest.mark.slow
def test_a_killed_process_resumes_bit_for_bit(tmp_path):
    """SIGKILL at random moments, over and over, until the run gets through."""
    moments, kills = random.Random(1), 0
    straight = make(Adam(0.02), ReduceOnPlateau(0.5, 0))
    straight.epochs = 20
    straight.train()
    while True:
        process = subprocess.Popen([sys.executable, "-c", RUN, tmp_path], stdout=subprocess.PIPE, cwd=ROOT)
        process.stdout.readline()
        time.sleep(moments.uniform(0, 0.15))
        if kills == 8:
            process.wait()
        process.kill()
        process.stdout.close()
        if process.wait() == 0:
            break
        kills += 1
    assert kills >= 1
    resumed = make(Adam(0.02), ReduceOnPlateau(0.5, 0))
    resumed.load(tmp_path)
    assert resumed.epoch == 20
    assert outcome(resumed) == outcome(straight)
    assert History.from_csv(tmp_path / "history.csv")["loss"] == straight.history["loss"]
    assert np.isfinite(straight.history["loss"]).all()
