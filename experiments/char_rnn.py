"""A character model on a long text: nats per character on its held-out end, and what the model writes.

Run `python -m experiments.char_rnn --data TEXT`. Three epochs (`--epochs 3`) of an LSTM of 256 units on a million
characters take 85 seconds of CPU time on a two-core machine, the ten that are the default three times as much.
"""

import math
from pathlib import Path

from experiments.record import RESULTS, Stopwatch, options, weights_per_step, write_row
from nnscratch.data import TextData, read_text
from nnscratch.models import build
from nnscratch.plotting import plot_curves, save
from nnscratch.training import Adam, FreshStreams, OneCycle, ProgressBar, Solver


def main():
    """Train, write the row and the curves, and print a sample."""
    settings = options(__doc__, epochs=10, hidden=256, depth=1, cell="lstm", rate=4e-3, drop=0.0).parse_args()
    path = Path(settings.data)
    data = TextData(read_text(path), streams=64, length=64, name=path.stem)
    shape = {name: getattr(settings, name) for name in ("cell", "hidden", "depth", "drop")}
    model = build("char-rnn", characters=data.vocabulary.characters, streams=data.streams, **shape)
    callbacks = [FreshStreams(), ProgressBar()]
    solver = Solver(
        model, data, Adam(settings.rate), OneCycle(), batch_size=data.streams, epochs=settings.epochs,
        clip_norm=5.0, callbacks=callbacks,
    )  # fmt: skip
    with Stopwatch() as watch:
        history = solver.train()
    nats = model.nats(data.test_text)
    name = f"char-rnn, {settings.cell} {settings.depth} x {settings.hidden}, {settings.epochs} epochs"
    parameters = sum(array.size for array in model.params.values())
    write_row(
        "char_rnn", name, parameters=parameters, multiply_adds=weights_per_step(model),
        accuracy=solver.evaluate("test")["accuracy"], watch=watch, data=data.name, nats=round(nats, 4),
        bits=round(nats / math.log(2), 4), val_nats=round(history.rows[-1]["val_loss"], 4),
    )  # fmt: skip
    print(f"{nats:.4f} nats per character on the last {len(data.test_text):,} characters")
    save(plot_curves(history), RESULTS / "pictures" / f"char-rnn-{settings.cell}.png")
    print(model.sample(length=400, temperature=0.8, rng=0))


if __name__ == "__main__":
    main()
