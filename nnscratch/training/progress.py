"""A progress bar over the steps of a training run, and one line of figures per epoch."""

import sys
from typing import Any

from nnscratch.training.callbacks import Callback

SHOWN = {
    "epoch": "5d",
    "loss": "8.4f",
    "train_accuracy": "15.2%",
    "val_loss": "9.4f",
    "val_accuracy": "13.2%",
    "rate": "9.2e",
    "seconds": "8.1f",
}


class ProgressBar(Callback):
    """Show a bar, in terminals and notebooks, and print the figures of every epoch as one line of a table.

    Where the output is neither, as in a log file, the lines are printed and the bar is not shown.

    >>> ProgressBar().on_epoch(None, {"epoch": 3, "loss": 1.25, "val_accuracy": 0.5})
    epoch     loss  val_accuracy
        3   1.2500        50.00%
    """

    def __init__(self) -> None:
        self.bar: Any = None
        self._headed = False

    def on_start(self, solver):
        """Open the bar."""
        from tqdm.auto import tqdm

        seen = sys.stderr.isatty() or _in_a_notebook()
        total = solver.epochs * len(solver.batches)
        self.bar = tqdm(total=total, initial=solver.steps, unit="step", leave=False, disable=not seen)

    def on_step(self, solver, loss, grads):
        """Move the bar on."""
        self.bar.set_description(f"epoch {solver.epoch + 1}/{solver.epochs}, loss {loss:.3f}", refresh=False)
        self.bar.update()

    def on_epoch(self, solver, row):
        """Print the row, below a heading the first time."""
        shown = {name: form for name, form in SHOWN.items() if name in row}
        if not self._headed:
            self._print("  ".join(f"{name:>{_width(form)}}" for name, form in shown.items()))
            self._headed = True
        self._print("  ".join(f"{row[name]:{form}}" for name, form in shown.items()))

    def on_end(self, solver):
        """Close the bar."""
        self.bar.close()

    def _print(self, line):
        """Print above the bar."""
        if self.bar is None or self.bar.disable:
            print(line, flush=True)
        else:
            self.bar.write(line)


def _width(form):
    return int(form.partition(".")[0].rstrip("d"))


def _in_a_notebook():
    """Whether a Jupyter kernel runs this code; that its package was imported says nothing."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
