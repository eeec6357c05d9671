"""Change one operation of backward at a time: where the gradient becomes right, that one is at fault."""

import itertools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of, same_values  # noqa: F401
from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.subject import rebuild

MOST_TRIALS, MOST_OPERATIONS = 60, 2000  # the time that a slow backward may take is bounded
NUMPY = np.__path__[0]
OTHER = {
    "add": (np.subtract, "sign"),
    "subtract": (np.add, "sign"),
    "negative": (np.positive, "sign"),
    "greater": (np.less, "wrong-mask"),
    "less": (np.greater, "wrong-mask"),
}
SIGNS = {"add": "+", "subtract": "-", "positive": "no minus", "negative": "a minus", "greater": ">", "less": "<"}
COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.where)
FUNCTIONS = (np.where, np.einsum, np.dot, np.outer)
ADVICE = {
    "sign": "what is subtracted in forward is subtracted in backward",
    "wrong-mask": "use the mask of the forward pass: look at its condition",
    "missing-mask": "multiply by the mask of the forward pass there",
    "transposed": "look at the axes of that operation",
    "wrong-cache-variable": "write down what the derivative is a function of: x or out, this step or the next",
    "missing-term": "chain rule: multiply dout by the slope of every function between, the last one first",
}


def repaired(seen: Evidence) -> Finding | None:
    """The gradient becomes right when one operation is done with another array, another sign or another axis.

    >>> x, y = np.random.default_rng(0).normal(size=(2, 6))
    >>> def backward(dout, cache):
    ...     x, y = cache
    ...     return dout * (3 * x**2 - y * np.cos(x))
    >>> repaired(evidence_of(lambda x: (x**3 + y * np.sin(x), (x, y)), backward, x)).evidence
    'dx0 becomes right when + stands for - in line 3'
    """
    trial = _Trial(seen)
    gradient = trial.gradient(None)
    if gradient is None or not same_values(gradient, seen.analytic):
        return None
    sites = list(trial.sites.values())
    changes = (
        change for make in (_ufuncs, _axes, _operands, _factors) for site in sites for change in make(seen, site)
    )
    most = min(MOST_TRIALS, MOST_OPERATIONS // max(trial.count, 1))
    for k, change in enumerate(itertools.islice(changes, most)):
        gradient = trial.gradient(change, ("repair", k))
        if gradient is not None and _is_right(seen, gradient):
            evidence = f"d{seen.name} becomes right when {change.words} in line {change.site.line}"
            return Finding(change.kind, seen.name, evidence, ADVICE[change.kind])
    return None


def _is_right(seen, gradient):
    with np.errstate(all="ignore"):
        left = np.abs(gradient - seen.numeric)[seen.known]
    return bool(np.all(left <= 1e-3 * seen.off + 1e-9 * seen.size))


class _Site:
    """One operation in the code: the ufunc and what it was given when it was first run."""

    def __init__(self, ufunc: Any, method: str, inputs: tuple, options: dict, line: int) -> None:
        self.ufunc, self.method, self.options, self.line = ufunc, method, options, line
        self.inputs = tuple(a.view(np.ndarray) if isinstance(a, Traced) else a for a in inputs)
        self.upstream = any(isinstance(a, Traced) and a.upstream for a in inputs)
        self.result: Any = None


class _Change:
    """Another way to do the operation of one site; `apply(ufunc, inputs, options)` gives its result."""

    def __init__(self, site: _Site, kind: str, words: str, apply: Any) -> None:
        self.site, self.kind, self.words, self.apply = site, kind, words, apply


class _Trial:
    """Runs backward with one change in its operations, which are told apart by their place in the code."""

    def __init__(self, seen: Evidence) -> None:
        self.seen = seen
        self.sites: dict[Any, _Site] = {}
        self.count = 0
        self.change: _Change | None = None

    def gradient(self, change: _Change | None, key: Any = None) -> np.ndarray | None:
        """Return the gradient with a change, or None where backward does not take it."""
        self.change = change
        return self.seen.from_run(self._run_backward, key)

    def _run_backward(self):
        seen = self.seen
        cache = rebuild(seen.cache, lambda k, a: self._traced(a))
        return seen.visit.subject.backward(self._traced(np.array(seen.visit.dout), True), cache)

    def _traced(self, array, upstream=False):
        if array.dtype.kind not in "fb":
            return array
        traced = array.view(Traced)
        traced.trial, traced.upstream = self, upstream
        return traced

    def run(self, function: Any, method: str, inputs: tuple, options: dict) -> Any:
        """Do one operation, changed if it is the one in question."""
        plain = [a.view(np.ndarray) if isinstance(a, Traced) else a for a in inputs]
        if self.change and function is not self.change.site.ufunc:
            result = (getattr(function, method) if method else function)(*plain, **options)
            return self._traced(result) if isinstance(result, np.ndarray) else result
        frame: Any = sys._getframe(2)
        while frame.f_back and frame.f_code.co_filename.startswith(NUMPY):
            frame = frame.f_back
        key = (frame.f_code, frame.f_lasti, function, method)
        if self.change is None and key not in self.sites:
            self.sites[key] = _Site(function, method, inputs, options, frame.f_lineno)
        site: Any = self.sites.get(key)
        self.count += self.change is None
        if self.change and site is self.change.site:
            result = self.change.apply(plain, options)
        else:
            result = (getattr(function, method) if method else function)(*plain, **options)
        if self.change is None and site.result is None:
            site.result = result
        if not isinstance(result, np.ndarray):
            return result
        return self._traced(result, any(isinstance(a, Traced) and a.upstream for a in inputs))


class Traced(np.ndarray):
    """An array whose operations are done by a trial; `upstream` tells that it was made of dout.

    >>> isinstance(np.ones(2).view(Traced).T, Traced)
    True
    """

    trial: Any
    upstream: bool

    def __array_finalize__(self, source: Any) -> None:
        """Hand on the trial."""
        self.trial, self.upstream = getattr(source, "trial", None), getattr(source, "upstream", False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Let the trial do it with plain arrays."""
        given = options.get("out")
        if given:
            options["out"] = tuple(a.view(np.ndarray) if isinstance(a, Traced) else a for a in given)
        trial = next(a.trial for a in (self, *inputs) if isinstance(a, Traced) and a.trial)
        result = trial.run(ufunc, method, inputs, options)
        if given:
            if isinstance(result, np.ndarray) and not np.may_share_memory(result, options["out"][0]):
                options["out"][0][...] = result
            if isinstance(given[0], Traced):
                given[0].upstream |= any(isinstance(a, Traced) and a.upstream for a in inputs)
            return given[0]
        return result

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Let the trial do what is one operation, and NumPy the rest."""
        if func in FUNCTIONS and self.trial:
            return self.trial.run(func, "", args, kwargs)
        return super().__array_function__(func, types, args, kwargs)


def _ufuncs(seen, site) -> Iterator[_Change]:
    """+ for -, < for >."""
    other, kind = OTHER.get(site.ufunc.__name__, (None, ""))
    if other and site.method == "__call__" and (site.upstream or site.ufunc is not np.negative):
        words = f"{SIGNS[other.__name__]} stands for {SIGNS[site.ufunc.__name__]}"
        yield _Change(site, kind, words, lambda inputs, options: other(*inputs, **options))


def _axes(seen, site) -> Iterator[_Change]:
    """A sum over another axis, a matrix transposed."""
    if site.method == "reduce" and isinstance(site.options.get("axis"), int):
        for axis in range(np.ndim(site.inputs[0])):
            if axis != site.options["axis"] % np.ndim(site.inputs[0]):
                yield _Change(
                    site,
                    "transposed",
                    f"axis {axis} is summed over",
                    lambda inputs, options, axis=axis: site.ufunc.reduce(*inputs, **{**options, "axis": axis}),
                )
    if site.ufunc is np.matmul:
        for k, operand in enumerate(site.inputs):
            if (
                min(np.shape(operand), default=0) > 1
                and operand.ndim > 1
                and operand.shape[-1] == operand.shape[-2]
            ):
                yield _replacing(site, k, "transposed", "a matrix is transposed", lambda a: a.swapaxes(-1, -2))


def _operands(seen, site) -> Iterator[_Change]:
    """One array of the forward pass for another of its shape, in a loop for the one as far on in the cache."""
    if site.method not in ("__call__", ""):
        return
    wrong = "wrong-mask" if site.ufunc in COMPARISONS else "wrong-cache-variable"
    if site.ufunc is np.where and len(site.inputs) == 3:
        yield _Change(site, "wrong-mask", "the two cases change places", lambda a, _: np.where(a[0], a[2], a[1]))
    for k, operand in enumerate(site.inputs):
        if not isinstance(operand, np.ndarray) or operand.size < 2:
            continue
        for turn in (np.asarray, _turned):
            used = next((name for name, a in seen.named if same_values(turn(a), operand)), None)
            if used is None:
                continue
            for name, other in seen.named:
                if turn(other).shape == operand.shape and not same_values(turn(other), operand):
                    words = f"{name} stands for {used}"
                    change = _exchange(seen, turn(operand), other, turn)
                    kind = "wrong-mask" if operand.dtype.kind == "b" else wrong
                    yield _replacing(site, k, kind, words, change)
            if operand.dtype.kind == "b":
                yield _replacing(site, k, "wrong-mask", f"{used} is turned round", np.logical_not)
            elif site.ufunc is np.multiply:
                words = f"1 - {used} stands for {used}"
                yield _replacing(site, k, "wrong-cache-variable", words, lambda a: 1 - a)
            break


def _turned(array):
    return array.swapaxes(-1, -2) if array.ndim > 1 else array


def _exchange(seen, used, other, turn):
    """A function that puts another array in the place of one, and in a loop what is as far on in the cache."""
    first, second = (next((k for k, a in enumerate(seen.cached) if same_values(a, b)), -1) for b in (used, other))
    on = second - first

    def change(operand):
        if min(first, second) >= 0:
            for k, array in enumerate(seen.cached):
                if same_values(turn(array), operand) and 0 <= k + on < len(seen.cached):
                    found = turn(seen.cached[k + on])
                    return found if found.shape == operand.shape else operand
        return turn(other) if same_values(turn(used), operand) else operand

    return change


def _factors(seen, site) -> Iterator[_Change]:
    """The result times a mask or a slope that is left out."""
    if (
        not site.upstream
        or site.method not in ("__call__", "")
        or np.ndim(site.result) == 0
        or "out" in site.options
    ):
        return
    for name, array in seen.named:
        if array.shape == site.result.shape and array.size > 1:
            for kind, words, factor in (
                ("missing-mask", f"the result is multiplied by ({name} > 0)", array > 0),
                ("missing-term", f"the result is multiplied by 1 - {name}**2", 1 - array**2),
                ("missing-term", f"the result is multiplied by {name} * (1 - {name})", array * (1 - array)),
            ):
                yield _Change(
                    site,
                    kind,
                    words,
                    lambda inputs, options, factor=factor: site.ufunc(*inputs, **options) * factor,
                )


def _replacing(site, k, kind, words, change):
    def apply(inputs, options):
        return site.ufunc(*inputs[:k], change(np.asarray(inputs[k])), *inputs[k + 1 :], **options)

    return _Change(site, kind, words, apply)
