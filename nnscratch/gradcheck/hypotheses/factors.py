"""The gradient is zero, has the wrong sign, or is a constant times what it should be."""

import itertools
import math

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of  # noqa: F401
from nnscratch.gradcheck.findings import Finding


def zero_gradient(seen: Evidence) -> Finding | None:
    """Backward gives zeros only.

    >>> seen = evidence_of(lambda x: (2 * x, None), lambda dout, cache: 0 * dout, np.ones(3))
    >>> zero_gradient(seen).kind
    'zero-gradient'
    """
    if seen.size == 0 or np.max(np.abs(np.nan_to_num(seen.analytic))) > 1e-9 * seen.size:
        return None
    if any(np.any(seen.visit.grads[name]) for name in seen.wrong_names if name != seen.name):
        return None  # the mistake that spoils the others may be the one that makes this zero
    evidence = f"every element of d{seen.name} is 0, but differences give up to {seen.size:.3g}"
    advice = (
        f"look whether d{seen.name} is ever filled: writing into a copy (a[mask][...] = ..., reshape, pad) "
        "leaves the array itself at zero"
    )
    return Finding("zero-gradient", seen.name, evidence, advice)


def constant_factor(seen: Evidence) -> Finding | None:
    """The ratio of analytic and numeric is one constant.

    >>> seen = evidence_of(lambda x: (x.mean(axis=0), x), lambda dout, x: 0 * x + dout, np.ones((5, 3)))
    >>> constant_factor(seen).evidence
    'dx0 is 5 times too large, everywhere alike: 5 is the batch size'
    """
    ratio = _ratio(seen.analytic[seen.known], seen.numeric[seen.known])
    if ratio is None or abs(ratio) < 1e-9 or not seen.explains(ratio * seen.numeric):
        return None
    if np.max(np.abs(ratio * seen.numeric - seen.analytic)[seen.known]) > 0.05 * abs(ratio) * seen.size:
        return None  # what is next to nothing is a small multiple of anything
    if abs(ratio + 1) < 1e-3:
        evidence = f"d{seen.name} is exactly -1 times what it should be"
        return Finding("sign", seen.name, evidence, "look for a lost or superfluous minus")
    word = _name_factor(ratio, seen)
    if not word and seen.x.size < 3 and not _is_simple(ratio) and not _same_for_every_output(seen, ratio):
        return None  # of a single number every gradient is a multiple
    times = f"{abs(ratio):.6g} times too large" if abs(ratio) > 1 else f"{1 / abs(ratio):.6g} times too small"
    evidence = f"d{seen.name} is {times}{' and of the wrong sign' if ratio < 0 else ''}, everywhere alike"
    if word:
        evidence += f": {word[0]}"
        return Finding("constant-factor", seen.name, evidence, word[1])
    return Finding("constant-factor", seen.name, evidence, "look for a factor that is lost, doubled or squared")


def _same_for_every_output(seen, ratio):
    pairs = seen.pairs
    return pairs is not None and np.allclose(pairs.analytic, ratio * pairs.numeric, rtol=1e-4, atol=0)


def factor_in_some(seen: Evidence) -> Finding | None:
    """Wherever the gradient is wrong it is off by one and the same factor: in some elements or on some paths only.

    >>> x = np.array([-2.0, -1.0, -0.5, 1.0])
    >>> seen = evidence_of(lambda x: (np.where(x > 0, x, 0.1 * x), x), lambda d, x: d * np.where(x > 0, 1, 0.2), x)
    >>> factor_in_some(seen).evidence
    'wherever dx0 is wrong it is 2 times too large'
    """
    pairs = seen.pairs
    if pairs is None or pairs.lost.any() or pairs.leaked.any() or pairs.wrong.sum() < 3:
        return None
    ratio = pairs.analytic[pairs.wrong] / pairs.numeric[pairs.wrong]
    if np.ptp(ratio) > 1e-4 * np.abs(ratio).min() or ratio[0] < 0 or not pairs.right.any():
        return None
    size = f"{ratio[0]:.6g} times too large" if ratio[0] > 1 else f"{1 / ratio[0]:.6g} times too small"
    advice = "look for a constant that belongs to one case or one path only"
    return Finding("constant-factor", seen.name, f"wherever d{seen.name} is wrong it is {size}", advice)


def opposite_sign(seen: Evidence) -> Finding | None:
    """Wherever the gradient is wrong, it is minus what it should be: in some elements, or on some paths only.

    >>> seen = evidence_of(lambda x: (abs(x), x), lambda dout, x: dout, np.array([1.0, -1.0, 2.0]))
    >>> opposite_sign(seen).evidence
    '1 of 3 elements of dx0 have the right size but the wrong sign, the others are right'
    """
    analytic, numeric = seen.analytic[seen.bad], seen.numeric[seen.bad]
    share = f"{seen.bad.sum()} of {seen.bad.size} elements of d{seen.name}"
    if len(analytic) and np.all(np.abs(analytic + numeric) <= 1e-4 * np.abs(numeric)) and np.any(numeric):
        evidence = f"{share} have the right size but the wrong sign, the others are right"
        return Finding(
            "sign", seen.name, evidence, "look for a minus that belongs to one case only, or to one term"
        )
    if seen.pairs is None:
        return None
    wrong = seen.pairs.wrong | seen.pairs.lost | seen.pairs.leaked
    with np.errstate(all="ignore"):
        flipped = wrong & (np.abs(seen.pairs.analytic + seen.pairs.numeric) <= 1e-4 * np.abs(seen.pairs.numeric))
    if flipped.sum() < max(3, 0.05 * wrong.sum()):
        return None
    evidence = f"one of the ways in which {seen.name} acts on the output enters d{seen.name} with the wrong sign"
    return Finding(
        "sign", seen.name, evidence, "look at each term of the sum: one has + where - belongs, or the reverse"
    )


def factor_along_axes(seen: Evidence) -> Finding | None:
    """The ratio is constant along some axes and differs along the others, as where gamma or 1 / std is lost.

    >>> gamma = np.array([2.0, 3.0])
    >>> seen = evidence_of(lambda x: (x * gamma, None), lambda dout, cache: dout, np.ones((4, 2)))
    >>> factor_along_axes(seen).evidence
    'dx0 is off by a factor that differs only along axis 1'
    """
    if not seen.whole or seen.x.ndim < 2 or not np.isfinite(seen.analytic).all():
        return None
    if seen.pairs is not None and (seen.pairs.leaked.any() or seen.pairs.lost.any()):
        return None
    axes = range(seen.x.ndim)
    for count in range(seen.x.ndim - 1, 0, -1):
        for along in itertools.combinations(axes, count):
            if math.prod(seen.x.shape[axis] for axis in along) < 3:
                continue
            top = (seen.analytic * seen.numeric).sum(axis=along, keepdims=True)
            bottom = (seen.numeric**2).sum(axis=along, keepdims=True)
            with np.errstate(all="ignore"):
                ratio = np.where(bottom > 0, top / bottom, 0.0)
            if seen.explains(ratio * seen.numeric):
                words = ", ".join(map(str, (axis for axis in axes if axis not in along)))
                evidence = f"d{seen.name} is off by a factor that differs only along axis {words}"
                advice = (
                    "a factor of the forward pass is missing (such as gamma or 1 "
                    "/ std), or another was taken for it"
                )
                return Finding("missing-term", seen.name, evidence, advice)
    return None


def part_scaled(seen: Evidence) -> Finding | None:
    """The part of the gradient in which one array takes part is a constant times what it should be.

    >>> x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.5, 1.0])
    >>> seen = evidence_of(lambda x: (x * y + x**2, (x, y)), lambda dout, c: dout * (c[1] - 2 * c[0]), x)
    >>> part_scaled(seen).evidence
    'the part of dx0 in which x0 takes part has the wrong sign'
    """
    error = seen.numeric - seen.analytic
    for k in seen.used:
        for value in (0.0, 1e100):  # an array that is divided by is put out of action by a large value
            without = seen.with_cache(
                lambda j, a, k=k, value=value: np.full_like(a, value) if j == k else a, ("without", k, value)
            )
            if without is None or not np.max(np.abs(without)) < 1e6 * np.max(np.abs(seen.analytic)):
                continue
            part = seen.analytic - without
            ratio = _ratio(error[seen.known], part[seen.known])
            if ratio is None or abs(ratio + 1) < 1e-3 or not seen.explains(seen.numeric - ratio * part):
                continue  # at -1 the whole part is too much
            if (
                abs(ratio) > 0.1
                and abs(ratio + 2) > 1e-3
                and not _name_factor(1 + ratio, seen)
                and not _is_simple(1 + ratio)
            ):
                continue  # a number that stands for nothing fits by accident
            name = seen.word_for(seen.cached[k])
            where = f"the part of d{seen.name} in which {name} takes part"
            if abs(ratio + 2) < 1e-3:
                advice = "look for a lost or superfluous minus in that term"
                return Finding("sign", seen.name, f"{where} has the wrong sign", advice)
            evidence = f"{where} should be {1 + ratio:.6g} times what it is"
            return Finding("constant-factor", seen.name, evidence, "look for a constant in that term")
    return None


def slope_off(seen: Evidence) -> Finding | None:
    """A slope such as 1 - out**2 is left out, or has + for -: the ratio is 1 / slope, or one slope by the other.

    >>> x = np.linspace(-2, 2, 6)
    >>> seen = evidence_of(lambda x: (np.tanh(x), np.tanh(x)), lambda dout, out: dout * (1 + out**2), x)
    >>> slope_off(seen).evidence
    'dx0 is off as where 1 + out**2 stands for 1 - out**2'
    """
    pairs = seen.pairs
    if pairs is None or pairs.lost.any() or pairs.leaked.any() or pairs.wrong.sum() < 3:
        return None
    with np.errstate(all="ignore"):
        ratio = np.where(pairs.wrong, pairs.analytic / pairs.numeric, np.nan)
    for name, array in seen.named:
        for shape, a in ((seen.out.shape, array.reshape(-1, 1)), (seen.x.shape, array.reshape(1, -1))):
            if array.shape != shape or len(np.unique(array)) < 3:
                continue
            for words, slope, other in _slopes(name, a):
                for guess, kind in ((other / slope, "sign"), (1 / slope, "missing-term")):
                    fits = np.isfinite(guess) & (np.abs(ratio - guess) <= 1e-5 * np.abs(guess))
                    if fits.sum() >= 0.9 * pairs.wrong.sum() and np.nanstd(np.where(fits, ratio, np.nan)) > 1e-3:
                        turned = words.replace("-", "+")
                        how = (
                            f"as where {turned} stands for {words}"
                            if kind == "sign"
                            else f"as if {words} were left out"
                        )
                        advice = "look at the slope of the function between, factor by factor"
                        return Finding(kind, seen.name, f"d{seen.name} is off {how}", advice)
    return None


def _slopes(name, a):
    yield f"1 - {name}**2", 1 - a**2, 1 + a**2
    yield f"1 - {name}", 1 - a, 1 + a
    yield f"{name} * (1 - {name})", a * (1 - a), a * (1 + a)


def factor_twice(seen: Evidence) -> Finding | None:
    """As `factor_along_axes`: such a factor may be counted twice as well.

    >>> gamma = np.array([2.0, 3.0])
    >>> seen = evidence_of(lambda x: (x * gamma, None), lambda dout, cache: dout * gamma**2, np.ones((4, 2)))
    >>> factor_twice(seen).kind
    'constant-factor'
    """
    if not factor_along_axes(seen):
        return None
    evidence = f"d{seen.name} is off by a factor that may be counted twice, or taken with another constant in it"
    return Finding("constant-factor", seen.name, evidence, "look for a division or product that is done twice")


def _ratio(analytic, numeric):
    """The factor that fits best, or None where there is nothing to fit."""
    good = np.isfinite(analytic) & np.isfinite(numeric)
    bottom = float(np.sum(numeric[good] ** 2))
    return float(np.sum(analytic[good] * numeric[good])) / bottom if bottom > 0 else None


def _is_simple(ratio):
    """Whether a factor is a whole number or one divided by one, as those in formulas are."""
    with np.errstate(all="ignore"):
        return any(
            abs(r - round(r)) <= 1e-4 * abs(r) and round(r) for r in (ratio, 1 / ratio, 10 * ratio) if abs(r) < 100
        )


def _name_factor(ratio, seen):
    """What a factor may stand for: a length of an axis, a product of lengths, a setting, 2."""
    for size, meaning, remedy in _candidates(seen):
        for value, advice in ((size, f"divide by {meaning}"), (1 / size, f"do not divide by {meaning}")):
            if abs(abs(ratio) - value) <= 1e-4 * value:
                return f"{size:g} is {meaning}", remedy or advice
    return None


def _candidates(seen):
    yield (
        2.0,
        "what a square brings along",
        "a 2 is lost or counted twice: d(x**2) = 2 x, and a half may cancel it",
    )
    inputs = seen.visit.subject.inputs.values()
    shape = next((np.shape(value) for value in inputs if np.ndim(value) > 1), seen.x.shape)
    lengths = [
        ("the batch size", shape[:1]),
        ("the number of pixels of an image", shape[2:] if len(shape) == 4 else ()),
    ]
    lengths += [("the batch size times the number of pixels", (shape[0], *shape[2:]))] if len(shape) == 4 else []
    for word, sizes in ((seen.name, seen.x.shape), ("the output", seen.out.shape)):
        lengths += [(f"the length of axis {axis} of {word}", sizes[axis : axis + 1]) for axis in range(len(sizes))]
        lengths += [(f"the number of elements of {word}", sizes)]
    lengths += [("the number of elements of the first input", shape)]
    for meaning, sizes in lengths:
        if math.prod(sizes) > 1:
            yield float(math.prod(sizes)), meaning, None
    for name, value in seen.visit.subject.settings.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value not in (0, 1):
            yield float(abs(value)), name, None
            yield float(value) ** 2, f"{name} squared", None
