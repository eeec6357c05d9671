"""Train the small AlexNet with the layers that a learner wrote, and show its curve beside the built-in one's."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnscratch.course.exercises import CourseError, all_exercises
from nnscratch.course.inside import at_home, load
from nnscratch.course.progress import Progress

BLOCKS = "▁▂▃▄▅▆▇█"
BATCH, WIDTH, RATE = 64, 8, 0.004


class Part(NamedTuple):
    """A part of the network that may be the learner's own: its exercises, and how the network calls it."""

    name: str
    exercises: tuple[str, ...]
    fit: Callable


def _as_it_is(forward, backward):
    return {"forward": forward, "backward": backward}


def _conv(forward, backward):
    """Where batch norm follows, the network's convolutions have no bias: it is zero, and its gradient unused."""

    def conv_forward(x, w, b=None, stride=1, pad=0, dilation=1, groups=1):
        bias = np.zeros(len(w), w.dtype) if b is None else b
        out, cache = forward(x, w, bias, _one(stride), _one(pad))
        return out, (cache, b is None)

    def conv_backward(dout, cache):
        dx, dw, db = backward(dout, cache[0])
        return dx, dw, None if cache[1] else db

    return {"forward": conv_forward, "backward": conv_backward}


def _max_pool(forward, backward):
    """The network's pools finish a last window that does not fit, so pixels that never win are added."""

    def max_pool_forward(x, kernel=2, stride=None, pad=0, ceil=False):
        size, step = _one(kernel), _one(kernel if stride is None else stride)
        more = [-(n - size) % step if ceil else 0 for n in x.shape[2:]]
        wide = np.pad(x, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), constant_values=np.finfo(x.dtype).min)
        out, cache = forward(wide, size, step)
        return out, (cache, x.shape)

    def max_pool_backward(dout, cache):
        cache, (_, _, H, W) = cache
        return backward(dout, cache)[:, :, :H, :W]

    return {"forward": max_pool_forward, "backward": max_pool_backward}


def _batch_norm(forward, backward):
    """The layer object wants the batch's mean and variance at the end of the cache, for its running statistics."""

    def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
        out, cache = forward(x, gamma, beta, mean, var, eps)
        return out, (cache, x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3)))

    return {"forward": batch_norm_forward, "backward": lambda dout, cache: backward(dout, cache[0])}


def _lrn(forward, backward):
    def lrn_forward(x, size=5, alpha=1e-4, beta=0.75, k=2.0, within=False):
        return forward(x, size, alpha, beta, k)

    return {"forward": lrn_forward, "backward": backward}


PARTS = (
    Part("conv", ("a3.conv_forward", "a3.conv_backward"), _conv),
    Part("max_pool", ("a3.max_pool_forward", "a3.max_pool_backward"), _max_pool),
    Part("batch_norm", ("a3.spatial_batch_norm_forward", "a3.spatial_batch_norm_backward"), _batch_norm),
    Part("lrn", ("a3.lrn_forward", "a3.lrn_backward"), _lrn),
    Part("relu", ("a2.relu_forward", "a2.relu_backward"), _as_it_is),
    Part("affine", ("a2.affine_forward", "a2.affine_backward"), _as_it_is),
    Part("softmax_loss", ("a2.softmax_loss",), lambda loss: {"loss": loss}),
)


def own_parts(folder: Path | str, norm: str = "batch") -> tuple[dict[str, Mapping[str, Callable]], dict[str, str]]:
    """Return the learner's parts by name, and for every other part the exercise that it waits for.

    A part is the learner's when all its exercises are passed. `norm` is "batch" or "lrn"; the other is no part.

    >>> own, missing = own_parts(getfixture("tmp_path"))
    >>> own, missing["relu"]
    ({}, 'a2.relu_forward')
    """
    folder, progress = Path(folder), Progress(folder)
    own: dict[str, Mapping[str, Callable]] = {}
    missing = {}
    for part in PARTS:
        if part.name == {"batch": "lrn", "lrn": "batch_norm"}[norm]:
            continue
        waiting = [name for name in part.exercises if progress.of(name)["passed"] is None]
        if waiting:
            missing[part.name] = waiting[0]
        else:
            own[part.name] = part.fit(*(_function(name, folder) for name in part.exercises))
    return own, missing


def train_mine(
    folder: Path | str,
    epochs: int = 5,
    images: int = 2000,
    norm: str = "batch",
    say: Callable = print,
    source: str = "auto",
) -> dict[str, Any]:
    """Train the small AlexNet twice, with the learner's parts and with the built-in ones.

    Both begin with the same weights, see the same batches and use no dropout, so that the curves of right layers
    lie on each other. `say(label, text)` hears how it goes. `source` is what `nnscratch.data.load` takes; "auto"
    is CIFAR-10 where it is at hand, else shapes10, without a download. Returns both histories ("yours",
    "built-in") and the path of the picture. Raises CourseError when no part is the learner's own yet, DataError
    for data that cannot be used or have fewer images.

    >>> train_mine(getfixture("tmp_path"))
    Traceback (most recent call last):
    nnscratch.course.exercises.CourseError: none of your layers is in the network yet: ...
    """
    from nnscratch.data import load as load_data
    from nnscratch.layers.override import using
    from nnscratch.plotting.beside import plot_beside
    from nnscratch.plotting.style import save

    folder = Path(folder)
    own, missing = own_parts(folder, norm)
    if not own:
        first = ", ".join(f"{part.exercises[0]} ({part.name})" for part in PARTS)
        raise CourseError(f"none of your layers is in the network yet: pass both halves of one of {first}")
    say("yours", ", ".join(own))
    if missing:
        say("built-in", ", ".join(f"{name} (waits for {exercise})" for name, exercise in missing.items()))
    data = load_data(source, validation=500, download=source != "auto").subset(train=images)
    say("data", f"{images} images of {data.name}")
    pairs = {f"{name}_{half}": f for name, halves in own.items() for half, f in halves.items() if half != "loss"}
    loss = own.get("softmax_loss", {}).get("loss")
    say("training", "first with the built-in layers, then with yours")
    histories = {"built-in": _train(data, epochs, norm, None)}
    with using(pairs):
        seconds = _seconds_of_a_step(data, norm, loss)
        say("time", _time_words(seconds * epochs * -(-images // BATCH)))
        histories["yours"] = _train(data, epochs, norm, loss)
    for name in ("yours", "built-in"):
        say(name, words_of(histories[name]))
    picture = folder / "mine.png"
    save(plot_beside(histories), picture)
    apart = np.max(np.abs(np.subtract(*(histories[name].losses for name in histories))))
    say("apart", f"the two curves are at most {apart:.1g} apart")
    say("picture", str(picture))
    return {**histories, "picture": picture}


def words_of(history: Any) -> str:
    """Return the curve of the loss as a line of blocks, with its ends, the accuracy and the time.

    >>> from nnscratch.training import History
    >>> history = History()
    >>> history.losses = [2.0, 1.0, 0.0]
    >>> history.rows = [{"epoch": 1, "val_accuracy": 0.5, "seconds": 3.0}]
    >>> words_of(history)
    'loss █▅▁ 2.00 to 0.00, validation accuracy 50.0%, 3.0 s'
    """
    pieces = [np.mean(piece) for piece in np.array_split(history.losses, min(24, len(history.losses)))]
    top = max(max(pieces), 1e-12)
    curve = "".join(BLOCKS[min(int(8 * max(value, 0) / top + 0.5), 7)] for value in pieces)
    seconds = sum(row["seconds"] for row in history.rows)
    accuracy = history.rows[-1]["val_accuracy"]
    ends = f"{history.losses[0]:.2f} to {history.losses[-1]:.2f}"
    return f"loss {curve} {ends}, validation accuracy {accuracy:.1%}, {seconds:.1f} s"


def _function(name, folder):
    """The learner's function of an exercise, for use outside a check."""
    row = all_exercises()[name]
    try:
        with at_home(folder / row.assignment):
            return getattr(load(row, folder), row.function)
    except Exception as error:
        raise CourseError(f"{row.path}: {type(error).__name__}: {error}; nnscratch learn check {name}") from error


def _model(data, norm, loss):
    from nnscratch.models import small_alexnet

    model = small_alexnet(width=WIDTH, norm=norm, drop=0.0, classes=data.num_classes, image=data.image)
    if loss is not None:
        model.criterion = lambda scores, y: loss(scores, y)
    return model


def _train(data, epochs, norm, loss):
    from nnscratch import Solver
    from nnscratch.data import Standardize
    from nnscratch.training import Adam, OneCycle, ProgressBar

    solver = Solver(
        _model(data, norm, loss),
        data,
        Adam(rate=RATE),
        OneCycle(),
        batch_size=BATCH,
        epochs=epochs,
        preprocess=Standardize().fit(data.x_train),
        callbacks=[ProgressBar()],
        seed=0,
    )
    return solver.train()


def _seconds_of_a_step(data, norm, loss):
    model, x = _model(data, norm, loss), np.asarray(data.x_train[:BATCH], np.float32) / 255
    start = time.perf_counter()
    model.loss(x, data.y_train[:BATCH])
    return time.perf_counter() - start


def _time_words(seconds):
    return "under a minute" if seconds < 50 else f"about {seconds / 60:.0f} minutes"


def _one(size):
    """One number for both axes, as the exercises have it."""
    return size[0] if isinstance(size, tuple) else size
