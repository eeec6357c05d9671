"""Training on a text from the command line: its data, its Solver, what is said of it, and how it is measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnscratch.cli.output import duration, percent, print_box, say
from nnscratch.cli.run_folder import RunError, RunFolder
from nnscratch.cli.settings import TEXT_MODELS, SettingError, named

SHOWN = 300  # characters that a finished run writes, for a first look


def is_text(settings: Mapping[str, Any]) -> bool:
    """Tell whether a run is one on a text.

    >>> is_text({"model": "char-rnn"}), is_text({"model": "mlp"})
    (True, False)
    """
    return settings.get("model") in TEXT_MODELS


def load_text(settings: Mapping[str, Any]) -> Any:
    """Return the TextData of a run; raises SettingError without a file and TextError for one of no use.

    >>> path = getfixture("tmp_path") / "rhyme.txt"
    >>> _ = path.write_text("row, row, row your boat " * 9)
    >>> load_text({"data": str(path), "batch_size": 2, "length": 8})
    TextData(rhyme: 216 characters, 10 different; 2 streams of 12 pieces of 8)
    """
    from nnscratch.data import SOURCES, TextData, read_text

    if settings["data"] in SOURCES:
        raise SettingError("char-rnn learns from a text: give its file, as in --data shakespeare.txt")
    path = Path(settings["data"])
    return TextData(read_text(path), settings["batch_size"], settings["length"], name=path.stem)


def build_text_solver(settings: Mapping[str, Any], data: Any, callbacks: Sequence[Any] = ()) -> Any:
    """Return the Solver of a run on a text; raises ValueError for unknown names.

    >>> from nnscratch.cli.settings import resolve
    >>> from nnscratch.data import TextData
    >>> settings = resolve({"model": "char-rnn", "hidden": "8", "batch_size": 2, "length": 8})
    >>> len(build_text_solver(settings, TextData("row, row, row your boat " * 9, 2, 8)).batches)
    12
    """
    from nnscratch.models import build
    from nnscratch.training import OPTIMIZERS, SCHEDULES, FreshStreams, Solver

    known = {"characters": data.vocabulary.characters, "streams": data.streams, "seed": settings["seed"]}
    rule, values = named(settings["optimizer"], OPTIMIZERS, "optimizer")
    momentum = {} if settings["momentum"] is None else {"momentum": settings["momentum"]}
    common = {"rate": settings["rate"], "weight_decay": settings["weight_decay"], **momentum}
    shape, shape_values = named(settings["schedule"], SCHEDULES, "schedule")
    return Solver(
        build(settings["model"], **settings["options"], **known).to(settings["device"]),
        data,
        OPTIMIZERS[rule](**{**common, **values}),
        SCHEDULES[shape](**shape_values),
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        callbacks=[FreshStreams(), *callbacks],
        seed=settings["seed"],
        clip_norm=settings["clip_norm"] or None,
        loss_every=settings["loss_every"],
    )


def text_model(run: RunFolder) -> Any:
    """Return the character model of a run with the weights of its last checkpoint.

    Raises RunError when the run is of another kind or has saved nothing yet.

    >>> text_model(RunFolder("runs/first", {"settings": {"model": "mlp"}}))
    Traceback (most recent call last):
    nnscratch.cli.run_folder.RunError: runs/first holds no text model but mlp: use nnscratch predict...
    """
    from nnscratch.models import build
    from nnscratch.training import load_checkpoint, restore_arrays
    from nnscratch.training.weights import part_of

    if not is_text(run.settings):
        name = run.settings["model"]
        raise RunError(f"{run.path} holds no text model but {name}: use nnscratch predict {run.path} IMAGE")
    if not run.has_checkpoint:
        raise RunError(
            f"{run.path} has no checkpoint yet: let it train first, nnscratch train --resume {run.path}"
        )
    arrays, facts = load_checkpoint(run.checkpoint)
    model = build(**facts["model"])
    restore_arrays(model.params, part_of(arrays, "params"), "parameters")
    return model


def words_of(data: Any) -> str:
    """Return what a run says of its text.

    >>> from nnscratch.data import TextData
    >>> words_of(TextData("row, row, row your boat " * 9, 2, 8))
    '192 characters to train on in 2 streams, 9 and 9 held out, 10 different ones'
    """
    held_out = [x.size for x in (data.x_val, data.x_test)]
    return (
        f"{data.x_train.size:,} characters to train on in {data.streams} streams, {held_out[0]:,} and "
        f"{held_out[1]:,} held out, {data.num_classes} different ones"
    )


def figures_of(model: Any, text: str) -> dict[str, float]:
    """Return how well a model guesses a text: nats and bits per character.

    >>> from nnscratch.models import char_rnn
    >>> sorted(figures_of(char_rnn("ab", hidden=4), "abba"))
    ['bits', 'characters', 'nats']
    """
    import math

    nats = model.nats(text)
    return {"characters": len(text), "nats": nats, "bits": nats / math.log(2)}


def finish_text(run: RunFolder, solver: Any, data: Any, plots: bool) -> None:
    """Measure on the held-out end of the text, write result.json and the curves, and show what the model writes.

    >>> from nnscratch.cli.settings import resolve
    >>> from nnscratch.data import TextData
    >>> settings = resolve({"model": "char-rnn", "hidden": "8", "batch_size": 2, "length": 8, "epochs": 1})
    >>> data = TextData("row, row, row your boat " * 9, 2, 8)
    >>> solver = build_text_solver(settings, data)
    >>> history = solver.train()
    >>> finish_text(RunFolder(getfixture("tmp_path")), solver, data, plots=False)
    <BLANKLINE>
    ╭───...
    """
    seconds = sum(row["seconds"] for row in solver.history.rows)
    model, rows = solver.model, solver.history.rows
    test = figures_of(model, data.test_text) if data.test_text else None
    result = {
        "data": data.name,
        "model": model.spec,
        "parameters": sum(array.size for array in model.params.values()),
        "epochs": solver.epoch,
        "steps": solver.steps,
        "seconds": seconds,
        "last_epoch": rows[-1],
        "test": test,
    }
    run.write("result.json", result)
    shown: list[tuple[str, Any]] = []
    if test:
        shown.append(("test", f"{test['nats']:.3f} nats ({test['bits']:.3f} bits) per character"))
    shown.append(("guessed right", f"{percent(rows[-1].get('val_accuracy', rows[-1]['train_accuracy']))}"))
    shown.append(("training time", f"{duration(seconds)}, {solver.epoch} epochs, {solver.steps:,} steps"))
    shown.append(("run", run.path))
    if plots:
        draw_curves(run)
        shown.append(("plots", f"{run.plots} (1 picture)"))
    print()
    print_box(shown)
    print(model.sample(length=SHOWN, temperature=0.8, rng=0).strip())
    print()
    say("next", f"nnscratch sample {run.path}")


def draw_curves(run: RunFolder, out: Path | str | None = None) -> Path:
    """Draw loss and accuracy of a run into a folder, by default its plots/; return the path of the picture.

    >>> draw_curves(RunFolder("runs/none"))
    Traceback (most recent call last):
    nnscratch.training.checkpoint.CheckpointError: no checkpoint in ...
    """
    from nnscratch.plotting import plot_curves, save
    from nnscratch.training import History, load_checkpoint

    arrays, facts = load_checkpoint(run.checkpoint)
    history = History()
    history.rows, history.losses = facts["history"], arrays["history.losses"].tolist()
    path = (Path(out) if out else run.plots) / "curves.png"
    save(plot_curves(history), path)
    return path


def evaluate_text(run: RunFolder, source: str | None, split: str) -> dict[str, Any]:
    """Return the figures of a run on its own held-out text, or on all of another one.

    >>> evaluate_text(RunFolder("runs/first", {"settings": {"model": "char-rnn"}}), None, "test")
    Traceback (most recent call last):
    nnscratch.cli.run_folder.RunError: runs/first has no checkpoint yet...
    """
    from nnscratch.data import read_text

    model = text_model(run)
    if source is not None:
        return figures_of(model, read_text(source))
    if split != "test":
        raise SettingError(f"--split {split}: a text model is measured on the end of its text only; leave it out")
    text = load_text(run.settings).test_text
    if not text:
        raise RunError(f"{run.path} was trained without held-out text: give one with --data FILE")
    return figures_of(model, text)
