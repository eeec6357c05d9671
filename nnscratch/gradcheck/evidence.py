"""What a check measured of a wrong gradient, as the hypotheses about its cause look at it."""

import functools
from typing import Any

import numpy as np

from nnscratch.gradcheck.examine import Examination, examine
from nnscratch.gradcheck.ladder import WRONG
from nnscratch.gradcheck.manners import Visit
from nnscratch.gradcheck.ruler import Ruler
from nnscratch.gradcheck.subject import Subject, arrays_in, fresh_inputs, is_numeric, rebuild

EXPLAINED = 0.02
MOST_OUTPUTS = 400
FEW = 10_000  # elements of gradients of which many may be kept


class Evidence:
    """One wrong gradient: what backward gave, what differences give, and everything that may explain the two.

    `name` is the input; `x` its values, `analytic` and `numeric` the gradients, `bad` where they differ, all of
    one shape; `known` where numeric was measured. `table` holds the derivative of every output (rows) by every
    element of this input, by backward and by differences. `whole` tells that all elements were measured.

    >>> seen = evidence_of(lambda x: (2 * x, None), lambda dout, cache: 4 * dout, np.ones(3))
    >>> isinstance(seen, Evidence), seen.explains(2 * seen.numeric), seen.explains(3 * seen.numeric)
    (True, True, False)
    """

    def __init__(self, examination: Examination, name: str, wrong_names: list[str]) -> None:
        self.examination, self.name, self.wrong_names = examination, name, wrong_names
        self.visit: Visit = examination.visit
        self.ruler: Ruler = examination.ruler
        span = self.ruler.span(name)
        self.x = self.ruler.arrays[name]
        self.analytic = self.visit.grads[name]
        mine = examination.of(name)
        self.places = examination.chosen[mine] - span.start
        self.mine = mine
        flat = np.full(self.x.size, np.nan)
        flat[self.places] = examination.numeric[mine]
        self.numeric = flat.reshape(self.x.shape)
        bad = np.zeros(self.x.size, dtype=bool)
        bad[self.places] = examination.words[mine] == WRONG
        self.bad = bad.reshape(self.x.shape)
        self.known = np.isfinite(self.numeric)
        self.whole = bool(self.known.all())
        self.dout, self.out = self.visit.dout.astype(np.float64), self.visit.out
        self.off = float(np.max(np.abs((self.analytic - self.numeric)[self.known]), initial=0.0))
        self.size = float(np.max(np.abs(self.numeric[self.known]), initial=0.0))

    def explains(self, guess: Any, share: float = EXPLAINED) -> bool:
        """Whether a guess of what backward computes is close to it, beside the error that it should explain."""
        if np.shape(guess) != self.x.shape or not self.off:
            return False
        with np.errstate(all="ignore"):
            left = np.abs(guess - self.analytic)[self.known]
        return bool(np.all(np.isfinite(left)) and np.max(left, initial=0.0) <= share * self.off + 1e-9 * self.size)

    def repairs(self, gradient: Any) -> float:
        """Return the share of the wrong elements that another gradient gets right, or 0 where it spoils others."""
        if np.shape(gradient) != self.x.shape:
            return 0.0
        with np.errstate(all="ignore"):
            left = np.abs(gradient - self.numeric)
            right = left <= EXPLAINED * np.abs(self.analytic - self.numeric) + 1e-7 * np.abs(self.numeric)
        return float(np.mean(right[self.bad])) if self.bad.any() else 0.0

    @functools.cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The derivatives (outputs, elements) by backward and by differences; None where they are too many."""
        found = self.examination
        if not self.whole or not self.visit.linear or self.out.size > MOST_OUTPUTS:
            return None
        analytic = found.rows()[:, self.ruler.span(self.name)]
        steps = 2 * found.h[self.mine][:, None]
        numeric = ((found.plus[self.mine] - found.minus[self.mine]) / steps).T
        return analytic, np.where(np.isfinite(numeric), numeric, 0.0)

    @functools.cached_property
    def all_tables(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The table of all wrong gradients side by side; None where that of this one is None."""
        if self.table is None:
            return None
        found = self.examination
        mine = np.any([found.of(name) for name in self.wrong_names], axis=0)
        numeric = ((found.plus[mine] - found.minus[mine]) / (2 * found.h[mine][:, None])).T
        return np.nan_to_num(found.rows()[:, found.chosen[mine]]), np.where(np.isfinite(numeric), numeric, 0.0)

    @functools.cached_property
    def pairs(self) -> Any:
        """The table sorted out: which pairs are lost (0 by backward), leaked (0 by differences) or wrong."""
        return None if self.table is None else Pairs(*self.table)

    @functools.cached_property
    def regular(self) -> bool:
        """Whether what is lost and leaked is the same for every example: then data decide nothing, indexes do."""
        out, x = self.out.shape, self.x.shape
        if self.pairs is None or not out or not x or out[0] < 2:
            return False
        off = (self.pairs.lost | self.pairs.leaked).reshape(*out, *x)
        if len(out) == len(x) and out[0] == x[0]:
            off = np.stack([off[n][(slice(None),) * (len(out) - 1) + (n,)] for n in range(out[0])])
        return bool((off == off[:1]).all())

    def with_cache(self, change: Any, key: Any = None) -> np.ndarray | None:
        """Return what backward gives with a changed cache: `change(k, array)` replaces the arrays in it.

        `key` stands for the change where the other wrong gradients may be asked about it as well.
        """
        subject = self.visit.subject
        return self.from_run(lambda: subject.backward(np.array(self.visit.dout), rebuild(self.cache, change)), key)

    def from_run(self, run: Any, key: Any) -> np.ndarray | None:
        """Return this gradient of those that run() gives, which is done once for each key; None where it fails."""
        kept = self.examination.runs
        raw: Any = kept.get(key)
        if raw is None:
            with np.errstate(all="ignore"):
                try:
                    raw = run()
                except Exception:  # backward does not take such arrays
                    raw = {}
            if key is not None and len(self.wrong_names) > 1 and self.ruler.size <= FEW:
                kept[key] = raw
        gradient: Any = raw.get(self.name)
        if not is_numeric(gradient) or np.shape(gradient) != self.x.shape:
            return None
        return np.array(gradient, dtype=np.float64)

    @functools.cached_property
    def cache(self) -> Any:
        """What forward handed on."""
        with np.errstate(all="ignore"):
            return self.visit.subject.forward(fresh_inputs(self.visit.subject))[1]

    @functools.cached_property
    def cached(self) -> list[np.ndarray]:
        """The arrays in the cache, in order."""
        return list(arrays_in(self.cache))

    @functools.cached_property
    def used(self) -> list[int]:
        """The places in `cached` of the floating-point arrays that this gradient depends on."""
        floating = [k for k, array in enumerate(self.cached) if array.dtype.kind == "f" and array.size]
        changed = [
            self.with_cache(lambda j, a, k=k: 0.11 - 1.37 * a if j == k else a, ("used", k)) for k in floating
        ]
        return [k for k, g in zip(floating, changed) if g is None or not same_values(g, self.analytic)]

    @functools.cached_property
    def named(self) -> list[tuple[str, np.ndarray]]:
        """All arrays that a backward pass might use, with words for them: inputs, output, what is cached."""
        named = [
            (name, np.asarray(value, dtype=np.float64))
            for name, value in self.visit.subject.inputs.items()
            if isinstance(value, np.ndarray) and value.dtype.kind in "fbiu"
        ]
        named.append(("out", self.out))
        for k, array in enumerate(self.cached):
            if array.dtype.kind in "fb" and not any(same_values(array, other) for _, other in named):
                named.append((f"entry {k} of the cache", array.astype(np.float64)))
        return named

    def word_for(self, array: np.ndarray) -> str:
        """Return the name of an array: that of an input, out, or its place in the cache."""
        return next((name for name, other in self.named if same_values(array, other)), "an array of the cache")


def evidence_of(forward: Any, backward: Any, *inputs: np.ndarray) -> Evidence:
    """Check a pair, all of whose inputs are float64 arrays; return the evidence on its first wrong gradient.

    Raises ValueError when no gradient is wrong.

    >>> seen = evidence_of(lambda x: (2 * x, None), lambda dout, cache: 4 * dout, np.ones(3))
    >>> seen.name, bool(seen.bad.all()), (seen.analytic / seen.numeric).round(6)
    ('x0', True, array([2., 2., 2.]))
    """
    names = [f"x{k}" for k in range(len(inputs))]

    def one_for_each(dout, cache):
        gradients = backward(dout, cache)
        return dict(zip(names, gradients if isinstance(gradients, tuple) else (gradients,)))

    given = dict(zip(names, inputs))
    subject = Subject("pair", lambda given: forward(*given.values()), one_for_each, given, names)
    visit = Visit(subject, np.random.default_rng([0, 7]))
    for examination in examine(visit, 1e-6, 1000):
        wrong = [name for name in names if (examination.words[examination.of(name)] == WRONG).any()]
        if wrong:
            return Evidence(examination, wrong[0], wrong)
    raise ValueError("no gradient of this pair is wrong: plant a mistake")


class Pairs:
    """Pairs of an output and an element, by how backward and differences compare.

    `right`, `lost` (backward gives 0), `leaked` (differences give 0) and `wrong` (any other difference) are masks
    (outputs, elements); `linked` is where differences are not 0.

    >>> pairs = Pairs(np.array([[0.0, 1.0, 2.0]]), np.array([[3.0, 0.0, 2.0]]))
    >>> pairs.lost.tolist(), pairs.leaked.tolist(), pairs.right.tolist()
    ([[True, False, False]], [[False, True, False]], [[False, False, True]])
    """

    def __init__(self, analytic: np.ndarray, numeric: np.ndarray) -> None:
        self.analytic, self.numeric = np.nan_to_num(analytic), numeric
        largest = max(
            float(np.max(np.abs(numeric), initial=0.0)), float(np.max(np.abs(self.analytic), initial=0.0))
        )
        zero = 1e-8 * largest
        self.linked = np.abs(numeric) > zero
        used = np.abs(self.analytic) > zero
        off = np.abs(self.analytic - numeric)
        differs = off > 1e-5 * np.maximum(np.abs(self.analytic), np.abs(numeric)) + zero
        self.lost, self.leaked = differs & ~used, differs & ~self.linked
        self.wrong = differs & used & self.linked
        self.right = self.linked & ~differs

    @property
    def own_place_only(self) -> bool:
        """Whether every mistake is about an output and the element at the same place, as for a mask on x."""
        off = self.lost | self.leaked | self.wrong
        return off.shape[0] == off.shape[1] and not (off & ~np.eye(len(off), dtype=bool)).any()


def same_values(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have one shape and the same values.

    >>> same_values(np.ones(2), np.ones(2)), same_values(np.ones(2), np.zeros(2))
    (True, False)
    """
    return a.shape == b.shape and bool((a == b).all())


def example_by_example(seen: Evidence, name: str) -> bool:
    """Whether an input acts on the output of its own example alone, as a layer's input does and weights do not.

    >>> seen = evidence_of(lambda x, w: (x * w, None), lambda d, c: (2 * d, d[0]), np.ones((3, 2)), np.ones(2))
    >>> [example_by_example(seen, name) for name in seen.wrong_names]
    [True, False]
    """
    found, shape = seen.examination, seen.ruler.arrays[name].shape
    mine = found.of(name)
    if shape[:1] != seen.out.shape[:1] or mine.sum() != seen.ruler.flat[name].size:
        return False
    moved = (found.plus[mine] != found.minus[mine]).reshape(shape[0], -1, shape[0], seen.out.size // shape[0])
    return not np.any(moved.any(axis=(1, 3)) & ~np.eye(shape[0], dtype=bool))
