"""Check the backward pass of a pair, a layer, a loss or a model against differences of its forward pass."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnscratch import arrays
from nnscratch.gradcheck.compare import compare
from nnscratch.gradcheck.report import Report
from nnscratch.gradcheck.subject import FormError, Subject, fresh, is_floating, same


def check_pair(
    forward: Callable,
    backward: Callable,
    inputs: Sequence[Any],
    wrt: Sequence[int] | None = None,
    rng: Any = None,
    tolerance: float = 1e-6,
    elements: int = 200,
    **options: Any,
) -> Report:
    """Check `backward(dout, cache)` against differences of `forward(*inputs, **options)`.

    forward returns (out, cache); backward returns one gradient, or a tuple with one for each of `wrt`, in order.
    inputs: tuple passed by position; floating-point arrays are copied to float64, anything else is handed on.
    wrt: indexes of the inputs to differentiate, by default all floating-point arrays; forward may write to the
    floating-point arrays that are left out (running statistics).
    rng: Generator or whole number for the random dout and for the choice of elements.
    tolerance: the largest relative error that is right.
    elements: how many elements of an input are compared one by one (fewer where it is very large); a larger
    input is compared along a random direction through all of them as well.

    Shapes, dtypes and manners (nothing changed in place) are looked at too. Inputs and options are copied before
    each call. Returns a Report: `ok`, `findings` and an entry for each input.

    >>> def square_forward(x):
    ...     return x * x, x
    >>> def square_backward(dout, cache):
    ...     return dout * cache
    >>> report = check_pair(square_forward, square_backward, (np.arange(1.0, 4.0),))
    >>> report.ok, report.entries[0].name, report.findings[0].kind
    (False, 'x', 'constant-factor')
    """
    names = _input_names(forward, len(inputs))
    given = dict(zip(names, (_as_float64(value) for value in inputs)))
    chosen = [i for i, value in enumerate(given.values()) if is_floating(value)] if wrt is None else list(wrt)
    for i in chosen:
        if not is_floating(given[names[i]]):
            raise TypeError(
                f"check_pair: wrt has {i}, but {names[i]} is no floating-point array: leave {i} out of wrt"
            )
    subject = Subject(
        title=_title(forward, "_forward"),
        forward=lambda given: _two(forward(*given.values(), **_fresh_options(options)), "forward", "(out, cache)"),
        backward=lambda dout, cache: _by_name(backward(dout, cache), [names[i] for i in chosen], names),
        inputs=given,
        wrt=[names[i] for i in chosen],
        may_change=tuple(names[i] for i, v in enumerate(given.values()) if is_floating(v) and i not in chosen),
        code=backward,
        settings=_settings(forward, given, options),
    )
    return compare(subject, _draws(rng), tolerance, elements)


def check_layer(
    layer: Any,
    x: np.ndarray,
    train: bool = True,
    rng: Any = None,
    tolerance: float = 1e-6,
    elements: int = 200,
) -> Report:
    """Check dx and the gradient of every parameter of a layer at the input x.

    layer: any object with forward(x, train) -> (out, cache), backward(dout, cache) -> (dx, grads) and a dict
    `params`. x: array the layer takes; integers (as for an embedding) are not differentiated. The other
    arguments are those of check_pair.

    Every forward runs on a fresh float64 copy of the layer, so that dropout masks and running statistics repeat
    and the caller's layer stays as it is. Returns a Report.

    >>> class Scale:
    ...     def __init__(self):
    ...         self.params, self.state = {"w": np.ones(3)}, {}
    ...     def forward(self, x, train=False):
    ...         return x * self.params["w"], (x, self.params["w"])
    ...     def backward(self, dout, cache):
    ...         return dout * cache[1], {"w": (dout * cache[0]).sum(axis=0)}
    >>> [entry.verdict for entry in check_layer(Scale(), np.ones((2, 3))).entries]
    ['right', 'right']
    """
    work = _in_float64(layer)
    params = {name: value.copy() for name, value in work.params.items()}
    given = {"x": _as_float64(x), **params}

    borrow = _lender(work, params, lambda layer: layer.forward(fresh(given["x"]), train))

    def forward(given):
        subject = borrow(given)
        out, cache = _two(subject.forward(given["x"], train), "forward", "(out, cache)")
        return out, (cache, subject)

    def backward(dout, cache):
        cache, subject = cache
        dx, grads = _two(subject.backward(dout, cache), "backward", "(dx, grads)")
        grads = _as_dict(grads, "backward must return (dx, grads) with grads")
        return {"x": dx, **grads} if "x" in wrt else grads

    wrt = [name for name, value in given.items() if is_floating(value)]
    settings = {name: value for name, value in vars(layer).items() if isinstance(value, (int, float))}
    subject = Subject(type(layer).__name__, forward, backward, given, wrt, (), type(layer).backward, settings)
    return compare(subject, _draws(rng), tolerance, elements)


def check_loss(
    loss: Callable,
    x: np.ndarray,
    y: Any,
    rng: Any = None,
    tolerance: float = 1e-6,
    elements: int = 200,
    **options: Any,
) -> Report:
    """Check the dx of a function `loss(x, y, **options) -> (loss, dx)`.

    x: floating-point array, such as scores (N, C). y: labels or targets, not differentiated. The other
    arguments are those of check_pair. Returns a Report.

    >>> def half_square_loss(x, y):
    ...     return 0.5 * ((x - y) ** 2).sum(), x - y
    >>> check_loss(half_square_loss, np.arange(3.0), np.ones(3)).ok
    True
    """

    def forward(given):
        value, dx = _two(loss(given["x"], given["y"], **_fresh_options(options)), _title(loss, ""), "(loss, dx)")
        return _scalar(value), dx

    given = {"x": _as_float64(x), "y": y}

    def backward(dout, dx):
        return {"x": _times(dout, dx)}

    settings = _settings(loss, {}, options)
    subject = Subject(_title(loss, ""), forward, backward, given, ["x"], (), loss, settings)
    return compare(subject, _draws(rng), tolerance, elements)


def check_model(
    model: Any,
    x: np.ndarray,
    y: Any,
    rng: Any = None,
    tolerance: float = 1e-6,
    elements: int = 10,
) -> Report:
    """Check every parameter of a model with `model.params` and `model.loss(x, y) -> (loss, grads)`.

    x, y: one small batch. Of each parameter, `elements` drawn at random are compared one by one, and all of them
    along a random direction. The other arguments are those of check_pair. Every loss is computed by a fresh
    float64 copy, so that dropout masks and running statistics repeat and the caller's model stays as it is.
    Returns a Report.

    >>> class Line:
    ...     def __init__(self):
    ...         self.params = {"w": np.array([0.5])}
    ...     def loss(self, x, y):
    ...         error = x * self.params["w"] - y
    ...         return (error**2).sum(), {"w": np.array([2 * (error * x).sum()])}
    >>> check_model(Line(), np.arange(3.0), np.ones(3)).ok
    True
    """
    work = _in_float64(model)
    params = {name: value.copy() for name, value in work.params.items()}
    given = {"input x": _as_float64(x), "labels y": y, **params}
    borrow = _lender(work, params, lambda model: model.loss(fresh(given["input x"]), fresh(y)))

    def forward(given):
        value, grads = _two(borrow(given).loss(given["input x"], given["labels y"]), "loss", "(loss, grads)")
        return _scalar(value), grads

    def backward(dout, grads):
        grads = _as_dict(grads, "model.loss(x, y) must return (loss, grads) with grads")
        return {name: _times(dout, grad) for name, grad in grads.items()}

    wrt = [name for name, value in params.items() if is_floating(value)]
    subject = Subject(type(model).__name__, forward, backward, given, wrt, (), type(model).loss)
    return compare(subject, _draws(rng), tolerance, elements)


def _draws(rng):
    """Random numbers of our own: not those that a user gets from the same seed, or dout might equal x."""
    return (
        rng
        if isinstance(rng, np.random.Generator)
        else arrays.rng(arrays.default_seed() if rng is None else rng, 7)
    )


def _fresh_options(options):
    return {name: fresh(value) for name, value in options.items()} if options else options


def _as_float64(value):
    return value.astype(np.float64) if is_floating(value) else value


def _in_float64(thing):
    """Return a copy of a layer or model with its floating-point arrays in float64."""
    work = copy.deepcopy(thing)
    if hasattr(work, "astype"):
        return work.astype(np.float64)
    for values in (work.params, getattr(work, "state", {})):
        for name in values:
            values[name] = _as_float64(values[name])
    return work


def _lender(work, names, run):
    """Return a function that lends a layer or model holding the given parameters.

    It lends one object again and again where two runs agree, its state put back each time; else fresh copies.
    """
    trial, params = copy.deepcopy(work), {name: work.params[name] for name in names}
    state = {name: fresh(value) for name, value in getattr(trial, "state", {}).items()}

    def put(subject, given):
        for name in names:
            subject.params[name] = given[name]
        for name, value in state.items():
            subject.state[name] = fresh(value)
        return subject

    with np.errstate(all="ignore"):
        first, second = (fresh(run(put(trial, params))) for _ in range(2))
    steady = (
        isinstance(first, tuple)
        and isinstance(second, tuple)
        and same(*(arrays.to_device(run[0], "cpu") for run in (first, second)))
    )
    shared = copy.deepcopy(work)
    return (lambda given: put(shared, given)) if steady else (lambda given: put(copy.deepcopy(work), given))


def _settings(forward, given, options):
    """The numbers among the settings of a forward pass: by default, by keyword and by position."""
    try:
        parameters = inspect.signature(forward).parameters.items()
        settings = {name: q.default for name, q in parameters if q.default is not q.empty}
    except (TypeError, ValueError):
        settings = {}
    settings |= {**given, **options}
    return {name: value for name, value in settings.items() if isinstance(value, (int, float))}


def _input_names(forward, count):
    """The names of the first `count` parameters of forward, or input1, input2 ... where they cannot be told."""
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [q.name for q in parameters if q.kind in (q.POSITIONAL_ONLY, q.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"input{i + 1}" for i in range(count)]


def _title(function, ending):
    named = function if hasattr(function, "__name__") else getattr(function, "func", None)
    return getattr(named, "__name__", "pair").removesuffix(ending)


def _two(result, what, form):
    if not isinstance(result, tuple) or len(result) != 2:
        found = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
        raise FormError(f"{what} must return {form}, but it returned {found}")
    return result


def _scalar(value):
    if np.ndim(value) != 0:
        raise FormError(f"the loss must be one number, but it has shape {np.shape(value)}: average over the batch")
    return value


def _times(dout, gradient):
    """The gradient of a loss times the upstream gradient; what is no array goes on to be reported as such."""
    is_array = is_floating(gradient) or isinstance(gradient, np.ndarray)
    return (dout * gradient).astype(gradient.dtype) if is_array else gradient


def _as_dict(grads, expected):
    if not hasattr(grads, "items"):
        raise FormError(f"{expected} a dict keyed like params, but it is {type(grads).__name__}")
    return dict(grads.items())


def _by_name(gradients, wrt, names):
    """Name the gradients that backward of a pair returned: one for each of `wrt`, or one for each input."""
    listed = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
    if len(listed) == len(wrt):
        return dict(zip(wrt, listed))
    if len(listed) == len(names):
        return {name: gradient for name, gradient in zip(names, listed) if name in wrt}
    present = [gradient for gradient in listed if gradient is not None]
    if len(present) == len(wrt):
        return dict(zip(wrt, present))
    expected = f"{len(wrt)} gradient{'s' if len(wrt) != 1 else ''} ({', '.join('d' + name for name in wrt)})"
    raise FormError(f"backward must return {expected}, but it returned {len(listed)}")
