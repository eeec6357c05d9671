"""Compare the gradients of a subject with differences: along random directions, then element by element."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnscratch.gradcheck.kinks import judge_by_output
from nnscratch.gradcheck.ladder import KINK, RIGHT, UNRESOLVED, WRONG, confirmed, plainly_wrong, rule
from nnscratch.gradcheck.manners import Visit
from nnscratch.gradcheck.numeric import pick
from nnscratch.gradcheck.ruler import Ruler
from nnscratch.gradcheck.table import analytic_rows, powers_for

# How many numbers may be kept at once, and moved about, so that a check of a million elements ends in seconds.
KEPT = 3_000_000
WORK = 10_000_000
LOCALISED = 4
SMALL = 400  # elements that are measured one and all once something is wrong
PARTS = ("chosen", "words", "analytic", "numeric", "plus", "minus", "h", "at_kink")


@dataclass
class Examination:
    """What was measured: for the elements `chosen` the words, and the analytic and numeric derivatives.

    `along` maps inputs to (analytic, numeric) along a direction in which they disagree, where elements were
    sampled; `resolved` holds the inputs that a direction confirmed. `at_kink` marks wrong elements at a kink.
    `plus` and `minus` are the outputs at the first step h. `runs` keeps what changed runs of backward gave.
    """

    visit: Visit
    ruler: Ruler
    chosen: np.ndarray
    words: np.ndarray
    analytic: np.ndarray
    numeric: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    h: np.ndarray
    at_kink: np.ndarray
    along: dict[str, tuple[float, float]] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)
    runs: dict[Any, dict[str, Any]] = field(default_factory=dict, repr=False)
    _rows: np.ndarray | None = field(default=None, repr=False)

    def of(self, name: str) -> np.ndarray:
        """Return which of the chosen elements belong to one input."""
        span = self.ruler.span(name)
        return (self.chosen >= span.start) & (self.chosen < span.stop)

    def rows(self) -> np.ndarray:
        """Return what backward gives for every output alone (outputs, elements), computed once."""
        if self._rows is None:
            self._rows = analytic_rows(self.visit, self.ruler, np.arange(self.ruler.out.size))
        return self._rows

    @property
    def wrong(self) -> bool:
        """Whether any derivative is wrong."""
        return bool((self.words == WRONG).any() or self.along)


def examine(visit: Visit, tolerance: float, elements: int, nudging: bool = True) -> list[Examination]:
    """Measure and judge; return the examination of the point and, where kinks called for it, of one beside it.

    >>> from nnscratch.gradcheck.subject import Subject
    >>> subject = Subject("square", lambda given: (given["x"] ** 2, given["x"]), lambda dout, x: {"x": dout * x},
    ...                   {"x": np.array([1.0, 2.0])}, ["x"])
    >>> [found] = examine(Visit(subject, np.random.default_rng(0)), 1e-6, 10)
    >>> isinstance(found, Examination), found.wrong, found.numeric / found.analytic
    (True, True, array([2., 2.]))
    """
    ruler = Ruler(visit.subject, visit.careful, visit.eps)
    analytic = np.full(ruler.size, np.nan)
    for name, gradient in visit.grads.items():
        analytic[ruler.span(name)] = gradient.reshape(-1)
    chosen = _choose(visit, ruler, elements)
    found = _judge_elements(visit, ruler, analytic, chosen, tolerance)
    if len(chosen) < sum(ruler.flat[name].size for name in visit.grads):
        _judge_directions(found, analytic, tolerance)
    kinks = (found.words == KINK).any() or (found.words == UNRESOLVED).any() or found.along
    if not nudging or not kinks or (found.words == WRONG).any():
        return [found]
    beside = _beside(visit, ruler, tolerance, elements)
    found.along = {name: pair for name, pair in found.along.items() if beside and name in beside.along}
    return [found, beside] if beside else [found]


def _choose(visit, ruler, elements):
    """The elements to look at one by one: all of a small input, some of a large one."""
    inputs = max(1, len(visit.grads))
    affordable = min(WORK // (ruler.size + ruler.out.size + 1), KEPT // (ruler.out.size + 1)) // inputs
    most = min(elements, max(4, affordable))
    parts = [ruler.starts[name] + pick(ruler.flat[name].size, most, visit.rng) for name in visit.grads]
    return np.concatenate([np.zeros(0, dtype=int), *parts]).astype(int)


def _judge_elements(visit, ruler, every, chosen, tolerance):
    dout = visit.dout.reshape(-1).astype(np.float64)
    analytic = every[chosen]
    powers = powers_for(visit.eps)
    tolerance = max(tolerance, 1e-3) if visit.single else tolerance
    h = 2.0 ** powers[0] * ruler.unit[chosen]
    first = _move(ruler, chosen, h)
    rung = ruler.rung(*first, h, dout)
    words = np.where(confirmed(analytic, rung, tolerance), RIGHT, UNRESOLVED)
    numeric = np.where(np.isfinite(rung.value), rung.value, 0.0)
    words = np.where(np.isfinite(analytic), words, WRONG)
    at_kink = np.zeros(len(chosen), dtype=bool)
    left = np.flatnonzero(words == UNRESOLVED)
    if len(left):
        ruler.feel_jitter()
        floor = float(np.max(np.abs(numeric), initial=0.0))
        measured = [(h[left], first[0][left], first[1][left])]
        rung = _rung(ruler, measured[0], dout)
        bad = plainly_wrong(analytic[left], rung)
        words[left[bad]] = WRONG
        ladder = np.stack([2.0**power * ruler.unit[chosen] for power in powers[1:]])
        with np.errstate(all="ignore"):
            first_of = _step_out_of_noise(powers, np.abs(rung.noise / (tolerance * rung.value)))
        ladder[0, left], ladder[first_of, left] = ladder[first_of, left], ladder[0, left]
        left, measured, rung = left[~bad], _only(measured, ~bad), rung.of(~bad)
        steps = [*ladder, *_own_steps(ruler, chosen, left)]
        for step in steps:
            if not len(left):
                break
            if _drowned(analytic[left], rung, step[left]):
                continue
            measured.append((step[left], *_move(ruler, chosen[left], step[left])))
            rung = _rung(ruler, measured[-1], dout)
            good = confirmed(analytic[left], rung, tolerance)
            words[left[good]], numeric[left[good]] = RIGHT, rung.value[good]
            if len(measured) == 2:
                bad = ~good & plainly_wrong(analytic[left], _rung(ruler, measured[0], dout), rung)
                words[left[bad]] = WRONG
                good |= bad
            left, measured, rung = left[~good], _only(measured, ~good), rung.of(~good)
    if len(left):
        ruling = rule(analytic[left], [_rung(ruler, moved, dout) for moved in measured], tolerance, floor)
        words[left] = ruling.word
        numeric[left] = np.where(np.isfinite(ruling.best), ruling.best, numeric[left])
        not_right = ruling.word != RIGHT
        left, measured = left[not_right], _only(measured, not_right)
        if len(left) and ruler.out.size:
            words[left], at_kink[left] = judge_by_output(visit, ruler, chosen[left], measured, tolerance, floor)
    return Examination(visit, ruler, chosen, words, analytic, numeric, first[0], first[1], h, at_kink)


def _rung(ruler, moved, dout):
    step, plus, minus = moved
    return ruler.rung(plus, minus, step, dout)


def _drowned(analytic, rung, step):
    """Whether noise, which grows as steps shrink, would outdo all the derivatives at another step."""
    with np.errstate(all="ignore"):
        return bool(np.all(rung.noise * rung.h / step > np.maximum(np.abs(analytic), np.abs(rung.value))))


def _only(measured, which):
    return measured if which.all() else [tuple(part[which] for part in moved) for moved in measured]


def _move(ruler, elements, steps):
    plus, minus = np.empty((len(elements), ruler.out.size)), np.empty((len(elements), ruler.out.size))
    with np.errstate(all="ignore"):
        for row, (k, h) in enumerate(zip(elements.tolist(), steps.tolist())):
            plus[row], minus[row] = ruler.move(k, h)
    return plus, minus


def _step_out_of_noise(powers, noise):
    """The number of the first further step that is so much longer than the usual one that noise falls below 1."""
    longer = 2.0 ** (np.array(powers[1:]) - powers[0])
    return np.argmax(longer[:, None] >= noise, axis=0)


def _own_steps(ruler, chosen, left):
    """Steps at the scale of each element, where that of some that are left is another than its unit."""
    unit = ruler.unit[chosen]
    size = np.abs(ruler.values()[chosen])
    with np.errstate(divide="ignore"):
        own = np.where(size > 0, 2.0 ** np.round(np.log2(np.where(size > 0, size, 1.0))), unit)
    other = ((own < unit / 16) | (own > 4 * unit))[left].any()
    return [2.0**power * own * 1.125 for power in (-8, -14, -22)] if other else []


def _judge_directions(found, analytic, tolerance):
    """Look along a random direction through each input of which only some elements were chosen."""
    visit, ruler = found.visit, found.ruler
    dout = visit.dout.reshape(-1).astype(np.float64)
    tolerance = max(tolerance, 1e-3) if visit.single else tolerance
    for name, gradient in visit.grads.items():
        if np.isin(np.arange(ruler.size)[ruler.span(name)], found.chosen).all():
            continue
        direction, span = np.zeros(ruler.size), ruler.span(name)
        direction[span] = visit.rng.choice([-1.0, 1.0], gradient.size) * ruler.unit[span]
        along = np.array([float(np.nansum(gradient.reshape(-1) * direction[span]))])
        rungs = []
        for power in powers_for(visit.eps):
            plus, minus = ruler.move_along(direction, 2.0**power)
            rungs.append(ruler.rung(plus[None], minus[None], np.array([2.0**power]), dout))
            if confirmed(along, rungs[-1], tolerance)[0]:
                found.resolved.add(name)
                break
        else:
            floor = float(np.sqrt(gradient.size) * np.max(np.abs(found.numeric), initial=0.0))
            ruling = rule(along, rungs, tolerance, floor)
            if ruling.word[0] in (RIGHT, KINK):
                found.resolved.add(name)
            elif ruling.word[0] == WRONG and abs(along - ruling.best)[0] > 1e-5 * abs(ruling.best[0]):
                found.along[name] = (float(along[0]), float(ruling.best[0]))
    for name in found.along:
        if not (found.words[found.of(name)] == WRONG).any():
            _localise(found, analytic, name, tolerance)


def _localise(found, analytic, name, tolerance):
    """Find wrong elements by halving: measure along both halves, go on with the one that is further off."""
    visit, ruler = found.visit, found.ruler
    h, dout = 2.0**-22 if visit.eps < 1e-10 else 2.0**-6, visit.dout.reshape(-1).astype(np.float64)
    places: set[int] = set()
    for _ in range(LOCALISED):
        active = np.arange(ruler.size)[ruler.span(name)]
        signs = visit.rng.choice([-1.0, 1.0], ruler.size) * ruler.unit
        while len(active) > 1:
            halves = np.array_split(active, 2)
            active = max(halves, key=lambda half: _off_along(ruler, analytic, half, signs, h, dout))
        places.add(int(active[0]))
    drawn = np.array(sorted(places - set(found.chosen.tolist())), dtype=int)
    _measure_more(found, analytic, drawn, tolerance)


def complete(found: Examination, tolerance: float) -> None:
    """Measure the elements that were not chosen, where the inputs with mistakes are small.

    >>> from nnscratch.gradcheck.subject import Subject
    >>> subject = Subject("square", lambda given: (given["x"] ** 2, given["x"]), lambda dout, x: {"x": dout * x},
    ...                   {"x": np.arange(1.0, 9.0)}, ["x"])
    >>> [found] = examine(Visit(subject, np.random.default_rng(0)), 1e-6, 3)
    >>> complete(found, 1e-6)
    >>> len(found.chosen)
    8
    """
    ruler = found.ruler
    analytic = np.full(ruler.size, np.nan)
    for name, gradient in found.visit.grads.items():
        analytic[ruler.span(name)] = gradient.reshape(-1)
    wrong = [name for name in found.visit.grads if (found.words[found.of(name)] == WRONG).any()]
    if wrong and sum(ruler.flat[name].size for name in wrong) <= SMALL:
        everywhere = np.concatenate([np.arange(ruler.size)[ruler.span(name)] for name in wrong])
        rest = np.setdiff1d(everywhere, found.chosen)
        if len(rest):
            _measure_more(found, analytic, rest, tolerance)
            order = np.argsort(found.chosen)
            for part in PARTS:
                setattr(found, part, getattr(found, part)[order])


def _measure_more(found, analytic, elements, tolerance):
    more = _judge_elements(found.visit, found.ruler, analytic, elements, tolerance)
    for part in PARTS:
        setattr(found, part, np.concatenate([getattr(found, part), getattr(more, part)]))


def _off_along(ruler, analytic, elements, signs, h, dout):
    direction = np.zeros(ruler.size)
    direction[elements] = signs[elements]
    plus, minus = ruler.move_along(direction, h)
    return abs(float(analytic[elements] @ signs[elements]) - float((plus - minus) @ dout) / (2 * h))


def _beside(visit, ruler, tolerance, elements):
    """Examine a point close by, away from the kinks; None where forward does not take it."""
    inputs = {}
    for name, array in ruler.arrays.items():
        size = np.maximum(np.abs(array), 0.1 * ruler.unit[ruler.span(name)].reshape(array.shape))
        inputs[name] = array + 1e-3 * size * visit.rng.standard_normal(array.shape)
    try:
        other = visit.at(inputs)
    except Exception:  # the forward pass does not take this point; the first one has been judged
        return None
    if not other.grads or not all(np.isfinite(g).all() for g in other.grads.values()):
        return None
    return examine(other, tolerance, elements, nudging=False)[0]
