"""Update rules: each takes gradients and moves the parameters, in place, a little way downhill."""

from collections.abc import Mapping, MutableMapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar, NamedTuple

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module

Patterns = Mapping[str, float]


def number_by_number(update):
    """Mark an `update` that treats each number by itself: it may be called on one block of them after the other.

    >>> number_by_number(SGD.update).number_by_number
    True
    """
    update.number_by_number = True
    return update


class Rule(NamedTuple):
    """What a kernel that moves all parameters at once must know of a rule; a rule of a user has no name."""

    name: str
    rate: Any
    settings: list[float]
    decoupled: bool
    go: Any


class OptimizerError(ValueError):
    """An optimiser was given a setting, gradients or a saved state that do not fit."""


class Optimizer:
    """The common part of all update rules: rates, weight decay, and arrays remembered from step to step.

    A rule writes `update(w, dw, rate, *slots)`, where the slots are the arrays that it remembers for this
    parameter, named in `slots`. All of them lie in `state`, a flat dict keyed `"slot.parameter"`
    (`"velocity.conv1.w"`), so that saving `state` saves the optimiser.

    rate: the step size; a schedule's factor is multiplied in by the Solver.
    weight_decay: the share of w that is added to its gradient (L2 regularisation, 0.5 * decay * sum(w * w)). A
        number holds for the parameters called `w` and spares biases and norms; a dict of patterns sets it by name,
        `{"fc*.w": 0.03, "*.w": 0.004}`, and the first pattern that matches wins.
    rate_scale: patterns of factors on the rate, `{"*.b": 2.0}`; 0 freezes a parameter.

    Every rule takes weight_decay and rate_scale beside its own settings.

    >>> class SignDescent(Optimizer):
    ...     def update(self, w, dw, rate):
    ...         w -= rate * np.sign(dw)
    >>> params = {"fc.w": np.array([1.0])}
    >>> SignDescent(rate=0.1).step(params, {"fc.w": np.array([0.5])})
    >>> params
    {'fc.w': array([0.9])}
    """

    slots: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[tuple[str, ...]] = ()  # the rule's own numbers, as `update` of this file's rules uses them
    decoupled: ClassVar[bool] = False  # True: weight decay shrinks w itself and stays out of the gradient

    def __init__(
        self, rate: float, weight_decay: float | Patterns = 0.0, rate_scale: Patterns | None = None
    ) -> None:
        self.rate = rate
        self.weight_decay = weight_decay
        self.rate_scale = rate_scale or {}
        self.state: dict[str, Any] = {}
        _check_numbers(self)

    def step(
        self, params: MutableMapping[str, Any], grads: Mapping[str, Any], rate: Any = None, go: Any = None
    ) -> None:
        """Move every parameter that has a gradient, in place; `rate` stands in for the optimiser's own.

        On the GPU, rate (float64) and `go` (bool) may be arrays without axes that lie there; where `go` is False,
        nothing changes. Raises OptimizerError when a gradient does not fit its parameter, or a pattern fits no
        parameter.
        """
        rate = self.rate if rate is None else rate if array_module(rate) is not np else float(rate)
        parts = []
        decay = self.weight_decay if isinstance(self.weight_decay, Mapping) else {"*": self.weight_decay}
        spare = not isinstance(self.weight_decay, Mapping)
        for setting, patterns in (("weight_decay", decay), ("rate_scale", self.rate_scale)):
            _check_patterns(setting, patterns, params)
        for name, dw in grads.items():
            w = _parameter(params, name, dw)
            factor = _first_match(self.rate_scale, name, 1.0)
            own_decay = 0.0 if spare and not is_weight(name) else _first_match(decay, name, 0.0)
            slots = {slot: self._slot(slot, name, w) for slot in self.slots}
            parts.append((w, dw, factor, own_decay, slots))
        if parts:
            kernels.update_parameters(parts[0][0], self._rule(rate, go), parts, self._move)

    def _rule(self, rate, go):
        """Name the rule by its class, if its update is one of this file's."""
        own = self.update.__module__ == __name__
        name = self.update.__qualname__.partition(".")[0].lower() if own else ""
        return Rule(name, rate, [getattr(self, setting) for setting in self.settings], self.decoupled, go)

    def _move(self, w, dw, rate, decay, slots):
        """Decay and update one parameter, block by block where the rule goes number by number."""
        names = [slot for slot in slots if slot != "t"]
        if "t" in slots:
            slots["t"] += 1

        def work(w, dw, *blocks):
            if decay and self.decoupled:
                w *= 1 - rate * decay
            elif decay:
                dw = dw + decay * w
            self.update(w, dw, rate, *(slots | dict(zip(names, blocks))).values())

        if getattr(self.update, "number_by_number", False):
            work = kernels.example_by_example(work)
        work(w, dw, *(slots[name] for name in names))

    def update(self, w, dw, rate, *slots) -> None:
        """Change w, and the slots, in place; every rule writes its own."""
        raise TypeError(
            f"{type(self).__name__} has no update(w, dw, rate, *slots): write one that changes w in place"
        )

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved `state`; raises OptimizerError when another rule saved it."""
        foreign = [key for key in state if key.partition(".")[0] not in self.slots]
        if foreign:
            raise OptimizerError(
                f"{type(self).__name__} remembers {', '.join(self.slots) or 'nothing'}, but the saved state holds "
                f"{', '.join(foreign[:3])}: resume with the optimiser that the run was started with"
            )
        self.state = {key: value.copy() for key, value in state.items()}

    def _slot(self, slot, name, w):
        """The array remembered for one parameter, zero at first; slot `t` counts the parameter's steps."""
        key = f"{slot}.{name}"
        if key not in self.state:
            self.state[key] = array_module(w).zeros((), np.int64) if slot == "t" else array_module(w).zeros_like(w)
        return self.state[key]

    def __repr__(self) -> str:
        settings = [f"{key}={value}" for key, value in vars(self).items() if key != "state"]
        return f"{type(self).__name__}({', '.join(settings)})"


class SGD(Optimizer):
    """Stochastic gradient descent: w goes against its gradient.

    Source: Robbins & Monro 1951; Goodfellow et al. 2016, "Deep Learning", alg. 8.1.

    >>> params = {"w": np.array([1.0, 2.0])}
    >>> SGD(rate=0.5).step(params, {"w": np.array([1.0, -1.0])})
    >>> params["w"]
    array([0.5, 2.5])
    """

    def __init__(self, rate: float = 1e-2, **common: Any) -> None:
        super().__init__(rate, **common)

    @number_by_number
    def update(self, w, dw, rate):
        """One step of plain descent."""
        w -= rate * dw


class Momentum(Optimizer):
    """Momentum: the velocity remembers past gradients and forgets them at the share 1 - momentum.

    With weight decay this is AlexNet's rule (Krizhevsky et al. 2012, sec. 5).
    Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and momentum", eq. 1-2.

    >>> params, optimizer = {"w": np.array([1.0])}, Momentum(rate=0.1, momentum=0.5)
    >>> for step in range(2):
    ...     optimizer.step(params, {"w": np.array([1.0])})
    >>> params["w"]
    array([0.75])
    """

    slots, settings = ("velocity",), ("momentum",)

    def __init__(self, rate: float = 1e-2, momentum: float = 0.9, **common: Any) -> None:
        self.momentum = momentum
        super().__init__(rate, **common)

    @number_by_number
    def update(self, w, dw, rate, velocity):
        """The velocity turns towards the gradient, and w follows the velocity."""
        velocity *= self.momentum
        velocity -= rate * dw
        w += velocity


class Nesterov(Momentum):
    """Nesterov's momentum, written for the point one velocity ahead, where the gradient is taken.

    Source: Nesterov 1983; Sutskever et al. 2013, eq. 3-4; the change of variables: Bengio et al. 2012,
    "Advances in optimizing recurrent networks", eq. 7.

    >>> params = {"w": np.array([1.0])}
    >>> Nesterov(rate=0.1, momentum=0.5).step(params, {"w": np.array([1.0])})
    >>> params["w"]
    array([0.85])
    """

    @number_by_number
    def update(self, w, dw, rate, velocity):
        """w += -momentum * (old velocity) + (1 + momentum) * (new velocity)."""
        w -= self.momentum * velocity
        velocity *= self.momentum
        velocity -= rate * dw
        w += (1 + self.momentum) * velocity


class AdaGrad(Optimizer):
    """Each weight's rate is divided by the root of all its squared gradients so far.

    Source: Duchi et al. 2011, "Adaptive subgradient methods", sec. 1.1.

    >>> params = {"w": np.array([1.0, 1.0])}
    >>> AdaGrad(rate=0.1).step(params, {"w": np.array([100.0, 0.01])})
    >>> params["w"].round(4)
    array([0.9, 0.9])
    """

    slots, settings = ("squares",), ("epsilon",)

    def __init__(self, rate: float = 1e-2, epsilon: float = 1e-8, **common: Any) -> None:
        self.epsilon = epsilon
        super().__init__(rate, **common)

    @number_by_number
    def update(self, w, dw, rate, squares):
        """The sum of squares only grows, so the rate only falls."""
        squares += dw * dw
        w -= rate * dw / (array_module(w).sqrt(squares) + self.epsilon)


class RMSProp(Optimizer):
    """AdaGrad with a leaky sum: old squared gradients are forgotten at the share 1 - decay.

    Source: Tieleman & Hinton 2012, "Neural networks for machine learning", lecture 6e.

    >>> params = {"w": np.array([1.0])}
    >>> RMSProp(rate=0.1, decay=0.75).step(params, {"w": np.array([3.0])})
    >>> params["w"].round(4)
    array([0.8])
    """

    slots, settings = ("squares",), ("decay", "epsilon")

    def __init__(self, rate: float = 1e-2, decay: float = 0.99, epsilon: float = 1e-8, **common: Any) -> None:
        self.decay = decay
        self.epsilon = epsilon
        super().__init__(rate, **common)

    @number_by_number
    def update(self, w, dw, rate, squares):
        """The running mean of squares sets the size of the step."""
        squares *= self.decay
        squares += (1 - self.decay) * dw * dw
        w -= rate * dw / (array_module(w).sqrt(squares) + self.epsilon)


class Adam(Optimizer):
    """Momentum over RMSProp, both corrected for having started at zero.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", alg. 1.

    >>> params = {"w": np.array([1.0, 1.0])}
    >>> Adam(rate=0.1).step(params, {"w": np.array([100.0, -0.01])})
    >>> params["w"].round(4)
    array([0.9, 1.1])
    """

    slots, settings = ("m", "v", "t"), ("beta1", "beta2", "epsilon")

    def __init__(
        self, rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, **common: Any
    ) -> None:
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        super().__init__(rate, **common)

    @number_by_number
    def update(self, w, dw, rate, m, v, t):
        """m and v are running means of dw and dw**2; dividing by 1 - beta**t undoes their start at zero."""
        m *= self.beta1
        m += (1 - self.beta1) * dw
        v *= self.beta2
        v += (1 - self.beta2) * dw * dw
        m_hat = m / (1 - self.beta1**t).astype(m.dtype)
        v_hat = v / (1 - self.beta2**t).astype(v.dtype)
        w -= rate * m_hat / (array_module(w).sqrt(v_hat) + self.epsilon)


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights directly, by rate * decay, outside the adaptive step.

    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", alg. 2.

    >>> params = {"w": np.array([1.0])}
    >>> AdamW(rate=0.1, weight_decay=0.5).step(params, {"w": np.array([0.0])})
    >>> params["w"]
    array([0.95])
    """

    decoupled = True


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}


def is_weight(name: str) -> bool:
    """True for parameters called `w`: the weights proper, not biases and not the scales and shifts of norms.

    >>> is_weight("conv1.w"), is_weight("conv1.b"), is_weight("batchnorm1.gamma")
    (True, False, False)
    """
    return name.rpartition(".")[2] == "w"


def _first_match(patterns, name, otherwise):
    return next((value for pattern, value in patterns.items() if fnmatchcase(name, pattern)), otherwise)


def _check_patterns(setting, patterns, params):
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in params):
            raise OptimizerError(
                f"{setting}: no parameter matches {pattern!r}; there are {', '.join(params)}. "
                'Use * for any letters, as in "conv*.w"'
            )


def _parameter(params, name, dw):
    if name not in params:
        raise OptimizerError(f"there is a gradient for {name}, but the parameters are {', '.join(params)}")
    if params[name].shape != dw.shape:
        raise OptimizerError(
            f"{name} has shape {params[name].shape}, but its gradient {dw.shape}: check that layer's backward"
        )
    return params[name]


def _check_numbers(optimizer):
    for setting, value in vars(optimizer).items():
        if setting == "state":
            continue
        for number in value.values() if isinstance(value, Mapping) else [value]:
            if not (isinstance(number, (int, float)) and 0 <= number < float("inf")):
                raise OptimizerError(
                    f"{type(optimizer).__name__}: {setting} is {value!r}: give a number, 0 or more"
                )
