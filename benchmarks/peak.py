"""What this machine can do at best: multiply-adds a second in the fastest product, bytes a second in a copy."""

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.duel import BLAS_REST, duel
from nnscratch.kernels.pool import share


def peaks(size=1536, images=128, megabytes=256, repeats=10):
    """Return GFLOP/s (float32, all threads) of the fastest of three products, and GB/s of a copy in memory.

    The products are matrices of `size` in NumPy and PyTorch (2 size**3 operations), and a 5x5 convolution from 64
    to 128 channels in PyTorch: which library uses the widest vectors differs from machine to machine. A copy
    reads and writes each of its bytes; what fits into the cache can be faster than that.
    """
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, size, size)).astype(np.float32)
    x, w = (
        torch.from_numpy(rng.normal(size=shape).astype(np.float32)).contiguous(memory_format=torch.channels_last)
        for shape in ((images, 64, 16, 16), (128, 64, 5, 5))
    )
    matrices = torch.from_numpy(a), torch.from_numpy(b)
    work = {"NumPy": 2 * size**3, "PyTorch": 2 * size**3, "convolution": 2 * images * 16 * 16 * 128 * 64 * 5 * 5}
    products = {
        "NumPy": lambda: np.matmul(a, b),
        "PyTorch": lambda: torch.mm(*matrices),
        "convolution": lambda: F.conv2d(x, w, padding=2),
    }
    numbers = np.ones(megabytes * 2**18, np.float32)
    out = np.empty_like(numbers)
    copy = {"copy": lambda: share(lambda i, j: np.copyto(out[i:j], numbers[i:j]), len(numbers))}
    rates = {
        name: 1e-9 * work[name] / min(turns) for name, turns in duel(products, repeats, rest=BLAS_REST).items()
    }
    return {"GFLOP/s": max(rates.values()), "GB/s": 2e-9 * numbers.nbytes / min(duel(copy, repeats)["copy"])}
