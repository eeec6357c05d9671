"""Why no GPU can be used: each reason has its own line with a remedy; and a full memory says what to lower."""

import builtins
import sys

import numpy as np
import pytest

from nnscratch import gpu
from nnscratch.arrays import DeviceError, to_device
from nnscratch.gpu import DeviceMemoryError, cards, free_memory, gpu_problem, memory_explained
from nnscratch.layers import Conv
from nnscratch.training import Solver
from tests import needs
from tests.strict.device import DEVICE, CUDARuntimeError, OutOfMemoryError
from tests.training.small import small_data, small_model


def without_cupy(monkeypatch, double):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: None)


def broken(monkeypatch, double):
    real = builtins.__import__

    def fail(name, *args, **options):
        if name == "cupy":
            raise ImportError("libcudart.so.12: cannot open shared object file\nand much more")
        return real(name, *args, **options)

    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(builtins, "__import__", fail)


def raising(word):
    def call(*args):
        raise CUDARuntimeError(word)

    return call


def runtime(count, driver):
    """A CUDA runtime that finds so many cards, or fails to, and a driver for a CUDA."""

    def prepare(monkeypatch, double):
        found = raising(count) if isinstance(count, str) else lambda: count
        monkeypatch.setattr(double.cuda.runtime, "getDeviceCount", found)
        asked = driver if callable(driver) else lambda: driver
        monkeypatch.setattr(double.cuda.runtime, "driverGetVersion", asked)

    return prepare


def without_compiler(monkeypatch, double):
    monkeypatch.setattr(double, "arange", raising("libnvrtc.so.12: cannot open shared object file"), raising=False)


PROBLEMS = {
    "no CuPy": (without_cupy, 'CuPy, which is not installed: pip install "cupy-cuda12x[ctk]" (CUDA 12)'),
    "CuPy does not load": (
        broken,
        "(libcudart.so.12: cannot open shared object file): install it anew, pip install",
    ),
    "no driver": (runtime("cudaErrorInsufficientDriver", 0), "no NVIDIA driver was found: install one"),
    "no driver, and it cannot be asked": (
        runtime("cudaErrorNoDevice", raising("cudaErrorInsufficientDriver")),
        "no NVIDIA driver was found: install one",
    ),
    "an old driver": (
        runtime("cudaErrorInsufficientDriver: too old", 11040),
        "the NVIDIA driver serves CUDA 11.4, but this CuPy is for 12.9: update the driver",
    ),
    "no card": (runtime("cudaErrorNoDevice: none", 12090), "a driver but no NVIDIA card"),
    "zero cards": (runtime(0, 12090), "is CUDA_VISIBLE_DEVICES empty?"),
    "a broken driver": (
        runtime("cudaErrorUnknown: why", 12090),
        "(cudaErrorUnknown: why): see whether nvidia-smi",
    ),
    "no compiler": (without_compiler, 'pip install "cupy-cuda12x[ctk]"'),
}


@pytest.fixture
def double():
    from tests.strict.cupy_double import installed

    with installed() as cupy:
        yield cupy


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_reason_has_its_line_and_remedy(name, double, monkeypatch):
    prepare, words = PROBLEMS[name]
    assert gpu_problem() is None
    with monkeypatch.context() as patch:
        prepare(patch, double)
        problem = gpu_problem()
        assert cards() == []
    assert words in problem and "\n" not in problem


@pytest.mark.parametrize("name", ["no CuPy", "CuPy does not load"])
def test_a_model_that_is_moved_tells_the_reason(name, double, monkeypatch):
    prepare, words = PROBLEMS[name]
    with monkeypatch.context() as patch:
        prepare(patch, double)
        with pytest.raises(DeviceError) as raised:
            to_device(np.ones(2), "gpu")
    assert words in str(raised.value)


def test_an_error_on_a_gpu_that_can_be_used_is_handed_on(double, monkeypatch):
    monkeypatch.setattr(double, "asarray", raising("something else"))
    with pytest.raises(CUDARuntimeError, match="something else"):
        to_device(np.ones(2), "gpu")


def test_the_card_is_described(cupy):
    first = cards()[0]
    assert "GiB, compute capability" in first and f"CuPy {cupy.__version__}" in first and "driver for" in first
    assert free_memory() > 0


def test_a_full_memory_says_how_much_was_asked_for_and_what_to_lower(double):
    DEVICE.largest = 1_000_000
    with pytest.raises(DeviceMemoryError, match=r"8.0 MB were asked for, .* are free. Lower the batch size"):
        to_device(np.ones(1_000_000), "gpu")
    with pytest.raises(DeviceMemoryError, match="--batch-size"):
        Conv(3, 1000, 10, rng=0).to("gpu")


@needs.compiler
def test_the_memory_gets_full_while_training(double):
    solver = Solver(small_model(hidden=(3000,)).to("gpu"), small_data(), batch_size=16, epochs=1)
    DEVICE.largest = 30_000
    with pytest.raises(DeviceMemoryError, match="were asked for"):
        solver.train()
    DEVICE.largest = None
    assert len(solver.train().losses) == 6  # nothing is spoilt


def test_other_memory_errors_and_messages_without_a_number_pass(double):
    with pytest.raises(MemoryError, match="of the host"), memory_explained():
        raise MemoryError("of the host")
    error = OutOfMemoryError(1, 1)
    error.args = ("no words",)
    with pytest.raises(DeviceMemoryError, match="full: more were asked for"), memory_explained():
        raise error
