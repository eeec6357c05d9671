"""The cheapest part of a check: form and manners of a pair, before any derivative is measured."""

from typing import Any

import numpy as np

from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.precision import rounded_gradient
from nnscratch.gradcheck.subject import (
    FormError,
    Subject,
    arrays_in,
    fresh,
    fresh_inputs,
    is_numeric,
    rebuild,
    same,
)
from nnscratch.gradcheck.widen import narrowed_gradient

LAST_DIGITS, ODDS = (-2, -1, 1, 2), 8.0  # changes of the cache that are tried, the odds that they show too little
COPY = "work on a copy, such as `x = x.copy()`, or write `a = a * b` instead of `a *= b`"


class Visit:
    """Runs forward and backward of a subject, and notes whatever is wrong before derivatives are compared.

    `out` is the output, `dout` a random upstream gradient, `grads` what backward gave for it. `analytic(dout)`
    gives the gradients for another dout. `single` tells that the code computes in float32 whatever it is given.

    >>> subject = Subject("double", lambda given: (2 * given["x"], None), lambda dout, cache: {"x": 2 * dout},
    ...                   {"x": np.ones(3)}, ["x"])
    >>> visit = Visit(subject, np.random.default_rng(0))
    >>> visit.findings, visit.analytic(np.ones(3))["x"]
    ([], array([2., 2., 2.]))
    """

    def __init__(self, subject: Subject, rng: np.random.Generator) -> None:
        self.subject, self.rng = subject, rng
        self.findings: list[Finding] = []
        self.careful = False  # forward must be given copies
        self.steady = self.linear = True
        self.spoilt = False  # what backward does cannot be trusted, so that numbers explain nothing
        self._kept: Any = None
        given = fresh_inputs(subject)
        out, cache = self._forward(given)
        self._look_at_inputs(given)
        out_problem = _problem_of_out(out)
        if out_problem:
            raise FormError(out_problem.evidence, out_problem)
        self.dtype = np.asarray(out).dtype
        self.out = np.array(out, dtype=np.float64)
        self._repeat_forward(out)
        self.dout = np.asarray(rng.standard_normal(self.out.shape).astype(self.dtype))
        raw = self._watched_backward(given, cache, out)
        self.raw = raw
        self.single = self.dtype == np.float32 and all(
            np.asarray(g).dtype == np.float32 for g in raw.values() if is_numeric(g)
        )
        self.grads = self._judge_form(raw)
        self.eps = float(np.finfo(np.float32 if self.single else np.float64).eps)

    def _forward(self, given):
        with np.errstate(all="ignore"):
            return self.subject.forward(given)

    def _backward(self, dout, cache):
        with np.errstate(all="ignore"):
            return self.subject.backward(dout, cache)

    def analytic(self, dout: np.ndarray) -> dict[str, np.ndarray]:
        """Return the gradients that backward gives for `dout`, in float64; those of a wrong form are left out."""
        if self._kept is None or self.careful:
            self._kept = self._forward(fresh_inputs(self.subject))[1]
        raw = self._backward(np.array(dout, dtype=self.dtype), self._kept)
        inputs = self.subject.inputs
        return {
            name: np.array(raw[name], dtype=np.float64)
            for name in self.subject.wrt
            if is_numeric(raw.get(name)) and np.shape(raw[name]) == inputs[name].shape
        }

    def at(self, inputs: dict[str, Any]) -> "Visit":
        """Return a visit of the same subject at other inputs, without looking at manners again."""
        other = object.__new__(Visit)
        other.__dict__.update(self.__dict__)
        other.subject = self.subject._replace(inputs={**self.subject.inputs, **inputs})
        out, other._kept = other._forward(fresh_inputs(other.subject))
        other.out = np.array(out, dtype=np.float64)
        other.findings = []
        if other.out.shape == self.out.shape and np.isfinite(other.out).all():
            other.grads = other.analytic(self.dout)
        else:
            other.grads = {}
        return other

    def _note(self, kind, where, evidence, advice):
        self.findings.append(Finding(kind, where, evidence, advice))

    def _look_at_inputs(self, given):
        for name, value in self.subject.inputs.items():
            if name not in self.subject.may_change and not same(given[name], value):
                self.careful = True
                self._note("mutates", name, f"forward changed {name} in place", COPY)

    def _repeat_forward(self, out):
        again, _ = self._forward(fresh_inputs(self.subject))
        tolerance = 1e-4 if self.dtype == np.float32 else 1e-9
        if np.shape(again) != np.shape(out) or not _close(again, out, tolerance):
            self.careful = self.spoilt = True
            self.steady = False
            self._note(
                "nondeterministic",
                "out",
                "forward gives another output when it is called again with the same input",
                "seed its random numbers, and keep nothing in globals or on the object",
            )

    def _watched_backward(self, given, cache, out):
        """Run backward once and see what it wrote into."""
        given_before = {name: fresh(value) for name, value in given.items()}
        arrays = list(arrays_in(cache))
        before, out_before, dout = [a.copy() for a in arrays], np.array(out), self.dout.copy()
        raw = {name: _copied(g) for name, g in self._backward(dout, cache).items()}
        changed = [name for name in given if not same(given[name], given_before[name])]
        if not np.array_equal(dout, self.dout, equal_nan=True):
            changed.append("dout")
        now = [*arrays, *arrays_in(cache)]  # what was in it, and what is in it now: lists may have been emptied
        if not changed and not (len(now) == 2 * len(before) and all(map(same, now, before + before))):
            changed.append("the cache")
        if not changed and not np.array_equal(np.asarray(out), out_before, equal_nan=True):
            changed.append("out")
        for name in changed:
            self.careful = self.spoilt = True
            self._note("mutates", name.removeprefix("the "), f"backward changed {name} in place", COPY)
        return raw

    def _judge_form(self, raw):
        """Note gradients of a wrong form; return those that can be compared, in float64."""
        for name in sorted(set(raw) - set(self.subject.wrt)):
            evidence = f"backward gives a gradient for {name}, which is no parameter"
            self._note("wrong-shape", name, evidence, "return one gradient for each parameter, under its name")
        expected = np.dtype(np.float32 if self.single else np.float64)
        grads = {}
        for name in self.subject.wrt:
            problem = _problem_of_gradient(name, raw.get(name), self.subject.inputs[name].shape, expected)
            if problem:
                self.findings.append(problem)
            if is_numeric(raw.get(name)) and np.shape(raw[name]) == self.subject.inputs[name].shape:
                grads[name] = np.array(raw[name], dtype=np.float64)
        return grads

    def look_at_manners(self) -> None:
        """Note gradients of too few digits, and a backward that does not repeat, remembers, or is not linear."""
        if not self.grads or self.out.size == 0 or not self.steady:
            return
        tolerance = 2e-3 if self.single else 1e-8
        for name, gradient in self.grads.items():
            if (
                not self.single
                and np.asarray(self.raw[name]).dtype == np.float64
                and _has_few_digits(gradient, self._rounding_of(name))
            ):
                self.spoilt = True
                evidence = f"d{name} is float64, but its values have only the digits of float32 or less"
                self._note(
                    "wrong-dtype", name, evidence, "look for astype(numpy.float32) or a buffer of another dtype"
                )
        if not self.single and not self.findings:
            self._try_precision()
        again = self.analytic(self.dout)
        if not self._agree(again, self.grads, tolerance):
            self.spoilt = True
            self._note(
                "nondeterministic",
                self._differing(again, self.grads, tolerance),
                "backward gives another result when it is called again with the same dout and cache",
                "compute from dout and cache alone: no random numbers, nothing kept from an earlier call",
            )
            return
        if self._remembers(tolerance):
            return
        self._try_linearity(tolerance)

    def _try_precision(self):
        advice = "look for astype(numpy.float32), or a buffer or cache of that dtype"
        with np.errstate(all="ignore"):
            name = narrowed_gradient(self.subject, self.dout, self.grads)
        evidence = f"d{name} changes when float64 is kept throughout: a part of it is computed in fewer digits"
        if not name:
            cache = self._forward(fresh_inputs(self.subject))[1]
            name = rounded_gradient(self._backward, self.dout, cache, self.grads, self.subject.inputs)
            evidence = f"d{name} does not hear of changes below 1e-8, as in single precision"
        if name:
            self.spoilt = True
            self._note("wrong-dtype", name, evidence, advice)

    def _remembers(self, tolerance):
        """Whether a forward on other inputs, or another backward, disturbs what belongs to the first."""
        cache = self._forward(fresh_inputs(self.subject))[1]
        held = self._backward(self.dout.copy(), cache)
        arrays = {name: g for name, g in held.items() if isinstance(g, np.ndarray)}
        before = {name: g.copy() for name, g in arrays.items()}
        cache = self._forward(fresh_inputs(self.subject))[1]
        arrays_before = [a.copy() for a in arrays_in(cache)]
        others = fresh_inputs(self.subject)
        for name in self.subject.wrt:
            others[name] = elsewhere(others[name], self.rng)
        try:
            other_cache = self._forward(others)[1]
            self._backward(np.asarray(2 * self.dout), other_cache)
        except Exception:  # the other inputs do not suit; that is no mistake of the pair
            return False
        spoilt = [name for name in arrays if not same(arrays[name], before[name])]
        overwritten = not all(same(a, b) for a, b in zip(arrays_in(cache), arrays_before))
        late = self._numbers(self._backward(self.dout.copy(), cache))
        if not spoilt and self._agree(late, self.grads, tolerance):
            return False
        self.careful = self.spoilt = True
        if spoilt:
            evidence = f"the gradient of {spoilt[0]} changes after it was returned, when backward is called again"
            self._note("mutates", spoilt[0], evidence, "make a new array in every call, do not reuse a buffer")
        elif overwritten:
            evidence = "a forward on other inputs overwrites the cache of the first"
            self._note("mutates", "cache", evidence, "make new arrays in every call, do not reuse a buffer")
        else:
            self._note(
                "nondeterministic",
                self._differing(late, self.grads, tolerance),
                "after a forward on other inputs, backward with the first cache gives another result",
                "hand on through the cache all that backward needs, nothing through globals or attributes",
            )
        return True

    def _try_linearity(self, tolerance):
        """Backward of a sum is the sum, backward of a multiple the multiple, backward of zero zero."""
        other = self.rng.standard_normal(self.out.shape)
        mixed = self.analytic(self.dout - 2 * other)
        second = self.analytic(other)
        zero = self.analytic(np.zeros(self.out.shape))
        for name, gradient in self.grads.items():
            if not np.isfinite(gradient).all() or not all(name in result for result in (mixed, second, zero)):
                continue
            size = np.abs(gradient) + 2 * np.abs(second[name])
            floor = 1e-6 * np.max(size, initial=0.0) + self._rounding_of(name) / tolerance
            off = np.abs(mixed[name] - (gradient - 2 * second[name]))
            allowed = tolerance * np.maximum(size, floor)
            if np.any(~(off <= allowed)) and np.any(~(off <= allowed + self._hum(name, self.dout, other))):
                self.linear, self.spoilt = False, True
                constant = bool(np.any(zero[name]))
                share = float(np.max(off, initial=0.0) / max(np.max(size, initial=0.0), 1e-300))
                twice = self.analytic(2 * self.dout)[name]
                scales = _close(twice, 2 * gradient, 1e-6)
                self.findings += _not_linear(name, constant, share, scales)
                return

    def _hum(self, name, first, second):
        """What last digits do to the gradient of first - 2 second, where large numbers may cancel.

        All numbers of the cache are changed by one factor, so that those which were equal stay so.
        """
        dout, size, hum = first - 2 * second, np.abs(first) + 2 * np.abs(second), 0.0
        cache, at = self._forward(fresh_inputs(self.subject))[1], self.analytic(dout)[name]
        for digits in LAST_DIGITS:

            def nudged(_, a, factor=1 + digits * self.eps):
                return a * factor if a.dtype.kind == "f" else a.copy()

            nudge = self.eps * size * self.rng.choice([-1.0, 1.0], size.shape)
            try:
                heard = np.asarray(self._backward(dout + nudge, rebuild(cache, nudged))[name])
            except Exception:  # backward does not take such a cache
                continue
            hum = np.fmax(hum, ODDS * np.abs(heard - at)) if heard.shape == at.shape else hum
        return hum

    def _rounding_of(self, name):
        """What round-off may do to a gradient that is the small difference of larger numbers."""
        largest = float(np.max(np.abs(self.subject.inputs[name]), initial=0.0)) or 1.0
        return (
            100
            * self.eps
            * np.max(np.abs(self.dout), initial=0.0)
            * np.max(np.abs(self.out), initial=0.0)
            / min(1.0, largest)
        )

    def _numbers(self, raw):
        return {name: np.array(raw[name], np.float64) for name in self.grads if is_numeric(raw.get(name))}

    def _agree(self, a, b, tolerance):
        return all(name in a and _close(a[name], b[name], tolerance) for name in b)

    def _differing(self, a, b, tolerance):
        return next(name for name in b if name not in a or not _close(a[name], b[name], tolerance))


def elsewhere(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return other numbers of the same kind: those of the array in another order, changed by up to a half.

    >>> sorted(np.sign(elsewhere(np.array([1.0, -2.0, 3.0]), np.random.default_rng(0))).tolist())
    [-1.0, 1.0, 1.0]
    """
    return rng.permutation(array.reshape(-1)).reshape(array.shape) * rng.uniform(0.5, 1.5, array.shape)


def _close(a, b, tolerance):
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        bound = tolerance * np.maximum(np.abs(a), np.abs(b)) + 1e-3 * tolerance * np.max(np.abs(b), initial=0.0)
        return bool(np.all((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= bound)))


def _not_linear(name, constant, share, scales):
    """What a gradient that is not linear in dout may mean; `scales`: twice the dout gives twice of it."""
    if share < 5e-3 and not constant:
        evidence = f"d{name} is linear in dout only up to {share:.0e} of its size, as in single or half precision"
        advice = "look for astype(numpy.float32), float16 or a buffer of such a dtype"
        return [Finding("wrong-dtype", name, evidence, advice)]
    evidence = f"d{name} is not linear in dout: backward of a sum is not the sum of the backwards"
    advice = "take masks and factors from the cache, never from dout: dout may only be multiplied and added"
    mask = Finding("wrong-mask", name, evidence, advice)
    advice = "look whether dout stands where an array of the cache should, or such an array where dout should"
    if not constant:
        return [mask] if scales else [Finding("wrong-cache-variable", name, evidence, advice), mask]
    evidence = f"d{name} is not 0 when dout is 0: a part of it does not depend on dout"
    return [
        Finding("missing-term", name, evidence, "multiply every term by dout, the gradient from above"),
        Finding("wrong-cache-variable", name, evidence, advice),
    ]


def _copied(g):
    return g.copy() if isinstance(g, np.ndarray) else g


def _has_few_digits(gradient, rounding):
    """Whether all values are ones that float32 can hold, which a random dout makes all but impossible."""
    values = gradient[np.isfinite(gradient) & (np.abs(gradient) > rounding)]
    with np.errstate(all="ignore"):
        return bool(len(values)) and bool(np.all(values.astype(np.float32) == values))


def _problem_of_out(out):
    if not isinstance(out, (np.ndarray, np.generic, float)) or np.asarray(out).dtype.kind not in "biuf":
        evidence = f"forward must return an array as its output, but it returned {type(out).__name__}"
        return Finding("wrong-dtype", "out", evidence, "return a NumPy array")
    if np.asarray(out).dtype not in (np.float64, np.float32):
        evidence = f"forward gives {np.asarray(out).dtype} for float64 input"
        return Finding("wrong-dtype", "out", evidence, "keep the dtype of x")
    if not np.isfinite(out).all():
        evidence = "forward gives values that are not finite (nan or inf) for this input"
        return Finding(
            "non-finite", "out", evidence, "look for a division by 0, a log of 0 or an exp of a large number"
        )
    return None


def _problem_of_gradient(name, gradient, shape, dtype):
    """The first thing that is wrong with the form of one gradient, or None."""
    if gradient is None:
        evidence = f"backward gives no gradient for {name}"
        return Finding("wrong-shape", name, evidence, f"return d{name}, shaped like {name}")
    if not is_numeric(gradient):
        evidence = f"the gradient of {name} must be an array, but it is {type(gradient).__name__}"
        return Finding("wrong-dtype", name, evidence, "return a NumPy array")
    if np.shape(gradient) != shape:
        evidence = f"the gradient of {name} has shape {np.shape(gradient)}, but {name} has {shape}"
        return Finding("wrong-shape", name, evidence, _shape_advice(name, np.shape(gradient), shape))
    if np.asarray(gradient).dtype != dtype:
        evidence = f"the gradient of {name} is {np.asarray(gradient).dtype}, but {name} is {dtype}"
        advice = f"make it with the dtype of {name}, for instance numpy.zeros_like({name})"
        return Finding("wrong-dtype", name, evidence, advice)
    if not np.isfinite(gradient).all():
        count = int(np.sum(~np.isfinite(gradient)))
        evidence = (
            f"the gradient of {name} has values that are not finite (nan or inf), {count} of {np.size(gradient)}"
        )
        return Finding(
            "non-finite", name, evidence, "look for a division by 0, a log of 0 or an exp of a large number"
        )
    return None


def _shape_advice(name, found, expected):
    if sorted(found) == sorted(expected):
        return f"swap its axes: d{name} must be shaped like {name}"
    if len(found) > len(expected) or (np.prod(found) > np.prod(expected)):
        return f"sum over the axes along which {name} was stretched (broadcast)"
    if np.prod(found) < np.prod(expected):
        return (
            "one axis too many was summed or dropped: use keepdims, and give "
            f"every element of {name} its own value"
        )
    return f"reshape it like {name}"
