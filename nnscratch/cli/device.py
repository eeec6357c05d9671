"""Where a model runs, and how exactly: the options `--device` and `--precision`, and what stands behind them."""

import contextlib
from collections.abc import Iterator
from typing import Any

from nnscratch.arrays import DeviceError
from nnscratch.cli.parser import one_of
from nnscratch.kernels import PRECISIONS, PrecisionError

DEVICES = ("cpu", "gpu")


def add_device(parser: Any, **defaults: str) -> None:
    """Add --device and --precision to a command's arguments, or to a group of them.

    >>> from nnscratch.cli.parser import Parser
    >>> parser = Parser()
    >>> add_device(parser, device="cpu", precision="float32")
    >>> parser.parse_args(["--device", "gpu"])
    Namespace(device='gpu', precision='float32')
    """
    parser.add_argument("--device", type=one_of(DEVICES, "device"), metavar="NAME", help="cpu or gpu (cpu)")
    parser.add_argument(
        "--precision",
        type=one_of(PRECISIONS, "precision"),
        metavar="NAME",
        help="factors of products on the GPU: float32, or rounded to tf32 or bf16 (float32)",
    )
    parser.set_defaults(**defaults)


@contextlib.contextmanager
def on_device(device: str, precision: str) -> Iterator[None]:
    """Inside this block a device can be used and products are rounded so; a full GPU memory is explained.

    Raises DeviceError, which says why the GPU cannot be used, and PrecisionError for rounding on the CPU.

    >>> with on_device("cpu", "tf32"):
    ...     pass
    Traceback (most recent call last):
    nnscratch.kernels.PrecisionError: --precision tf32 is for the GPU: add --device gpu, or leave it out
    """
    from nnscratch.gpu import gpu_problem, memory_explained
    from nnscratch.kernels import use_precision

    if device == "gpu" and (problem := gpu_problem()):
        raise DeviceError(f"--device gpu: {problem}")
    if device == "cpu" and precision != "float32":
        raise PrecisionError(f"--precision {precision} is for the GPU: add --device gpu, or leave it out")
    with use_precision(precision), memory_explained():
        yield


def device_line(device: str, precision: str) -> str:
    """Return the device, with its threads and kernels or its libraries, and the precision, in one line.

    >>> device_line("cpu", "float32").endswith("kernels, float32")
    True
    """
    from nnscratch.cli.machine import machine_line
    from nnscratch.gpu import cards

    return f"{cards()[0] if device == 'gpu' else machine_line()}, {precision}"
