"""SIGTERM ends a training run as gently as Ctrl-C does: the step is completed and saved."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Termination:
    """Inside this block SIGTERM interrupts at once, except while a Solver trains: that one is asked to stop.

    >>> from types import SimpleNamespace
    >>> with Termination() as termination:
    ...     with termination.handing_to(SimpleNamespace(stop=lambda: print("stopping"))):
    ...         signal.raise_signal(signal.SIGTERM)
    stopping
    """

    def __init__(self) -> None:
        self._solver: Any = None
        self._before: Any = None

    def __enter__(self) -> "Termination":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._on_signal)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    @contextlib.contextmanager
    def handing_to(self, solver: Any) -> Iterator[None]:
        """Let the solver's `stop` answer the signal inside this block."""
        self._solver = solver
        try:
            yield
        finally:
            self._solver = None

    def _on_signal(self, number, frame):
        if self._solver is None:
            raise KeyboardInterrupt
        self._solver.stop()
