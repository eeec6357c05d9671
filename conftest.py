"""How pytest gets ready: what it leaves out without numba, and Ctrl-C where a shell had it ignored."""

import importlib.util
import signal


def pytest_configure(config):
    """Pass over modules whose import fails without numba; hear Ctrl-C, which a job in the background does not."""
    if importlib.util.find_spec("numba") is None:
        config.option.doctest_ignore_import_errors = True
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
