"""From nothing to the first training step, in a fresh process: the same small AlexNet in nnscratch and in PyTorch.

Nothing is imported up here, so that the clock sees every import.
"""

import time


def ours(width, batch):
    """Return the seconds that the import, the building, the first step and the second step take."""
    clock = Clock()
    import nnscratch
    from nnscratch.training import Momentum

    clock.lap("import")
    x, y = _batch(batch)
    model, optimizer = nnscratch.small_alexnet(width), Momentum()
    clock.lap("build")
    for name in ("first step", "second step"):
        optimizer.step(model.params, model.loss(x, y)[1])
        clock.lap(name)
    return clock.laps


def theirs(width, batch, compiled=False):
    """The same in PyTorch, written as its user would write it."""
    clock = Clock()
    import torch

    clock.lap("import")
    x, y = map(torch.from_numpy, _batch(batch))
    network = small_alexnet(width)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    run = torch.compile(network) if compiled else network
    clock.lap("build")
    for name in ("first step", "second step"):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(run(x), y).backward()
        optimizer.step()
        clock.lap(name)
    return clock.laps


def small_alexnet(w):
    """The network that nnscratch.small_alexnet(w) builds, in PyTorch."""
    from torch import nn

    def conv(C, F, kernel):
        return nn.Conv2d(C, F, kernel, padding="same", bias=False), nn.BatchNorm2d(F), nn.ReLU(inplace=True)

    def pool():
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    return nn.Sequential(
        *conv(3, w, 5), pool(), *conv(w, 2 * w, 5), pool(),
        *conv(2 * w, 3 * w, 3), *conv(3 * w, 2 * w, 3), *conv(2 * w, 2 * w, 3), pool(), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(2 * w * 4 * 4, 512), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(512, 10),
    )  # fmt: skip


class Clock:
    """Seconds from lap to lap, by name."""

    def __init__(self):
        self.laps, self.last = {}, time.perf_counter()

    def lap(self, name):
        """Note the seconds since the last lap."""
        now = time.perf_counter()
        self.laps[name], self.last = now - self.last, now


def _batch(count):
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 3, 32, 32)).astype(np.float32), rng.integers(0, 10, count)
