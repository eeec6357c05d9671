"""Let Ctrl-C wait until a training step is complete, so that what it leaves behind can be saved and resumed."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def deferred_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Within this block the first Ctrl-C calls `stop`; KeyboardInterrupt comes when the block has ended.

    A second Ctrl-C interrupts at once. Outside the main thread, and where the program handles Ctrl-C itself,
    nothing is changed.

    >>> try:
    ...     with deferred_interrupt(stop=lambda: print("stopping")):
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("still here")
    ... except KeyboardInterrupt:
    ...     print("stopped")
    stopping
    still here
    stopped
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed = False

    def on_interrupt(number, frame):
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        stop()

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt
