"""The tests of kernels, layers and contracts hold in every way to run them: without twins, on an older CPU, ..."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs

ROOT = Path(__file__).parents[2]
MODES = {
    "reference": {"NNSCRATCH_KERNELS": "reference"},
    "without numba": {},
    "haswell": {"NUMBA_CPU_NAME": "haswell"},
    "no shortcuts": {"NNSCRATCH_FUSE": "0"},
    "one thread": {"NNSCRATCH_THREADS": "1"},
    "every index checked": {"NUMBA_BOUNDSCHECK": "1"},
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_the_suite_holds(mode):
    if mode == "haswell":
        needs.package("numba")
        if platform.machine() not in ("x86_64", "AMD64"):
            pytest.skip("needs an x86-64 CPU")
    block = "sys.modules['numba'] = None" if mode == "without numba" else ""
    words = ["-q", "-p", "no:cacheprovider", "tests/kernels", "tests/layers", "tests/contracts"]
    code = f"import sys\n{block}\nimport pytest\nsys.exit(pytest.main({words}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **MODES[mode]}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert " passed" in ran.stdout
