"""What a check expects of a learner's function, and the words in which it says what is not so."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnscratch.course import NotWritten
from nnscratch.course.causes import cause_of, shape_words


class Unmet(Exception):
    """What a learner's function did was not what its docstring asks for.

    `what` says so in a sentence, `where` names a place in the learner's file ("" where only the function is
    known), `finding` is the doctor's as a dict, `report` the doctor's whole report as text, `kind` the Outcome's.
    """

    def __init__(
        self,
        what: str,
        where: str = "",
        finding: dict[str, Any] | None = None,
        report: str = "",
        kind: str = "wrong",
    ) -> None:
        super().__init__(what)
        self.what, self.where, self.finding, self.report, self.kind = what, where, finding, report, kind


def equal(found: Any, expected: Any, name: str, tolerance: float = 1e-8, given: Mapping | None = None) -> Any:
    """Expect an array or number: its type, shape, dtype, no NaN, then its values; return `found`.

    An element may be off by `tolerance` times (1 + the largest expected value); float32 has 2e-5 at the least.
    `given` are the arguments of the call, for the message.

    >>> equal(np.array([1.0, 1.5]), np.array([1.0, 0.5]), "out")
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: out[1] is 1.5, it should be 0.5
    """
    call = _call_words(given)
    if isinstance(expected, np.ndarray) and expected.ndim:
        if not isinstance(found, np.ndarray):
            raise Unmet(f"{name} should be an array of shape {expected.shape}{call}, it is {described(found)}")
    elif isinstance(found, np.ndarray) and found.ndim:
        raise Unmet(f"{name} should be one number{call}, it is an array of shape {found.shape}")
    elif not isinstance(found, (bool, int, float, complex, np.generic, np.ndarray)):
        raise Unmet(f"{name} should be a number{call}, it is {described(found)}")
    found_, expected_ = np.asarray(found), np.asarray(expected)
    shape(found_, expected_.shape, name, given)
    _same_kind(found_, expected_, name, call, isinstance(expected, np.ndarray))
    if expected_.dtype.kind in "fc":
        if found_.dtype == np.float32 or expected_.dtype == np.float32:
            tolerance = max(tolerance, 2e-5)
        strange = ~np.isfinite(found_) & (np.isfinite(expected_))
        if strange.any():
            place = np.argwhere(strange)[0]
            count = f" ({strange.sum()} of {strange.size} elements are not finite)" if strange.size > 1 else ""
            raise Unmet(
                f"{_element(name, place)} is {found_[tuple(place)]}{call}, it should be "
                f"{_plain(expected_[tuple(place)])}{count}"
            )
        finite = expected_[np.isfinite(expected_)]
        room = tolerance * (1 + np.max(np.abs(finite), initial=0.0))
        with np.errstate(invalid="ignore"):
            bad = ~((np.abs(found_ - expected_) <= room) | (found_ == expected_))
            bad &= ~(np.isnan(found_) & np.isnan(expected_))
    else:
        bad = found_ != expected_
    if bad.any():
        with np.errstate(all="ignore"):
            distance = np.where(bad, np.abs(np.subtract(found_, expected_, dtype=np.float64)), -1.0)
        place = np.unravel_index(int(np.argmax(np.nan_to_num(distance, nan=np.inf))), distance.shape)
        is_, should = _told_apart(found_[place], expected_[place])
        words = f"{_element(name, place)} is {is_}, it should be {should}"
        if bad.size > 1 and bad.sum() > 1:
            words += f" ({bad.sum()} of {bad.size} elements are wrong)"
        cause = cause_of(found_, expected_, tolerance, given or {})
        raise Unmet(words + (f": {cause}" if cause else "") + call)
    return found


def shape(found: Any, expected: tuple[int, ...], name: str, given: Mapping | None = None) -> Any:
    """Expect an array of this shape; return it.

    >>> shape(np.ones((2, 3)), (3, 2), "dw")
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: dw has shape (2, 3), it should be (3, 2): it looks transposed
    """
    if not hasattr(found, "shape"):
        raise Unmet(f"{name} should be an array of shape {expected}{_call_words(given)}, it is {described(found)}")
    if tuple(found.shape) != tuple(expected):
        hint = shape_words(tuple(found.shape), tuple(expected))
        raise Unmet(
            f"{name} has shape {tuple(found.shape)}, it should be {tuple(expected)}"
            + _call_words(given)
            + (f": {hint}" if hint else "")
        )
    return found


def true(condition: Any, words: str) -> None:
    """Expect a condition; `words` say what is wrong when it does not hold.

    >>> true(1 + 1 == 3, "dropout keeps 80% of the elements, it should keep 20%")
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: dropout keeps 80% of the elements, it should keep 20%
    """
    if not condition:
        raise Unmet(words)


def pair(result: Any, name: str) -> tuple[Any, Any]:
    """Expect what a function returned to be a tuple of two; return it.

    >>> pair(None, "relu_forward")
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: relu_forward returns None: is there a return at its end?
    """
    if result is None:
        raise Unmet(f"{name} returns None: is there a return at its end?")
    if not isinstance(result, tuple) or len(result) != 2:
        raise Unmet(f"{name} should return two things, such as (out, cache); it returns {described(result)}")
    return result


def function(mine: Any, name: str) -> Callable:
    """Return another function of the learner's file: the other half of a pair.

    >>> function(print, "affine_backward")
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: there is no function affine_backward beside print
    """
    other = getattr(getattr(mine, "module", None), name, None)
    if not callable(other):
        beside = getattr(mine, "__name__", "the function")
        raise Unmet(f"there is no function {name} beside {beside}")
    return other


def raises(error: type[Exception], call: Callable[[], Any], words: str) -> Exception:
    """Expect `call()` to raise `error`; `words` say in which case it is to do so. Returns the exception.

    >>> raises(ValueError, lambda: 3, "labels from 0 to 9 only")
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: a ValueError was to be raised (labels from 0 to 9 only), but none was
    """
    expected = f"a{'n' if error.__name__[0] in 'AEIOU' else ''} {error.__name__}"
    try:
        call()
    except NotWritten:
        raise
    except error as raised:
        return raised
    except Exception as other:
        kind = type(other).__name__
        raise Unmet(f"{expected} was to be raised ({words}), but it was {kind}: {other}") from other
    raise Unmet(f"{expected} was to be raised ({words}), but none was")


def unchanged(call: Callable[[], Any], *arrays: Any, **named: Any) -> Any:
    """Expect `call()` to leave these arrays as they are; return what it returns.

    >>> x = np.ones(3)
    >>> unchanged(lambda: np.multiply(x, 2, out=x), x=x)
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: x was changed in place: work on a copy (out = x * 2 instead of x *= 2)
    """
    watched = {f"input {i + 1}": array for i, array in enumerate(arrays)} | named
    before = {name: np.array(array, copy=True) for name, array in watched.items()}
    result = call()
    for name, array in watched.items():
        if not np.array_equal(before[name], array, equal_nan=np.asarray(array).dtype.kind in "fc"):
            raise Unmet(f"{name} was changed in place: work on a copy (out = x * 2 instead of x *= 2)")
    return result


def gradients(
    forward: Callable, backward: Callable, inputs: Sequence, wrt: Sequence[int] | None = None, **options: Any
) -> None:
    """Expect the gradient doctor (nnscratch.check_pair) to find nothing; its first finding is the message.

    >>> gradients(lambda x: (x * x, x), lambda dout, x: dout * x, (np.arange(1.0, 4.0),))
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: constant-factor in x: ...
    """
    from nnscratch.gradcheck import check_pair

    _healthy(check_pair(forward, backward, inputs, wrt, rng=0, **options))


def loss_gradient(loss: Callable, x: np.ndarray, y: Any, **options: Any) -> None:
    """Expect the doctor to find nothing in a function `loss(x, y) -> (loss, dx)`.

    >>> loss_gradient(lambda x, y: (0.5 * ((x - y) ** 2).sum(), x - y), np.arange(3.0), np.ones(3))
    """
    from nnscratch.gradcheck import check_loss

    _healthy(check_loss(loss, x, y, rng=0, **options))


def model_gradients(model: Any, x: np.ndarray, y: Any, **options: Any) -> None:
    """Expect the doctor to find nothing in a model with `params` and `loss(x, y) -> (loss, grads)`.

    >>> from nnscratch.models import build
    >>> model_gradients(build("mlp", classes=2, image=(1, 2, 2), hidden=(3,)), np.ones((2, 1, 2, 2)), np.arange(2))
    """
    from nnscratch.gradcheck import check_model

    _healthy(check_model(model, x, y, rng=0, **options))


def _healthy(report):
    if report.ok:
        return
    if not report.findings:
        wrong = next(entry for entry in report.entries if entry.verdict == "wrong")
        raise Unmet(f"the gradient d{wrong.name} is wrong {wrong.note}", report=str(report))
    first = report.findings[0]
    wrong = next((e for e in report.entries if e.name == first.where and e.verdict == "wrong"), None)
    shown = f" ({wrong.note})" if wrong and wrong.analytic is not None else ""
    words = f"{first.kind} in {first.where}: {first.evidence}; {first.advice}{shown}"
    raise Unmet(words, where=first.line or "", finding=first.to_json(), report=str(report))


def faster(mine: Callable, naive: Callable, args: Sequence, ratio: float, rounds: int = 5) -> None:
    """Expect `mine(*args)` to take at most 1/ratio of the time of `naive(*args)`: medians, measured by turns.

    >>> faster(lambda n: n, lambda n: sum(range(n)), (100_000,), ratio=2)
    """
    best = 0.0
    for _ in range(3):
        times: tuple[list, list] = ([], [])
        for _ in range(rounds):
            for function, taken in zip((mine, naive), times):
                start = time.perf_counter()
                function(*args)
                taken.append(time.perf_counter() - start)
        fast, slow = (float(np.median(taken)) for taken in times)
        best = max(best, slow / max(fast, 1e-9))
        if best >= ratio:
            return
    raise Unmet(
        f"it is right, but only {best:.1f} times as fast as the loops "
        f"({1e3 * fast:.3g} ms against {1e3 * slow:.3g} ms); {ratio:g} times is asked for: "
        "is there a loop left that array code could do?"
    )


def catches(test: Callable, right: Sequence, wrongs: Mapping[str, Sequence], name: str = "") -> None:
    """Expect a gradient test that the learner wrote to pass a right layer and to fail on wrong ones.

    right: the arguments of the test, such as (forward, backward, x), for a layer that is right; the test returns
    True, or nothing. wrongs: the same for wrong layers, by what is wrong with each; the test returns False or
    raises an exception. `name` says in words which layer is right.

    >>> def right_backward(dout, x): return 2 * x * dout
    >>> catches(lambda backward: True, (right_backward,), {"the 2 is missing": (lambda dout, x: x * dout,)})
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: the test lets a wrong layer pass: the 2 is missing
    """
    verdict = test(*right)
    if verdict is not None and not bool(verdict):
        raise Unmet("the test refuses a layer that is right" + (f": {name}" if name else ""))
    for words, arguments in wrongs.items():
        try:
            verdict = test(*arguments)
        except NotWritten:
            raise
        except Exception:  # whatever it raises, it has refused the wrong layer, as it should
            continue
        if verdict is None or bool(verdict):
            raise Unmet(f"the test lets a wrong layer pass: {words}")


def described(value: Any) -> str:
    """Return a few words about what a learner's function returned.

    >>> described(None), described([1, 2]), described((1, np.ones(3)))
    ('None', 'a list of 2', 'a tuple of 2')
    """
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, (int, float, complex, np.generic)):
        return f"the number {value:.6g}"
    size = f" of {len(value)}" if isinstance(value, (tuple, list, dict, set)) else ""
    kind = type(value).__name__
    return f"a{'n' if kind[0] in 'aeiou' else ''} {kind}{size}"


def _same_kind(found, expected, name, call, exact):
    """Compare dtypes: floats must agree where an array is expected, whole numbers and truths only in kind."""
    kinds = {"f": "floating-point", "i": "whole", "u": "whole", "b": "true or false", "c": "complex"}
    a, b = (kinds.get(array.dtype.kind, str(array.dtype)) for array in (found, expected))
    if b == "floating-point" and exact and found.dtype != expected.dtype:
        raise Unmet(f"{name} has dtype {found.dtype}, it should be {expected.dtype}{call}")
    if a != b and (exact or b != "floating-point" or a not in ("whole", "floating-point")):
        raise Unmet(f"{name} has dtype {found.dtype} ({a} numbers), it should be {b}{call}")


def _call_words(given):
    """Say on which arguments it happened: shapes of arrays, values of what is small."""
    if not given:
        return ""
    parts = []
    for name, value in given.items():
        if isinstance(value, np.ndarray) and value.size > 6:
            parts.append(f"{name} of shape {value.shape}")
        elif isinstance(value, np.ndarray):
            parts.append(f"{name} = {np.array2string(value, precision=4, separator=', ')}".replace("\n", ""))
        else:
            text = repr(value)
            parts.append(f"{name} = {text}" if len(text) <= 40 else f"{name} ({type(value).__name__})")
    return f" (for {', '.join(parts)})"


def _element(name, place):
    place = ", ".join(str(int(i)) for i in place)
    return f"{name}[{place}]" if place else name


def _plain(value, digits=6):
    return f"{value:.{digits}g}" if np.asarray(value).dtype.kind == "f" else str(value)


def _told_apart(a, b):
    """Two numbers in words, with as many digits as it takes to see that they differ."""
    for digits in (6, 9, 12, 17):
        if _plain(a, digits) != _plain(b, digits):
            break
    return _plain(a, digits), _plain(b, digits)
