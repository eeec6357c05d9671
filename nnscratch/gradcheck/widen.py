"""Find single precision inside a double precision pair by running it with every narrow number made wide."""

from typing import Any

import numpy as np

from nnscratch.gradcheck.subject import fresh_inputs, rebuild

NARROW = (np.dtype(np.float32), np.dtype(np.float16))
NUDGE = 2.0**-20


def narrowed_gradient(subject: Any, dout: np.ndarray, grads: dict[str, Any]) -> str | None:
    """Return the name of a gradient that changes when its pair keeps to double precision throughout, or None.

    forward and backward are given arrays that stay float64 when they are asked for float32 or float16, and that
    notice narrow numbers which come from elsewhere. A gradient is accused only where narrow numbers were met and
    make a difference: a mask of zeros and ones may have any dtype, and so may a table of constants, which forward
    may have used as it is.

    >>> from nnscratch.gradcheck.subject import Subject
    >>> def pair(backward):
    ...     return Subject("f", lambda given: (given["x"], given["x"]), backward, {"x": x}, ["x"])
    >>> dout, x = np.random.default_rng(0).normal(size=(2, 9))
    >>> single = pair(lambda dout, x: {"x": dout * (1 + 0.01 * np.tanh(x.astype(np.float32)))})
    >>> narrowed_gradient(single, dout, single.backward(dout, x))
    'x'
    >>> mask = pair(lambda dout, x: {"x": dout * (x > 0).astype(np.float32)})
    >>> narrowed_gradient(mask, dout, mask.backward(dout, x))
    """
    first = _Log()
    wide = _run(subject, dout, first)
    if first.widened:
        name = _changed(wide, grads, 1e-13)
        if name:
            return name
    if not first.met:
        return None
    moved = _Log()
    _run(subject, dout, moved, step=2.0**-12)
    if len(moved.met) != len(first.met):
        return None
    data = [k for k, (a, b) in enumerate(zip(first.met, moved.met)) if _is_rounded(a) and not np.array_equal(a, b)]
    nudged = _run(subject, dout, _Log(frozenset(data))) if data else {}
    return _changed(nudged, wide, 1e-3 * NUDGE)


class _Log:
    """What was met on the way: `widened` requests for narrow numbers, and narrow numbers from elsewhere.

    Those whose place in `met` is among `nudge` are changed a little, to see what hears of them.
    """

    def __init__(self, nudge: frozenset[int] = frozenset()) -> None:
        self.widened, self.nudge = False, nudge
        self.doubles: dict[float, float] = {}
        self.met: list[np.ndarray] = []

    def know(self, values: Any) -> None:
        """Remember numbers of the forward pass, to put them in the place of what is left of them."""
        for value in values:
            if type(value) is float:
                self.doubles |= {float(np.float32(value)): value, float(np.float16(value)): value}

    def dtype(self, asked: Any) -> Any:
        """Return float64 for a narrow dtype, any other as it is."""
        try:
            narrow = asked is not None and np.dtype(asked) in NARROW
        except TypeError:
            narrow = False
        self.widened |= narrow
        return np.float64 if narrow else asked

    def number(self, value: Any) -> Any:
        """Return an operand for a plain calculation."""
        value = value.view(np.ndarray) if isinstance(value, Wide) else value
        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype not in NARROW:
            return value
        if np.ndim(value) == 0 and float(value) in self.doubles:
            self.widened = True
            return self.doubles[float(value)]
        self.met.append(np.array(value))
        if len(self.met) - 1 in self.nudge:
            return value * (1 + NUDGE * np.cos(np.arange(value.size).reshape(value.shape)))
        return value


class Wide(np.ndarray):
    """An array that stays in double precision, as does what is computed from it.

    >>> wide = np.ones(2).view(Wide)
    >>> wide.log = _Log()
    >>> wide.astype(np.float32).dtype, (wide + np.ones(2, np.float32)).dtype, wide.log.widened
    (dtype('float64'), dtype('float64'), True)
    """

    log: _Log

    def __array_finalize__(self, source: Any) -> None:
        """Hand on the log."""
        self.log = getattr(source, "log", None) or _Log()

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """Return a copy of another dtype, but none that is narrow."""
        value = self.log.number(self) if self.dtype in NARROW else self.view(np.ndarray)
        return self._wrapped(value.astype(self.log.dtype(dtype), *args, **options))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Compute with plain arrays, and hand the log on to what comes out."""
        if "dtype" in options:
            options["dtype"] = self.log.dtype(options["dtype"])
        given = options.get("out")
        if given:
            options["out"] = tuple(a.view(np.ndarray) if isinstance(a, Wide) else a for a in given)
        result = getattr(ufunc, method)(*map(self.log.number, inputs), **options)
        if given:
            return given[0] if len(given) == 1 else given
        return tuple(map(self._wrapped, result)) if isinstance(result, tuple) else self._wrapped(result)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Let no function of NumPy make narrow numbers."""
        if "dtype" in kwargs:
            kwargs = {**kwargs, "dtype": self.log.dtype(kwargs["dtype"])}
        result = super().__array_function__(func, types, args, kwargs)
        return self._wrapped(result) if type(result) is np.ndarray else result

    def _wrapped(self, result):
        if not isinstance(result, np.ndarray):
            return result
        wide = result.view(Wide)
        wide.log = self.log
        return wide


def _run(subject, dout, log, step=0.0):
    """Run forward and backward on wide arrays, all changed by about `step`; {} where they do not take them."""

    def wide(a, step=0.0):
        if (
            not isinstance(a, np.ndarray)
            or isinstance(a, Wide)
            or a.dtype != np.float64
            and a.dtype.kind not in "biu"
        ):
            return a
        moved = np.array(a)
        if step and a.dtype.kind == "f":
            moved *= 1 + step * np.sin(1 + np.arange(a.size).reshape(a.shape))
        given = moved.view(Wide)
        given.log = log
        return given

    try:
        log.know(subject.settings.values())
        _, cache = subject.forward({name: wide(a, step) for name, a in fresh_inputs(subject).items()})
        log.know(cache if isinstance(cache, tuple) else ())
        found = subject.backward(wide(dout, step), rebuild(cache, lambda _, a: wide(a)))
        return {name: np.asarray(g, np.float64) for name, g in found.items() if g is not None}
    except Exception:  # they do not take such arrays, which is no mistake of theirs
        log.widened, log.met = False, []
        return {}


def _changed(found, grads, share):
    """The first gradient that differs from the one known, by more than a share of its largest element."""
    for name, grad in grads.items():
        if name in found and found[name].shape == np.shape(grad):
            off = np.abs(found[name] - grad)
            if np.any(off > share * np.max(np.abs(grad), initial=0.0)):
                return name
    return None


def _is_rounded(numbers):
    """Whether these have all the digits of their dtype: zeros, ones and halves are exact in any."""
    digits = np.frexp(numbers[np.isfinite(numbers)].astype(np.float64))[0]
    return bool(np.any(digits * 2.0 ** (np.finfo(numbers.dtype).nmant - 4) % 1 != 0))
