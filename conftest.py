"""What pytest leaves out where a library is not installed: the examples in the kernels that numba compiles."""

import importlib.util


def pytest_configure(config):
    """Pass over modules whose import fails without numba, instead of failing."""
    if importlib.util.find_spec("numba") is None:
        config.option.doctest_ignore_import_errors = True
