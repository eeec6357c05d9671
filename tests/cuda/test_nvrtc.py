"""Every source compiles, without a warning, for the cards from Turing (2018) to Hopper."""

import itertools

import pytest

from nnscratch.kernels import cuda
from tests.cuda import nvrtc

pytestmark = pytest.mark.skipif(
    nvrtc.library() is None, reason='needs NVRTC: pip install "nnscratch[gpu-compile-test]"'
)

SOURCES = sorted(path.stem for path in cuda.FOLDER.glob("*.cu") if path.stem != "common")
CARDS = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90"]


def variants(name):
    """All options that a source is compiled with."""
    for real, wide in itertools.product(("float", "double"), (False, True)):
        if name != "products":
            yield cuda.options(real, wide)
        elif not wide:
            for tile, precision in itertools.product((32, 64), range(3) if real == "float" else [0]):
                yield cuda.options(real, TILE=tile, PRECISION=precision)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("name", SOURCES)
def test_every_source_compiles(name, card):
    for options in variants(name):
        assert nvrtc.compile_source(cuda.source(name), [*options, f"--gpu-architecture={card}"]) == ""


def test_what_is_wrong_does_not_compile():
    with pytest.raises(ValueError, match="undefined"):
        nvrtc.compile_source('extern "C" __global__ void wrong() { nothing; }', [])
