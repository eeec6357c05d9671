"""Compare the gradients that backward gives with differences of forward, and judge each of them."""

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from nnscratch.gradcheck.numeric import Slope, pick, slope, unravel
from nnscratch.gradcheck.report import Entry, Report

# How many numbers may be moved about for one gradient, so that a check of a million elements ends in seconds.
WORK = 10_000_000


class FormError(ValueError):
    """forward or backward returned something that is not of the agreed form."""


class Subject(NamedTuple):
    """Whatever is checked (pair, layer, loss, model), brought to one form.

    forward(given) -> (out, cache) and backward(dout, cache) -> {name: gradient}, where `given` is a dict like
    `inputs`, of which forward gets a fresh copy each time. `wrt` names the float64 arrays in it to differentiate,
    `may_change` those that forward may write to (running statistics).
    """

    title: str
    forward: Callable
    backward: Callable
    inputs: dict[str, Any]
    wrt: list[str]
    may_change: tuple[str, ...] = ()


def compare(subject: Subject, rng: np.random.Generator, tolerance: float, elements: int) -> Report:
    """Check form and manners first, then every gradient; return the report.

    The relative error is |analytic - numeric| / max(|analytic|, |numeric|, largest / 1000), where `largest` is the
    largest numeric value of that gradient.

    >>> subject = Subject("double", lambda given: (2 * given["x"], None), lambda dout, cache: {"x": 2 * dout},
    ...                   {"x": np.ones(3)}, ["x"])
    >>> compare(subject, np.random.default_rng(0), tolerance=1e-6, elements=10).ok
    True
    """
    report = Report(subject.title)
    try:
        out, dout, grads = _run(subject, rng, report.findings)
    except FormError as error:
        report.findings.append(str(error))
        return report
    report.findings += [
        f"backward gives a gradient for {name}, which is no parameter"
        for name in sorted(set(grads) - set(subject.wrt))
    ]
    for name in subject.wrt:
        x = subject.inputs[name]
        problem = _form_problem(name, grads, x)
        if problem:
            report.findings.append(problem)
        if name not in grads or np.shape(grads[name]) != x.shape or not _is_numeric(grads[name]):
            report.entries.append(Entry(name, "wrong", error=np.inf))
            continue
        analytic = np.array(grads[name], dtype=np.float64)
        f = _output_of(subject)
        report.entries.append(_compare_one(name, f, x, analytic, out, dout, rng, tolerance, elements))
    return report


def _run(subject, rng, findings):
    """Run forward and backward once; return out, a random dout and the gradients, and note bad manners."""
    given = copy.deepcopy(subject.inputs)
    out, cache = subject.forward(given)
    fixed = {name: value for name, value in subject.inputs.items() if name not in subject.may_change}
    findings += [f"forward changed {name} in place: work on a copy" for name in _changed(given, fixed)]
    problem = _out_problem(out) or _repeat_problem(out, subject)
    if problem:
        raise FormError(problem)
    out = np.array(out)
    dout = np.asarray(rng.standard_normal(out.shape))
    given_before, dout_before = copy.deepcopy(given), dout.copy()
    cache_before = [a.copy() for a in _arrays_in(cache)]
    grads = subject.backward(dout, cache)
    changed = _changed(given, given_before) + ([] if np.array_equal(dout, dout_before) else ["dout"])
    if not changed and not all(_same(a, b) for a, b in zip(_arrays_in(cache), cache_before)):
        changed = ["the cache"]
    findings += [f"backward changed {name} in place: work on a copy" for name in changed]
    return out, dout_before, grads


def _output_of(subject):
    """The forward pass as a function of what lies in subject.inputs now."""
    return lambda x: subject.forward(copy.deepcopy(subject.inputs))[0]


def _out_problem(out):
    if not isinstance(out, (np.ndarray, np.generic, float)):
        return f"forward must return an array as its output, but it returned {type(out).__name__}"
    if np.asarray(out).dtype != np.float64:
        return f"forward gives {np.asarray(out).dtype} for float64 input: keep the dtype of x"
    if not np.isfinite(out).all():
        return "forward gives values that are not finite (nan or inf) for this input"
    return None


def _repeat_problem(out, subject):
    again, _ = subject.forward(copy.deepcopy(subject.inputs))
    if np.shape(again) != np.shape(out) or not np.allclose(again, out, rtol=1e-9, atol=1e-12):
        return (
            "forward gives another output when it is called again with the same input: "
            "seed its random numbers and keep nothing in globals"
        )
    return None


def _form_problem(name, grads, x):
    if grads.get(name) is None:
        return f"backward gives no gradient for {name}"
    gradient = grads[name]
    if not _is_numeric(gradient):
        return f"the gradient of {name} must be an array, but it is {type(gradient).__name__}"
    if np.shape(gradient) != x.shape:
        return f"the gradient of {name} has shape {np.shape(gradient)}, but {name} has {x.shape}"
    if np.asarray(gradient).dtype != np.float64:
        return f"the gradient of {name} is {np.asarray(gradient).dtype}, but {name} is float64"
    if not np.isfinite(gradient).all():
        return f"the gradient of {name} has values that are not finite (nan or inf)"
    return None


def _compare_one(name, f, x, analytic, out, dout, rng, tolerance, elements):
    """Compare one gradient with differences at `elements` places; where it has more, along a direction too."""

    def looker(place, direction=1.0):
        return functools.cache(lambda h: slope(f, x, place, dout, h, direction, middle=out))

    affordable = max(20, WORK // (x.size + out.size + 1))
    flat = pick(x.size, min(elements, affordable), rng)
    places = [tuple(int(i) for i in np.unravel_index(k, x.shape)) for k in flat]
    looks = [looker(place) for place in places]
    direction = rng.choice([-1.0, 1.0], x.shape)
    look_along = looker(..., direction)
    steps = steps_for(x)
    values = analytic.reshape(-1)[flat]
    numeric = np.array([look(steps[0]).value for look in looks])
    scale = 1e-3 * float(np.max(np.abs(numeric), initial=0.0))
    sampled = flat.size < x.size
    if sampled:
        scale = max(scale, 1e-3 * abs(look_along(steps[0]).value) / x.size**0.5)

    entry = Entry(name, "right", checked=len(flat), indexes=unravel(flat, x.shape))
    entry.analytic_values, entry.numeric_values = values, numeric
    sizes = np.maximum(np.maximum(np.abs(values), np.abs(numeric)), scale or 1.0)
    for k in np.argsort(-np.nan_to_num(np.abs(values - numeric) / sizes, nan=np.inf)):
        verdict = judge(float(values[k]), looks[k], steps, scale, tolerance)
        _note(entry, verdict, places[k], float(values[k]))
        if entry.verdict == "wrong":
            return entry
    resolved = entry.unresolved < entry.checked or not entry.checked
    if sampled:
        along = float(np.sum(analytic * direction))
        verdict = judge(along, look_along, steps, scale * x.size**0.5, tolerance)
        resolved |= verdict.word != "unresolved"
        if verdict.word == "wrong":
            _note(entry, verdict, None, along)
    if not resolved:
        entry.verdict = "unresolved"
    return entry


class Verdict(NamedTuple):
    """How one derivative was judged: right, kink (right, by the one-sided differences), wrong or unresolved."""

    word: str
    error: float
    numeric: float


def steps_for(x: np.ndarray) -> tuple[float, ...]:
    """Return the steps to try for an array: the usual one, longer ones against round-off, shorter ones for kinks.

    They are powers of two, so that x + h and x - h carry no rounding, and small for an array of small values.

    >>> [float(np.log2(h)) for h in steps_for(np.array([-1.0, 0.5]))]
    [-17.0, -13.0, -10.0, -7.0, -20.0, -24.0, -28.0]
    """
    largest = float(np.max(np.abs(x), initial=0.0))
    size = round(np.log2(largest)) if 0.0 < largest < 1.0 else 0
    powers = (size - 17, size - 13, size - 10, size // 2 - 10, -10, -7, size - 20, size - 24, size - 28)
    return tuple(2.0**power for power in dict.fromkeys(powers))


def judge(
    analytic: float,
    look: Callable[[float], Slope],
    steps: tuple[float, ...],
    scale: float,
    tolerance: float,
) -> Verdict:
    """Judge one derivative; `look(h)` measures it with the step h, and `scale` is the least size to compare with.

    Steps whose round-off is larger than ten times the tolerance are passed over. The derivative is right when the
    central difference of one step confirms it. Where none does, the shortest step decides: a value between the
    one-sided differences is right too. It is unresolved where round-off leaves no step, or only steps so long that
    they disagree among themselves.

    >>> x = np.zeros(1)
    >>> judge(1.0, lambda h: slope(np.exp, x, (0,), np.ones(1), h), steps_for(x), 1e-3, 1e-6).word
    'right'
    >>> judge(0.5, lambda h: slope(np.abs, x, (0,), np.ones(1), h), steps_for(x), 1e-3, 1e-6).word
    'kink'
    """
    usable = []
    for h in steps:
        measured = look(h)
        size = max(abs(analytic), abs(measured.value), scale)
        if not np.isfinite(measured.value) or measured.noise > 10 * tolerance * size:
            continue
        slack = tolerance * size + measured.noise
        difference = abs(analytic - measured.value)
        error = difference / size if size else 0.0
        if difference <= slack:
            return Verdict("right", error, measured.value)
        usable.append((h, error if np.isfinite(error) else np.inf, slack, measured))
    usable.sort(key=lambda item: item[0])
    if not usable or (usable[0][0] > steps[0] and _disagree(analytic, usable)):
        return Verdict("unresolved", 0.0, measured.value)
    _, error, slack, shortest = usable[0]
    if shortest.low - slack <= analytic <= shortest.high + slack:
        return Verdict("kink", 0.0, shortest.value)
    return Verdict("wrong", error, shortest.value)


def _disagree(analytic, usable):
    """Whether the two shortest steps are as far from each other as the analytic value is from the shortest."""
    values = [measured.value for _, _, _, measured in usable[:2]]
    return len(values) < 2 or abs(analytic - values[0]) <= 2 * abs(values[0] - values[1])


def _note(entry, verdict, place, analytic):
    entry.kinks += verdict.word == "kink"
    entry.unresolved += verdict.word == "unresolved"
    if verdict.word == "wrong":
        entry.verdict = "wrong"
    if verdict.word == "wrong" or verdict.error > entry.error or entry.numeric is None:
        entry.error, entry.worst, entry.analytic, entry.numeric = verdict.error, place, analytic, verdict.numeric


def is_floating(value: Any) -> bool:
    """Whether a value is a floating-point array.

    >>> is_floating(np.ones(2)), is_floating(np.arange(2)), is_floating(0.5)
    (True, False, False)
    """
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _is_numeric(value):
    return isinstance(value, (np.ndarray, np.generic, float)) and np.asarray(value).dtype.kind in "biuf"


def _arrays_in(tree) -> Iterator[np.ndarray]:
    """The arrays in nested tuples, lists and dicts, in order."""
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, (tuple, list, dict)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from _arrays_in(item)


def _changed(now, before):
    return [name for name in before if isinstance(before[name], np.ndarray) and not _same(now[name], before[name])]


def _same(a, b):
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
