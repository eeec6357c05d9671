"""Find the pairs, losses and layers in a user's Python file and check the gradients of each."""

import contextlib
import copy
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nnscratch.choices import choose
from nnscratch.gradcheck.check import check_layer, check_loss, check_pair
from nnscratch.gradcheck.examples import constructor_arguments, guesses, guesses_for_layer, how_to_give
from nnscratch.gradcheck.report import Report


@dataclass
class Problem:
    """Something in a file that could not be checked; as text it is one line with file, line number and reason.

    >>> print(Problem("relu", "relu_forward has no relu_backward", "my_layers.py", 3))
    my_layers.py:3: relu_forward has no relu_backward
    """

    name: str
    message: str
    file: str
    line: int | None = None
    ok = False

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Return the problem as a plain dict for `json.dumps`.

        >>> Problem("relu", "no backward", "my_layers.py").to_json()["problem"]
        'no backward'
        """
        return {"title": self.name, "ok": False, "problem": self.message, "file": self.file, "line": self.line}


class _CannotCheck(Exception):
    """Carries a Problem up to check_file."""

    def __init__(self, problem):
        super().__init__(str(problem))
        self.problem = problem


def check_file(path: str | Path, name: str | None = None) -> list[Report | Problem]:
    """Check every pair, loss and layer that a Python file defines, or only the one called `name`.

    The file is run. A pair is two functions `*_forward` and `*_backward`, a loss is a function `*_loss`, a layer
    is an object with forward, backward and params, or such a class. Inputs come from a
    dict `EXAMPLES = {"affine": (x, w, b)}` in the file or from its function `example_inputs()` that returns such
    a dict; without them they are guessed from the names of the parameters.

    Returns a Report for each that was checked, in the order of the file, and a Problem for each that could not
    be: a syntax error, no backward, an exception in the user's code, inputs that nobody can guess, no such name.

    >>> import tempfile
    >>> code = "def double_forward(x): return 2 * x, None\\ndef double_backward(dout, cache): return dout"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "mine.py"
    ...     size = file.write_text(code)
    ...     [result] = check_file(file)
    >>> result.ok, result.summary
    (False, 'double: the gradient is wrong')
    """
    with _importable(Path(path).parent):
        try:
            module = _load(str(path))
            found = _find(module)
            if not found:
                message = (
                    "no pair, loss or layer found: write two functions such as relu_forward and relu_backward"
                )
                return [Problem(str(path), message, str(path))]
            if name is not None:
                word = name.removesuffix("_forward").removesuffix("_backward")
                found = {word: _choose(word, found, str(path))}
            examples = _examples(module, str(path))
        except _CannotCheck as error:
            return [error.problem]
        results: list[Report | Problem] = []
        for word, check in found.items():
            try:
                results.append(check(examples.get(word)))
            except _CannotCheck as error:
                results.append(error.problem)
        return results


def exit_code(results: Sequence[Report | Problem]) -> int:
    """Return the exit code of a command: 0 all right, 1 a gradient is wrong, 2 something could not be checked.

    >>> exit_code([Report("relu")]), exit_code([Problem("relu", "no backward", "my.py")])
    (0, 2)
    """
    if any(isinstance(result, Report) and not result.ok for result in results):
        return 1
    return 2 if any(isinstance(result, Problem) for result in results) else 0


def _load(path):
    """Run the file as a module of its own."""
    if not Path(path).is_file():
        raise _CannotCheck(Problem(path, "there is no such file: give the path of a Python file", path))
    module = ModuleType(f"checked_{Path(path).stem}")
    module.__file__ = path
    sys.modules[module.__name__] = module
    with _user_code(Path(path).name, path):
        exec(compile(Path(path).read_bytes(), path, "exec"), module.__dict__)  # the user's own, named to be run
    return module


@contextlib.contextmanager
def _importable(folder):
    """Let the user's file import its neighbours."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


@contextlib.contextmanager
def _user_code(name, path, hint=""):
    """Turn any exception in the user's code into one line with file and line number."""
    try:
        yield
    except _CannotCheck:
        raise
    except SyntaxError as error:
        problem = Problem(name, f"syntax error: {error.msg}", error.filename or path, error.lineno)
        raise _CannotCheck(problem) from None
    except (Exception, SystemExit) as error:
        raise _CannotCheck(_problem_of(error, name, path, hint)) from None


def _problem_of(error, name, path, hint=""):
    words = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return Problem(name, f"{name} raised {type(error).__name__}: {words}{hint}", path, _line_of(error, path))


def _line_of(error, path):
    """The deepest line of the user's file in a traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return lines[-1] if lines else None


def _find(module: ModuleType) -> dict[str, Callable]:
    """Map the name of each pair, loss and layer to the function (examples) -> Report that checks it."""
    path = str(module.__file__)
    found = {}
    own = {key: value for key, value in vars(module).items() if not key.startswith("_")}
    functions = {key: value for key, value in own.items() if inspect.isroutine(value) and _is_from(value, module)}
    instances = {key: value for key, value in own.items() if not inspect.isclass(value) and _is_layer(value)}
    covered = {type(value) for value in instances.values()}
    for key, value in own.items():
        word = key.removesuffix("_forward").removesuffix("_backward")
        if key in functions and word != key and word not in found:
            found[word] = _pair_check(word, functions, path)
        elif key in functions and key.endswith("_loss"):
            found[key] = _loss_check(key, value, path)
        elif key in instances:
            found[key] = _layer_check(key, value, path)
        elif inspect.isclass(value) and _is_from(value, module) and _is_layer(value) and value not in covered:
            found[key] = _class_check(key, value, path)
    return found


def _is_from(thing, module):
    return getattr(thing, "__module__", None) == module.__name__


def _is_layer(thing):
    methods = callable(getattr(thing, "forward", None)) and callable(getattr(thing, "backward", None))
    return methods and (inspect.isclass(thing) or hasattr(thing, "params"))


def _choose(word, found, path):
    try:
        return choose(word, found, "pair, loss or layer")
    except ValueError as error:
        raise _CannotCheck(Problem(word, str(error), path)) from None


def _examples(module, path):
    if hasattr(module, "EXAMPLES"):
        given = module.EXAMPLES
    elif hasattr(module, "example_inputs"):
        with _user_code("example_inputs", path):
            given = module.example_inputs()
    else:
        return {}
    if not isinstance(given, dict):
        message = f"the examples must be a dict of name: (inputs...), but they are {type(given).__name__}"
        raise _CannotCheck(Problem("EXAMPLES", message, path))
    return {key: value if isinstance(value, tuple) else (value,) for key, value in given.items()}


def _pair_check(word, functions, path):
    forward, backward = functions.get(f"{word}_forward"), functions.get(f"{word}_backward")

    def check(examples):
        if forward is None or backward is None:
            here, there = ("backward", "forward") if forward is None else ("forward", "backward")
            message = f"{word}_{here} has no {word}_{there}: write one beside it"
            raise _CannotCheck(Problem(word, message, path, _line(forward or backward)))
        inputs = examples or _first_that_runs(word, forward, guesses(word, forward), path)
        with _user_code(word, path):
            return check_pair(forward, backward, inputs)

    return check


def _loss_check(word, loss, path):
    def check(examples):
        inputs = examples or _first_that_runs(word, loss, guesses(word, loss), path)
        if len(inputs) < 2:
            raise _CannotCheck(Problem(word, f"{word} must take (x, y) and return (loss, dx)", path, _line(loss)))
        x, y, *others = inputs
        with _user_code(word, path):
            report = check_loss(lambda x, y: loss(x, y, *copy.deepcopy(others)), x, y)
            report.title = word
            return report

    return check


def _layer_check(word, layer, path):
    def check(examples):
        def forward(x):
            return copy.deepcopy(layer).forward(x, True)

        tries = ((x,) for x in guesses_for_layer(layer))
        (x,) = examples or _first_that_runs(word, forward, tries, path)
        with _user_code(word, path):
            report = check_layer(layer, x)
            report.title = word
            return report

    return check


def _class_check(word, cls, path):
    def check(examples):
        arguments = constructor_arguments(cls)
        if arguments is None:
            message = f"{word} needs arguments: put an object to check into the file, my_layer = {word}(...)"
            raise _CannotCheck(Problem(word, message, path, _line(cls)))
        with _user_code(word, path):
            layer = cls(**arguments)
        if not hasattr(layer, "params"):
            message = f"{word} has no dict `params`: set self.params = {{}} in __init__ where there are none"
            raise _CannotCheck(Problem(word, message, path, _line(cls)))
        return _layer_check(word, layer, path)(examples)

    return check


def _first_that_runs(word, forward, tries: Iterator[tuple], path):
    """The first of the guessed inputs that forward accepts, with finite output; else the first error is told."""
    remedy = how_to_give(word, forward)
    first_error = strange = None
    for inputs in tries:
        try:
            with np.errstate(all="ignore"):
                result = forward(*copy.deepcopy(inputs))
        except (Exception, SystemExit) as error:
            first_error = first_error or error
            continue
        if _is_finite(result):
            return inputs
        strange = inputs if strange is None else strange
    if strange is not None:
        return strange
    if first_error is None:
        raise _CannotCheck(
            Problem(word, f"the inputs of {word} cannot be guessed: {remedy}", path, _line(forward))
        )
    raise _CannotCheck(
        _problem_of(first_error, word, path, f" (with guessed inputs; if they do not suit, {remedy})")
    )


def _is_finite(result):
    out = result[0] if isinstance(result, tuple) and result else result
    return not isinstance(out, (np.ndarray, float)) or bool(np.isfinite(out).all())


def _line(thing):
    try:
        return inspect.getsourcelines(inspect.unwrap(thing))[1]
    except (OSError, TypeError):
        return None
