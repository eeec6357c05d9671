"""Training on one long text, piece by piece: the states carried from batch to batch begin anew with each epoch."""

from typing import Any

from nnscratch.training.callbacks import Callback


class FreshStreams(Callback):
    """Reset the states that a model carries before the first batch of every epoch, where all texts begin again.

    >>> from nnscratch.data.text import TextData
    >>> from nnscratch.models import char_rnn
    >>> from nnscratch.training import Adam, Solver
    >>> data = TextData("abcd" * 100, streams=4, length=8)
    >>> model = char_rnn("abcd", hidden=8, streams=4)
    >>> solver = Solver(model, data, Adam(rate=0.02), batch_size=4, epochs=8, callbacks=[FreshStreams()])
    >>> solver.train().rows[-1]["val_accuracy"] > 0.9
    True
    """

    def on_batch(self, solver: Any, x: Any, y: Any) -> None:
        """Reset at the first step of an epoch."""
        if solver.step_in_epoch == 0:
            solver.model.reset()
