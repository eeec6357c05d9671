"""Every source compiles, without a warning and without spilling registers, for the cards from Turing to Hopper."""

import itertools
import re

import pytest

from nnscratch.kernels import cuda
from nnscratch.kernels.gpu_update import MOST
from tests.cuda import nvrtc

pytestmark = pytest.mark.skipif(
    nvrtc.library() is None, reason='needs NVRTC: pip install "nnscratch[gpu-compile-test]"'
)

SOURCES = sorted(path.stem for path in cuda.FOLDER.glob("*.cu") if path.stem != "common")
CARDS = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90"]


def variants(name):
    """All options that a source is compiled with; the first is the usual one."""
    if name == "products":
        for tile, (real, precision) in itertools.product(
            (64, 32), [("float", 0), ("float", 1), ("float", 2), ("double", 0)]
        ):
            yield cuda.options(real, TILE=tile, PRECISION=precision)
    elif name == "images":
        for wide, size in itertools.product((False, True), (1, 2, 4, 8)):
            yield cuda.options("float", wide, BYTES=size)
    else:
        more = {"MOST": MOST} if name == "update" else {}
        for wide, real in itertools.product((False, True), ("float", "double")):
            yield cuda.options(real, wide, **more)


def check(name, options, card):
    log = nvrtc.compile_source(
        cuda.source(name), [*options, f"--gpu-architecture={card}", "--ptxas-options=--verbose"]
    )
    told = [line for line in log.splitlines() if not line.startswith("ptxas")]
    assert "".join(told).strip() == ""
    spilled = re.findall(r"(\d+) bytes spill stores", log)
    assert spilled and set(spilled) == {"0"}


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("name", SOURCES)
def test_every_source_compiles(name, card):
    check(name, next(variants(name)), card)


@pytest.mark.parametrize("name", SOURCES)
def test_every_variant_compiles(name):
    for number, options in enumerate(variants(name)):
        check(name, options, CARDS[number % len(CARDS)])


@pytest.mark.slow
@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("name", SOURCES)
def test_every_variant_compiles_for_every_card(name, card):
    for options in variants(name):
        check(name, options, card)


def test_what_is_wrong_does_not_compile():
    with pytest.raises(ValueError, match="undefined"):
        nvrtc.compile_source('extern "C" __global__ void wrong() { nothing; }', [])
