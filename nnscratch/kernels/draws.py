"""Random numbers as a function of a key and a place: Philox, a cipher of counters, in plain array code."""

import math

import numpy as np

from nnscratch.arrays import array_module

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


def random_uniform(like, shape, key):
    """Return numbers from 0 to below 1, float32, of a shape, in the library of `like`.

    key: two whole numbers below 2**32. Number i is a function of the key and of i alone (Philox 4x32-10, of whose
    four words each place takes the first), so that every device draws the same.
    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", sec. 3.3.

    >>> random_uniform(np.zeros(0), (2,), (0, 0))
    array([0.39904642, 0.97224116], dtype=float32)
    """
    xp = array_module(like)
    place = xp.arange(math.prod(shape), dtype=np.uint64)
    words = [place & WORD, place >> 32, xp.zeros_like(place), xp.zeros_like(place)]
    keys = [int(part) for part in key]
    for _ in range(10):
        first, second = words[0] * MULTIPLIERS[0], words[2] * MULTIPLIERS[1]
        words = [
            (second >> 32) ^ words[1] ^ keys[0],
            second & WORD,
            (first >> 32) ^ words[3] ^ keys[1],
            first & WORD,
        ]
        keys = [(part + step) & WORD for part, step in zip(keys, WEYL)]
    return ((words[0] >> 8).astype(np.float32) * np.float32(2**-24)).reshape(shape)
