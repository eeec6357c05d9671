"""Gradients through time: how they vanish and explode in recurrent cells, and what clipping their norm does.

Run `python -m experiments.gradients_through_time --data TEXT`, half a minute. The pictures go into
experiments/results/pictures.
"""

import numpy as np

from experiments.record import RESULTS, options
from nnscratch.data import Batches, TextData, read_text
from nnscratch.layers import GRU, LSTM, RNN
from nnscratch.models import char_rnn
from nnscratch.plotting import plot_clipping, plot_gradients_through_time, save
from nnscratch.training import SGD, clip_by_norm, gradient_norms


def norms_of_cells(steps=100, hidden=64):
    """Norms for a vanilla RNN whose orthogonal matrix is scaled, and for fresh gated cells, on the same input."""
    x = 0.1 * np.random.default_rng(0).normal(size=(8, steps, hidden))
    norms = {}
    for scale in (0.8, 1.0, 1.2):
        layer = RNN(hidden, hidden, dtype=np.float64)
        layer.params["wh"] *= scale
        norms[f"RNN, wh x {scale:g}"] = gradient_norms(layer, x)
    norms["GRU"] = gradient_norms(GRU(hidden, hidden, dtype=np.float64), x)
    for bias in (1.0, 5.0):
        layer = LSTM(hidden, hidden, dtype=np.float64)
        layer.params["b"][hidden : 2 * hidden] = bias
        norms[f"LSTM, forget {bias:g}"] = gradient_norms(layer, x)
    return norms


def training(data, rate, limit, steps):
    """Train a vanilla character RNN with SGD; return loss and gradient norm (before any limit) of every step."""
    model, rule = char_rnn(data.vocabulary.characters, hidden=128, cell="rnn", streams=data.streams), SGD(rate)
    model.layers["rnn1"].params["wh"] *= 1.5
    seen = {"loss": [], "norm": []}
    batches = Batches(data.x_train, data.y_train, data.streams, shuffle=False)
    for x, y in (batches.batch(0, number) for number in range(steps)):
        loss, grads = model.loss(x, y)
        grads, norm = clip_by_norm(grads, limit or np.inf)
        seen["loss"].append(loss)
        seen["norm"].append(norm)
        rule.step(model.params, grads)
    return seen


def main():
    """Draw both pictures, and print the largest norms and the last losses."""
    settings = options(__doc__, rate=4.0, limit=1.0, steps=200).parse_args()
    norms = norms_of_cells()
    pictures = RESULTS / "pictures"
    save(plot_gradients_through_time(norms), pictures / "gradients-through-time.png")
    for name, values in norms.items():
        print(f"{name}: 100 steps back the gradient is {values[0]:.1e} of what it was")
    data = TextData(read_text(settings.data), streams=32, length=64)
    free, clipped = (training(data, settings.rate, limit, settings.steps) for limit in (None, settings.limit))
    save(plot_clipping(free, clipped, settings.limit), pictures / "clipping.png")
    for name, run in (("free", free), (f"clipped at {settings.limit:g}", clipped)):
        print(f"{name}: largest norm {max(run['norm']):.3g}, mean loss of the last 20 steps ", end="")
        print(f"{np.mean(run['loss'][-20:]):.3f} nats")


if __name__ == "__main__":
    main()
