"""Captions by heart: a captioning network learns 50 made-up sentences from 50 random feature vectors.

Run `python -m experiments.captions`, a few seconds for each cell; it needs no data.
"""

import itertools

import numpy as np

from experiments.record import Stopwatch, options, weights_per_step, write_row
from nnscratch.models import CaptioningRNN
from nnscratch.models.captioning import SPECIAL
from nnscratch.training import Adam

SUBJECTS = ["a cat", "two dogs", "the old bird", "some fish", "a child"]
VERBS = ["sits", "runs", "sleeps", "looks"]
PLACES = ["", "in the grass", "on a red roof", "near the sea"]


def main():
    """Train each cell until it says every sentence right, and write the rows."""
    settings = options(__doc__, count=50, steps=300, hidden=128, rate=0.01).parse_args()
    rng = np.random.default_rng(0)
    sentences = [" ".join(parts).strip() for parts in itertools.product(SUBJECTS, VERBS, PLACES)]
    sentences = [str(sentence) for sentence in rng.permutation(sentences)[: settings.count]]
    words = [*SPECIAL, *sorted({word for sentence in sentences for word in sentence.split()})]
    x = rng.normal(size=(len(sentences), 64)).astype(np.float32)
    for cell in ("rnn", "lstm", "gru"):
        model = CaptioningRNN(words, features=64, embed=64, hidden=settings.hidden, cell=cell)
        captions, rule = model.encode(sentences), Adam(settings.rate)
        with Stopwatch() as watch:
            for step in range(1, settings.steps + 1):  # noqa: B007
                loss, grads = model.loss(x, captions)
                rule.step(model.params, grads)
                if loss < 0.01:
                    break
        right = float(np.mean([a == b for a, b in zip(model.sample(x), sentences)]))
        parameters = sum(array.size for array in model.params.values())
        row = {
            "parameters": parameters,
            "multiply_adds": weights_per_step(model),
            "accuracy": right,
            "watch": watch,
        }
        data = f"{len(sentences)} made-up captions"
        write_row(
            "captions",
            f"captioning {cell}",
            **row,
            data=data,
            measured_on="the training set",
            nats=round(loss, 4),
            steps=step,
        )
        print(f"  {step} steps, {loss:.4f} nats per word; such as: {model.sample(x[:1])[0]}")


if __name__ == "__main__":
    main()
