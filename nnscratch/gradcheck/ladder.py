"""Derivatives from differences with several steps: extrapolated, with an estimate of their error, and judged."""

from typing import NamedTuple

import numpy as np

# Steps as powers of two, so that x + h and x - h carry no rounding: the usual one, longer ones against round-off,
# shorter ones against steepness and kinks.
POWERS = (-17, -13, -10, -7, -4, -20, -24, -28)
SINGLE_POWERS = (-7, -5, -3, -9, -11)
ROUNDING = 10.0
UNMOVED = 1e-16  # a slope that may hide behind round-off where nothing moves at any step
STILL = 1e-14  # a move that a sum of numbers near 1 may swallow whole
SHORTEST, JITTER = 4, 4.0  # pairs of steps that are looked at, and the odds that they show too little
RIGHT, UNRESOLVED, KINK, WRONG = 0, 1, 2, 3


class Rung(NamedTuple):
    """What one step h shows: derivatives by central differences, from the left, from the right, and their noise.

    `gap` is how far left and right are apart beyond round-off, added up over the outputs without regard to sign.
    All are arrays of one shape, whatever they stand for (elements of an input, outputs, or pairs of both).
    """

    h: np.ndarray
    value: np.ndarray
    left: np.ndarray
    right: np.ndarray
    noise: np.ndarray
    gap: np.ndarray

    def of(self, which: np.ndarray) -> "Rung":
        """Return the rung of some of the derivatives."""
        return Rung(*(part[which] for part in self))


class Ruling(NamedTuple):
    """The judgement of derivatives: `word` is RIGHT, UNRESOLVED, KINK or WRONG, `best` the best measured value."""

    word: np.ndarray
    best: np.ndarray
    error: np.ndarray


def confirmed(analytic: np.ndarray, rung: Rung, tolerance: float) -> np.ndarray:
    """Where one step already confirms the analytic value, round-off being smaller than the tolerance.

    >>> one = np.ones(1)
    >>> confirmed(one, Rung(1e-5 * one, one + 1e-9, one, one, 1e-12 * one, 0 * one), 1e-6)
    array([ True])
    """
    with np.errstate(all="ignore"):
        allowed = tolerance * np.maximum(np.abs(analytic), np.abs(rung.value))
        close = np.abs(analytic - rung.value) <= allowed + rung.noise
        return (close & (rung.noise <= allowed)) | ((analytic == rung.value) & (rung.left == rung.right))


def plainly_wrong(analytic: np.ndarray, one: Rung, two: Rung | None = None) -> np.ndarray:
    """Where a step and a longer one agree a hundred times better than with the analytic value, without a kink.

    One step tells as well where its two sides agree so much better, round-off included.

    >>> one = np.ones(1)
    >>> rungs = [Rung(h * one, one, one, one, 1e-12 * one, 0 * one) for h in (1e-5, 1e-4)]
    >>> plainly_wrong(2 * one, *rungs), plainly_wrong(one, *rungs), plainly_wrong(2 * one, rungs[0])
    (array([ True]), array([False]), array([ True]))
    """
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(analytic), np.abs(one.value))
        off = np.abs(analytic - one.value)
        seen = (one.left != 0) | (one.right != 0) | (off * one.h > STILL)
        if two is None:
            return seen & (off > 100 * (one.gap + one.noise)) & (off > 1e-3 * size)
        off = np.minimum(off, np.abs(analytic - two.value))
        spread = np.abs(one.value - two.value) + np.maximum(one.noise, two.noise)
        smooth = one.gap <= np.maximum(2 * one.h / two.h * two.gap, 1e-7 * size)
        return seen & (off > 100 * spread) & smooth & (off > 1e-3 * size)


def rule(analytic: np.ndarray, rungs: list[Rung], tolerance: float, floor: float) -> Ruling:
    """Judge analytic derivatives by all the steps that were measured.

    floor: the size of the gradients around; what is smaller than tolerance * floor counts as zero.

    >>> one, h = np.ones(1), 2.0 ** np.array([-17.0, -13.0, -10.0])
    >>> rungs = [Rung(s * one, one + s**2, one, one, 1e-15 / s * one, 0 * one) for s in h]
    >>> int(rule(one, rungs, 1e-6, 1.0).word[0]), int(rule(1.1 * one, rungs, 1e-6, 1.0).word[0])
    (0, 3)
    """
    with np.errstate(all="ignore"):
        rungs = _longest_first(rungs)
        right = np.zeros(np.shape(analytic), dtype=bool)
        best, error = rungs[0].value, np.full(np.shape(analytic), np.inf)
        finite = [np.isfinite(rung.value) for rung in rungs]
        astride, grain = _astride(rungs), _grain(rungs)
        for k, rung in enumerate(rungs):
            right |= confirmed(analytic, rung, tolerance)
            scatter = np.zeros_like(error)
            for shorter, usable in zip(rungs[k + 1 :], finite[k + 1 :]):
                drift = np.abs(shorter.value - rung.value) * shorter.h / rung.h
                scatter = np.where(usable, np.fmax(scatter, drift), scatter)
            noise = rung.noise + scatter + astride[k] + grain / rung.h
            neighbours = rungs[max(k - 1, 0) : k] + rungs[k + 1 : k + 2]
            spreads = [np.abs(other.value - rung.value) for other in neighbours]
            spread = np.fmin.reduce(spreads) if spreads else np.full_like(error, np.inf)
            best, error = _better(best, error, rung.value, noise + np.nan_to_num(spread, nan=np.inf))
            if k:
                longer = rungs[k - 1]
                ratio = (longer.h / rung.h) ** 2
                refined = rung.value + (rung.value - longer.value) / (ratio - 1)
                moved = np.abs(refined - rung.value)
                size = np.maximum(np.abs(analytic), np.abs(refined))
                close = np.abs(analytic - refined) <= tolerance * size + 1.2 * rung.noise
                right |= close & (1.2 * rung.noise + 0.01 * moved <= tolerance * size)
                best, error = _better(best, error, refined, 1.2 * noise + moved * (longer.h / rung.h + 1))
        error = _flattened(best, error, rungs)
        off = np.abs(analytic - best)
        size = np.maximum(np.abs(analytic), np.abs(best))
        hidden = (off <= 4 * error) | ~np.isfinite(error) | (off <= (0 if floor else UNMOVED))
        zero = np.maximum(error, off) <= (tolerance * floor if floor else UNMOVED)
        kink = _kinked(rungs, finite, off, size)
        word = np.where(off <= tolerance * size, RIGHT, np.where(kink, KINK, WRONG))
        word = np.where(hidden & (word == WRONG), np.where(zero, RIGHT, UNRESOLVED), word)
        return Ruling(np.where(right, RIGHT, word), best, error)


def _longest_first(rungs):
    """Sort the steps of every derivative, the longest first."""
    stacks = [np.stack(part) for part in zip(*rungs)]
    order = np.argsort(-stacks[0], axis=0, kind="stable")
    return [Rung(*parts) for parts in zip(*(np.take_along_axis(stack, order, axis=0) for stack in stacks))]


def _astride(rungs):
    """How far each step's value may be off because a corner may lie within its reach: left and right stay apart.

    Without a corner they come together as fast as the steps shrink. A corner that is nearer than the shorter of
    two steps keeps them apart, or would as far as round-off lets one see; both steps then show half of a slope.
    """
    reach = [np.zeros_like(rung.gap) for rung in rungs]
    for k, (longer, rung) in enumerate(zip(rungs, rungs[1:])):
        most = rung.gap + 8 * rung.noise
        shrunk = rung.h / longer.h
        stays = np.isfinite(most) & (most > np.minimum(2 * shrunk, np.sqrt(shrunk)) * longer.gap)
        reach[k] = np.where(stays, np.fmax(reach[k], longer.gap), reach[k])
        reach[k + 1] = np.where(stays, rung.gap, reach[k + 1])
    return reach


def _grain(rungs):
    """By how much a function jitters that stands still at short steps: a small result of large numbers does."""
    grain, seen = np.zeros_like(rungs[0].value), np.zeros(np.shape(rungs[0].value), dtype=int)
    for longer, rung in reversed(list(zip(rungs, rungs[1:]))):
        jump = np.abs(rung.value - longer.value) * rung.h
        counts = np.isfinite(jump) & (jump > 0) & (seen < SHORTEST)
        grain, seen = np.where(counts, np.fmax(grain, JITTER * jump), grain), seen + counts
    moves = np.fmax.reduce([np.abs(rung.value) for rung in rungs])
    stuck = [(rung.left == 0) & (rung.right == 0) & (moves > 10 * rung.noise) for rung in rungs]
    return np.where(np.logical_or.reduce(stuck), grain, 0.0)


def _flattened(best, error, rungs):
    """The error of a slope that is next to nothing at long steps, but not at short ones: all beyond is flat."""
    steep = np.fmax.reduce(
        [np.where(np.abs(rung.value) > 10 * rung.noise, np.abs(rung.value), 0) for rung in rungs]
    )
    return np.where(error >= np.abs(best), np.fmax(error, steep), error)


def _better(best, error, value, its_error):
    better = np.isfinite(value) & (its_error < error)
    return np.where(better, value, best), np.where(better, its_error, error)


def _kinked(rungs, finite, off, size):
    """Where the one-sided derivatives stay apart as the steps shrink, by more than round-off explains."""
    kinked = np.zeros(np.shape(off), dtype=bool)
    shortest = np.full(np.shape(off), np.inf)
    for longer, rung, usable in zip(rungs, rungs[1:], finite[1:]):
        gap, before = rung.gap, longer.gap
        clear = usable & (gap > 4 * rung.noise) & (gap > 1e-6 * size)
        better = usable & (4 * rung.noise <= off) & (rung.h < shortest)
        kinked = np.where(better, clear & (gap > 0.4 * before), kinked)
        shortest = np.where(better, rung.h, shortest)
    return kinked


def sides(rungs: list[Rung]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the least and the greatest one-sided derivative at the shortest quiet step, and what they may be off.

    >>> one = np.ones(1)
    >>> low, high, slack = sides([Rung(1e-5 * one, 0.5 * one, 0 * one, one, 1e-12 * one, one)])
    >>> low, high
    (array([0.]), array([1.]))
    """
    with np.errstate(all="ignore"):
        rungs = _longest_first(rungs)
        low, high = np.minimum(rungs[0].left, rungs[0].right), np.maximum(rungs[0].left, rungs[0].right)
        slack = 4 * rungs[0].noise
        for rung in rungs[1:]:
            quiet = np.isfinite(rung.value) & (
                rung.noise <= 1e-7 * np.maximum(np.abs(rung.left), np.abs(rung.right))
            )
            low = np.where(quiet, np.minimum(rung.left, rung.right), low)
            high = np.where(quiet, np.maximum(rung.left, rung.right), high)
            slack = np.where(quiet, 4 * rung.noise, slack)
        return low, high, slack
