"""Carry out a training run from its first step, or the one after its last checkpoint, to its test accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnscratch.cli.build import build_solver, facts_of, load_trained
from nnscratch.cli.device import device_line
from nnscratch.cli.errors import message_of
from nnscratch.cli.output import duration, percent, print_box, say
from nnscratch.cli.run_folder import RunError, RunFolder, checksum_of
from nnscratch.cli.settings import MODEL_OPTIONS
from nnscratch.cli.termination import Termination


def carry_out(
    run: RunFolder,
    settings: Mapping[str, Any],
    data: Any,
    pairs: Sequence[str],
    termination: Termination,
    plots: bool = True,
) -> int:
    """Train, save, measure and draw; return the exit code: 0 when all is done, 130 when the run was interrupted.

    A run without config is new: its folder is made here. `pairs` are the names of the user's own layers in use.

    >>> from nnscratch.cli.settings import resolve
    >>> from nnscratch.data.shapes10 import shapes10
    >>> folder = getfixture("tmp_path")
    >>> data = shapes10(train=20, test=10, validation=0, cache=folder)
    >>> settings = resolve({"model": "mlp", "hidden": "5", "epochs": 1, "batch_size": 10})
    >>> carry_out(RunFolder(folder / "run"), settings, data, [], Termination(), plots=False)  # doctest: +ELLIPSIS
    data      shapes10: 20 training, 0 validation, 10 test images, 3x32x32, 10 classes
    ...
    0
    """
    from nnscratch.cli.machine import threads_in_use
    from nnscratch.training import Babysitter, Checkpoint, CSVHistory, ProgressBar

    saving = Checkpoint(run.checkpoint, every_steps=settings["checkpoint_every"])
    callbacks = [Babysitter(), ProgressBar(), CSVHistory(run.history), saving]
    solver = build_solver(settings, data, callbacks, saved=run.checkpoint)
    resumed = bool(run.config)
    if resumed and run.has_checkpoint:
        solver.load(run.checkpoint)
    if not resumed:
        run.config = {
            "settings": {**settings, "threads": threads_in_use()},
            "data": facts_of(data),
            "layers_checksum": checksum_of(settings["layers"]),
        }
        run.create()
    _introduce(run, settings, data, solver, pairs, resumed)
    try:
        if not solver.finished:
            quiet = np.errstate(all="ignore")  # the Solver looks at every step and says more than NumPy's warnings
            with termination.handing_to(solver), quiet:
                solver.train()
        if not solver.finished:
            raise KeyboardInterrupt
        _finish(run, settings, solver, data, plots)
    except KeyboardInterrupt:
        return _interrupted(run, solver)
    except Exception as error:
        raise _with_advice(error, run) from error
    return 0


def _introduce(run, chosen, data, solver, pairs, resumed):
    """Say on what, with what and where the run takes place."""
    counts = f"{len(data.x_train):,} training, {len(data.x_val):,} validation, {len(data.x_test):,} test images"
    say("data", f"{data.name}: {counts}, {'x'.join(map(str, data.image))}, {data.num_classes} classes")
    if data.note:
        say("", data.note.removeprefix(f"{data.name}: "))
    spec = solver.model.spec
    options = ", ".join(f"{name} {_told(spec[name])}" for name in MODEL_OPTIONS if name in spec)
    say("model", f"{spec['name']}, {_size(solver.model):,} parameters ({options})")
    if pairs:
        say("layers", f"your own {', '.join(pairs)} from {chosen['layers']}")
    say(
        "learning",
        f"{chosen['optimizer']}, {chosen['schedule']}, rate {chosen['rate']:g}, "
        f"batches of {chosen['batch_size']}, {chosen['epochs']} epoch{'s' if chosen['epochs'] != 1 else ''}, "
        f"{chosen['augment']} augmentation",
    )
    where = device_line(chosen["device"], chosen["precision"])
    say("machine", f"{where}, steps as a CUDA graph" if solver.graph else where)
    if chosen["device"] == "gpu":
        say("", solver.placement)
    say("run", f"{run.path}{f', goes on after step {solver.steps} of {_all_steps(solver)}' if resumed else ''}")
    print()


def _finish(run, settings, solver, data, plots):
    """Measure the model on the test images, write result.json and the pictures, and say how it went."""
    from nnscratch.cli.measure import measure
    from nnscratch.cli.plot import draw_all

    seconds = sum(row["seconds"] for row in solver.history.rows)
    trained = load_trained(run, settings["device"])
    measured = measure(trained.probabilities, data) if len(data.x_test) else None
    result = {
        "data": data.name,
        "model": solver.model.spec,
        "parameters": _size(solver.model),
        "epochs": solver.epoch,
        "steps": solver.steps,
        "seconds": seconds,
        "device": settings["device"],
        "precision": settings["precision"],
        "last_epoch": solver.history.rows[-1],
        "test": measured.to_json() if measured else None,
    }
    run.write("result.json", result)
    rows: list[tuple[str, Any]] = []
    if measured:
        where = f"{len(measured.y):,} images of {data.name}"
        rows.append(("test accuracy", f"{percent(measured.accuracy)} of {where}"))
        if measured.top_5 is not None:
            rows.append(("top-5 accuracy", percent(measured.top_5)))
    rows.append(("training time", f"{duration(seconds)}, {solver.epoch} epochs, {solver.steps:,} steps"))
    rows.append(("run", run.path))
    if plots:
        pictures = draw_all(run, trained, data, measured)
        rows.append(("plots", f"{run.plots} ({len(pictures)} pictures)"))
    print()
    print_box(rows)
    say("next", f"nnscratch evaluate {run.path}\nnnscratch predict {run.path} IMAGE")


def _interrupted(run, solver):
    """Say what has been saved, which after a second Ctrl-C may be less than was done, and how to go on."""
    from nnscratch.training import load_checkpoint

    saved = len(load_checkpoint(run.checkpoint)[0]["history.losses"]) if run.has_checkpoint else 0
    say("stopped", f"saved after step {saved} of {_all_steps(solver)}" if saved else "nothing was saved yet")
    say("go on", f"nnscratch train --resume {run.path}")
    return 130


def _with_advice(error, run):
    """The same error, with what the command line can do about it."""
    from nnscratch.training import CheckpointError, NonFiniteLoss

    if isinstance(error, NonFiniteLoss):
        return NonFiniteLoss(f"{error}\nTry a new run with --rate {run.settings['rate'] / 4:.2g} or --clip-norm 1")
    if isinstance(error, OSError):
        kind = CheckpointError if isinstance(error, CheckpointError) else RunError
        return kind(f"{message_of(error)}\nThen go on with nnscratch train --resume {run.path}")
    return error


def _all_steps(solver):
    return solver.epochs * len(solver.batches)


def _size(model):
    return sum(array.size for array in model.params.values())


def _told(value):
    return ",".join(map(str, value)) if isinstance(value, list) else value
