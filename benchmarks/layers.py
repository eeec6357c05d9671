"""Every kind of layer of the small AlexNet, forward and backward, beside PyTorch and the machine's peak.

PyTorch is taken in the faster of its two memory formats. The rate of a convolution counts its multiply-adds
(2 operations each), that of the other layers the bytes of the arrays that have to be read or written, each once;
both stand beside the peak that was measured in the same run, a product or a convolution, and a copy in memory.
Arrays that fit into the cache can be read faster than that copy.
"""

from statistics import median

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.contestants import RATE, Ours, random_batch
from benchmarks.duel import OURS, best_peer, duel, ratio
from benchmarks.networks import Theirs
from benchmarks.passes import FORMATS, both_passes, conv_parts, inputs_of
from benchmarks.peak import peaks
from benchmarks.report import Report, Table, number, share, significant, spread, text
from nnscratch.layers import LRN, Affine, Conv, MaxPool, softmax_loss
from nnscratch.models import small_alexnet

SMALL = {"width": 4, "batch": 8, "repeats": 2}
COLUMNS = (
    text("layer", ""),
    text("pass", ""),
    number("ours", "ms ours"),
    number("torch", "ms torch"),
    number("ratio", "ours / torch"),
    spread("ratio", "quartiles"),
    ("rate", "rate of ours", lambda row: f"{significant(row['rate'])} {row['unit']}"),
    share("of_peak", "of peak"),
)


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--width", type=int, default=32, metavar="W", help="the network's width (32)")
    parser.add_argument("--batch", type=int, default=128, metavar="N", help="images in a batch (128)")
    parser.set_defaults(repeats=15)


def measure(options):
    """Race each layer, and set its rate beside the machine's peak."""
    small = {"size": 128, "images": 2, "megabytes": 4, "repeats": 2} if options.small else {}
    peak = peaks(**small)
    rows = []
    for name, way, contestants, work, unit in races(options.width, options.batch):
        seconds = duel(contestants, options.repeats, title=f"{name} {way}")
        best, mine = best_peer(seconds), median(seconds[OURS])
        row = {"layer": name, "pass": way, "ours": 1e3 * mine, "torch": 1e3 * median(seconds[best]), "best": best}
        row |= dict(zip(("ratio", "ratio_low", "ratio_high"), ratio(seconds[OURS], seconds[best])))
        rows.append(row | {"rate": 1e-9 * work / mine, "unit": unit})
        if unit == "GFLOP/s":  # unlike a copy, which the cache outruns, a peak is what nothing here has passed
            peak[unit] = max(peak[unit], 1e-9 * work / min(map(median, seconds.values())))
    rows = [row | {"of_peak": row["rate"] / peak[row["unit"]]} for row in rows]
    settings = {"width": options.width, "batch": options.batch, "turns": options.repeats}
    settings |= {f"peak {unit}": round(value, 1) for unit, value in peak.items()}
    title = f"Layers of the small AlexNet (torch: the faster of {' and '.join(FORMATS)})"
    return Report("layers", settings, [Table(title, COLUMNS, rows)])


def races(width, batch):
    """Yield (layer, pass, {contestant: call}, work, unit) for every race; work is operations or bytes."""
    x, y = random_batch(batch)
    model = small_alexnet(width)
    seen_kinds = set()
    for name, layer, seen in inputs_of(model, x):
        out, _ = layer.forward(seen, train=True)
        if isinstance(layer, Conv):
            operations = 2 * out.size * layer.params["w"][0].size
            for part, contestants in conv_parts(layer, seen).items():
                yield name, part, contestants, operations * (3 if part == "all" else 1), "GFLOP/s"
            continue
        if type(layer) in seen_kinds and not isinstance(layer, (MaxPool, Affine)):
            continue  # one batch norm, one ReLU, one dropout: the first and largest
        seen_kinds.add(type(layer))
        yield from simple(name, layer, seen, out)
        if name == "maxpool1":
            yield from simple("lrn", LRN(), out, out)
    yield "softmax loss", "both", *losses(batch, y)
    yield "momentum", "update", *updates(model, x, y)


def simple(name, layer, x, out):
    """Yield both passes of a layer that is no convolution."""
    weights = sum(w.size for w in layer.params.values())
    for way, contestants in both_passes(layer, x).items():
        if isinstance(layer, Affine):
            yield name, way, contestants, 2 * x.size * out.shape[1] * (1 if way == "forward" else 2), "GFLOP/s"
        else:
            remembered = out.size if isinstance(layer, MaxPool) else x.size
            numbers = x.size + out.size + (0 if way == "forward" else remembered) + weights
            yield name, way, contestants, 4 * numbers, "GB/s"


def losses(batch, y):
    """Softmax loss with its gradient: (contestants, bytes, unit)."""
    scores = np.random.default_rng(0).normal(size=(batch, 10)).astype(np.float32)
    theirs, labels = torch.from_numpy(scores).requires_grad_(), torch.from_numpy(y)
    contestants = {
        OURS: lambda: softmax_loss(scores, y),
        FORMATS[0]: lambda: torch.autograd.grad(F.cross_entropy(theirs, labels), theirs),
    }
    return contestants, 2 * scores.nbytes, "GB/s"


def updates(model, x, y):
    """Momentum with weight decay on all parameters: (contestants, bytes, unit)."""
    ours, contestants = Ours(model), {}
    _, grads = model.loss(x, y)
    contestants[OURS] = lambda: ours.optimizer.step(model.params, grads, RATE)
    for form in FORMATS:
        theirs = Theirs(model, form)
        theirs.step(*theirs.batch(x, y))
        contestants[form] = theirs.optimizer.step
    moved = 5 * sum(w.nbytes for w in model.params.values())  # reads w, dw and velocity, writes w and velocity
    return contestants, moved, "GB/s"
