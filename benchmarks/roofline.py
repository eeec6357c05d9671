"""The least time that a training step can take: each layer at the card's peak in products, or in bytes moved."""

import math
from statistics import median

import torch

from benchmarks.contestants import random_batch
from benchmarks.duel import duel
from benchmarks.passes import inputs_of
from nnscratch.kernels import use_precision
from nnscratch.layers import Affine, Conv

FLOAT = 4  # bytes


def peaks(device, size=8192, megabytes=1024, repeats=10):
    """Return FLOP/s of a product of two matrices of `size`, and bytes/s of a copy in memory, both in PyTorch.

    The product is rounded as PyTorch is told to round. A copy reads and writes each of its bytes.
    """
    a, b = torch.randn(2, size, size, device=device)
    numbers = torch.ones(megabytes * 2**18, device=device)
    out = torch.empty_like(numbers)
    calls = {"product": lambda: torch.mm(a, b), "copy": lambda: out.copy_(numbers)}
    turns = duel({name: waiting(call, device) for name, call in calls.items()}, repeats)
    return 2 * size**3 / median(turns["product"]), 2 * FLOAT * numbers.numel() / median(turns["copy"])


def waiting(call, device):
    """Return the call with a wait for the device at its end."""

    def waited():
        call()
        if device == "cuda":
            torch.cuda.synchronize()

    return waited


def roof(model, image, batch, peaks):
    """Return the seconds that a step takes at least, on `batch` images, with (FLOP/s, bytes/s) of `peaks`.

    Layer by layer, forward and backward, the longer of two times: that of the operations, and that of reading and
    writing each array once. What joins layers into one pass over memory can do better than that.
    """
    count = 2  # images for which the arrays are made here; they grow with the batch
    x, _ = random_batch(count, image)
    seconds = 5 * FLOAT * sum(w.size for w in model.params.values()) / peaks[1]  # momentum
    with use_precision("float32"):  # this look at the shapes is on the CPU
        layers = [(layer, seen, layer.forward(seen, train=True)[0]) for _, layer, seen in inputs_of(model, x)]
    for number, (layer, seen, out) in enumerate(layers):
        weights = sum(w.size for w in layer.params.values())
        images, made = batch * seen.size // count, batch * out.size // count
        operations = 0
        if isinstance(layer, Conv):
            operations = 2 * made * layer.params["w"][0].size
        elif isinstance(layer, Affine):
            operations = 2 * images * math.prod(out.shape[1:])
        needs_dx = number > 0
        forward = operations, images + made + weights
        backward = operations * (1 + needs_dx), made + images * (1 + needs_dx) + 2 * weights
        for work, numbers in (forward, backward):
            seconds += max(work / peaks[0], FLOAT * numbers / peaks[1])
    return seconds
