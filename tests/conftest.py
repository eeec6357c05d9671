"""What all tests share: where the real data is, and how few examples hypothesis tries in a quick run."""

import contextlib
import importlib
import os
from pathlib import Path

import pytest
from hypothesis import settings

from nnscratch import kernels
from nnscratch.data.cache import cache_folder
from nnscratch.gpu import gpu_problem
from tests import needs

# Many tests have a cache of their own for data; the compiled kernels stay where they are.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder()))

settings.register_profile("quick", max_examples=40, deadline=None)
settings.load_profile("quick")

ROOT = Path(__file__).resolve().parent.parent


def real_data(name):
    """Return the path of a real data file, or skip the test with the reason."""
    folders = [os.environ.get("NNSCRATCH_DATA"), ROOT.parent / "shared" / "data"]
    for folder in folders:
        if folder and (Path(folder) / name).exists():
            return Path(folder) / name
    return pytest.skip(f"needs {name} in {folders[1]}, or NNSCRATCH_DATA that names its folder")


@pytest.fixture
def cifar_images():
    """The path of the CIFAR-10 images as a tar file of JPEGs."""
    return real_data("cifar10-images.tar.xz")


@pytest.fixture(params=["double", pytest.param("card", marks=pytest.mark.gpu)])
def cupy(request, monkeypatch):
    """CuPy: its strict double everywhere, the real one where there is a card (`pytest -m gpu`).

    With its twins, even under NNSCRATCH_KERNELS=reference: much of what is tested is theirs.
    """
    monkeypatch.setitem(kernels._switch, "reference", False)
    if request.param == "card":
        if problem := gpu_problem():
            pytest.skip(problem)
        yield importlib.import_module("cupy")
    else:
        from tests.cuda import emulation
        from tests.strict.cupy_double import installed

        if emulation.compiler() is None:
            pytest.skip(needs.COMPILER)
        with installed() as double:
            yield double


@pytest.fixture
def waits(request):
    """`with waits(n):` asserts that the host waits for the device, or copies to it, just n times in the block.

    The double counts; with a real card the block only runs.
    """

    @contextlib.contextmanager
    def counting(expected):
        from tests.strict.device import DEVICE

        before = DEVICE.counts["synchronize"] + DEVICE.counts["upload"]
        yield
        if "double" in request.node.callspec.params.values():
            assert DEVICE.counts["synchronize"] + DEVICE.counts["upload"] - before == expected

    return counting
