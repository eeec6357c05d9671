"""Backward takes one array of the cache for another: x where out was meant, or the reverse."""

import itertools
from collections.abc import Iterator

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of, same_values  # noqa: F401
from nnscratch.gradcheck.findings import Finding

MOST_ARRAYS, MOST_REPLACEMENTS = 12, 16
ADVICE = "use {meant} there; write down what the derivative is a function of, x or out"


def another_cached_array(seen: Evidence) -> Finding | None:
    """The gradient becomes right when one array in the cache is replaced by another of its shape.

    >>> x = np.linspace(-1, 1, 4)
    >>> seen = evidence_of(lambda x: (np.tanh(x), x), lambda dout, cache: dout * (1 - cache**2), x)
    >>> another_cached_array(seen).evidence
    'dx0 becomes right when out is put in the place of x0'
    """
    if seen.pairs is not None and seen.pairs.own_place_only and not seen.pairs.wrong.any():
        return None  # numbers are right or zero: a mask is at fault, whatever array it is made of
    best: tuple[float, str, str] = (0.6, "", "")
    for k in seen.used[:MOST_ARRAYS]:
        array = seen.cached[k]
        for meant, other in itertools.islice(_replacements(seen, array), MOST_REPLACEMENTS):
            gradient = seen.with_cache(_replacing(k, other, array), ("another", k, meant))
            share = 0.0 if gradient is None else seen.repairs(gradient)
            if share > best[0]:
                best = (share, seen.word_for(array), meant)
    share, used, meant = best
    if not meant:
        return None
    whole = "becomes right" if share > 0.95 else f"becomes right in {share:.0%} of the wrong elements"
    evidence = f"d{seen.name} {whole} when {meant} is put in the place of {used}"
    return Finding("wrong-cache-variable", seen.name, evidence, ADVICE.format(meant=meant))


def quotient_of_cached_arrays(seen: Evidence) -> Finding | None:
    """The ratio of analytic and numeric is one array of the cache divided by another.

    >>> x = np.linspace(-2, 2, 6) ** 3
    >>> seen = evidence_of(lambda x: (np.sin(x), (x, np.cos(x))), lambda dout, cache: dout * cache[0], x)
    >>> quotient_of_cached_arrays(seen).evidence
    'the error of dx0 is that of x0 in the place of entry 1 of the cache'
    """
    if seen.pairs is None:
        return None
    pairs = seen.pairs
    with np.errstate(all="ignore"):
        ratio = np.where(pairs.wrong, pairs.analytic / pairs.numeric, np.nan)
        for used, u in seen.named:
            for meant, v in seen.named:
                if used == meant or u.shape != v.shape:
                    continue
                expected = (u / v).reshape(-1)
                for shape, guess in ((seen.out.shape, expected[:, None]), (seen.x.shape, expected[None])):
                    if u.shape != shape:
                        continue
                    fits = (
                        (np.abs(ratio - guess) <= 1e-5 * np.abs(guess))
                        & (np.abs(guess - 1) > 1e-3)
                        & np.isfinite(guess)
                    )
                    if fits.sum() >= max(6, 0.6 * pairs.wrong.sum()):
                        evidence = f"the error of d{seen.name} is that of {used} in the place of {meant}"
                        return Finding("wrong-cache-variable", seen.name, evidence, ADVICE.format(meant=meant))
    return None


def _replacements(seen, array) -> Iterator[tuple[str, np.ndarray]]:
    """Other arrays of the same shape, padded ones too, then what simple functions make of the array."""
    for name, other in seen.named:
        if other.ndim != array.ndim or same_values(other, array):
            continue
        missing = [a - b for a, b in zip(array.shape, other.shape)]
        if not any(missing):
            yield name, other
        elif min(missing) >= 0 and not any(gap % 2 for gap in missing):
            yield f"{name}, padded", np.pad(other, [(gap // 2, gap // 2) for gap in missing])
    if seen.pairs is None or (seen.pairs.lost | seen.pairs.leaked).any():
        return  # a mask is at fault, and many functions share its zeros
    name = seen.word_for(array)
    with np.errstate(all="ignore"):
        yield f"sigmoid({name})", 1 / (1 + np.exp(-array))
        yield f"tanh({name})", np.tanh(array)
        yield f"exp({name})", np.exp(array)
        yield f"the square root of {name}", np.sqrt(np.abs(array))
        yield f"the square of {name}", array**2


def _replacing(place, by, like):
    by = by.astype(like.dtype) if by.dtype != like.dtype else by.copy()
    return lambda k, array: by if k == place else array
