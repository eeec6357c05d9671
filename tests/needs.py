"""What some tests need beside the package: without it they are skipped, in words that say what to install."""

import pytest

from tests.cuda import emulation

BROUGHT_BY = {
    "torch": '"nnscratch[bench]"',
    "torchvision": "torchvision",
    "onnxruntime": '"nnscratch[interop]"',
    "joblib": '"nnscratch[search]"',
    "sklearn": '"nnscratch[inside]"',
    "numba": "numba",
    **dict.fromkeys(("IPython", "ipykernel", "ipywidgets", "nbclient", "nbformat"), '"nnscratch[notebooks]"'),
}
COMPILER = "needs a C++ compiler: install g++ or clang++, or name one in CXX"
compiler = pytest.mark.skipif(emulation.compiler() is None, reason=COMPILER)


def package(name):
    """Import a package, or skip the test; a package that is there and broken counts as missing."""
    reason = f"needs {name}, which cannot be imported: pip install {BROUGHT_BY[name]}"
    return pytest.importorskip(name, reason=reason, exc_type=Exception)
