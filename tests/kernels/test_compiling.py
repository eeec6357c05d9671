"""Compiled kernels are kept, loaded only where they belong, and compiled anew where they are damaged."""

import os
import pickle
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tests import needs

numba = needs.package("numba")

from nnscratch.kernels import channels, compiling, reference  # noqa: E402

ROOT = Path(__file__).parents[2]
ONE_KERNEL = """
import numpy as np
from nnscratch.kernels import channels, cpu, reference
x, v = np.random.default_rng(0).normal(size=(2, 3, 4)), np.arange(3.0)
np.testing.assert_allclose(cpu.channel_affine(x, v, v, v), reference.channel_affine(x, v, v, v))
stats = channels._affine.stats
print(sum(stats.cache_hits.values()), "loaded,", sum(stats.cache_misses.values()), "compiled")
"""
CONVOLUTION = """
from nnscratch.shapes import Window
x, w = np.random.default_rng(0).normal(size=(2, 3, 8, 8)), np.random.default_rng(1).normal(size=(4, 3, 3, 3))
np.testing.assert_allclose(cpu.conv(x, w, None, Window.of(3)), reference.conv(x, w, None, Window.of(3)))
"""
WHERE = "from nnscratch.kernels.compiling import kernel_folder; print(kernel_folder())"


def start(code, cache, root=ROOT, **more):
    """Start a Python process that keeps its kernels in a folder; None takes a variable away."""
    changes = {"PYTHONPATH": str(root), "NUMBA_CACHE_DIR": None, "NNSCRATCH_CACHE": str(cache), **more}
    environment = {name: value for name, value in {**os.environ, **changes}.items() if value is not None}
    words, pipe = [sys.executable, "-c", code], subprocess.PIPE
    return subprocess.Popen(words, cwd=root, env=environment, text=True, stdout=pipe, stderr=pipe)


def said_by(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out.strip()


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """The folder of kernels inside this process, empty."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return compiling.kernel_folder()


def called_anew():
    """Call a kernel as a new process would, see that its result is right, and say where the kernel came from."""
    kernel = compiling.sweeping(channels._affine.py_func)
    x, v, out = np.ones((2, 3)), np.arange(3.0), np.empty((2, 3))
    kernel(x, v, v, v, out, -np.inf)
    np.testing.assert_array_equal(out, reference.channel_affine(x, v, v, v))
    return "loaded" if kernel.stats.cache_hits else "compiled"


def whole(content):
    return sha256(content).digest() + content


def test_a_kernel_is_compiled_once(folder):
    assert [called_anew() for _ in range(3)] == ["compiled", "loaded", "loaded"]
    assert folder.stat().st_mode & 0o777 == 0o700
    [kept] = folder.iterdir()
    assert kept.name.startswith("_affine-")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1000],
        lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
        lambda content: b"garbage" * 1000,
        lambda content: whole(b"no pickle"),
        lambda content: whole(pickle.dumps(("another", "numba"))),
    ],
    ids=["empty", "no checksum", "cut", "one bit", "garbage", "no pickle", "another numba"],
)
def test_a_damaged_kernel_is_compiled_anew_and_replaced(folder, damage):
    called_anew()
    [kept] = folder.iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    assert [called_anew() for _ in range(2)] == ["compiled", "loaded"]
    assert list(folder.iterdir()) == [kept]


def test_every_kind_of_arguments_has_a_file_of_its_own(folder):
    called_anew()
    kernel = compiling.sweeping(channels._affine.py_func)
    single = np.ones((1, 1), np.float32)
    kernel(single, single[0], single[0], single[0], single, np.float32(-np.inf))
    assert len(list(folder.iterdir())) == 2
    assert kernel.stats.cache_misses


def test_functions_from_elsewhere_are_not_kept(folder):
    @compiling.compiled
    def double(x):
        return 2 * x

    assert double(4) == 8
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs the permissions of POSIX")
@pytest.mark.parametrize("mode", [0o755, 0o777, 0o710])
def test_a_folder_that_others_may_enter_is_not_used(folder, mode):
    called_anew()
    [kept] = folder.iterdir()
    before = kept.stat().st_mtime_ns
    folder.chmod(mode)
    with pytest.raises(PermissionError, match="closed to others"):
        compiling.kernel_folder()
    assert called_anew() == "compiled"
    assert kept.stat().st_mtime_ns == before


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs the links of POSIX")
def test_a_link_in_place_of_the_folder_is_not_used(folder, tmp_path):
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert called_anew() == "compiled"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_folder_of_another_user_is_not_used(folder, monkeypatch):
    called_anew()
    monkeypatch.setattr(os, "getuid", lambda: 12345, raising=False)
    assert called_anew() == "compiled"


def test_where_no_folder_can_be_made_kernels_still_run(monkeypatch, tmp_path):
    (tmp_path / "a file").touch()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "a file"))
    assert [called_anew() for _ in range(2)] == ["compiled", "compiled"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs rlimits")
def test_a_full_disk_leaves_no_half_file(tmp_path):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
    assert said_by(start(limited + ONE_KERNEL, tmp_path)) == "0 loaded, 1 compiled"
    [folder] = tmp_path.iterdir()
    assert list(folder.iterdir()) == []
    assert said_by(start(ONE_KERNEL, tmp_path)) == "0 loaded, 1 compiled"
    assert said_by(start(ONE_KERNEL, tmp_path)) == "1 loaded, 0 compiled"


def test_several_processes_at_once_all_compute_the_right_thing(tmp_path):
    for process in [start(ONE_KERNEL, tmp_path) for _ in range(3)]:
        said_by(process)
    assert said_by(start(ONE_KERNEL, tmp_path)) == "1 loaded, 0 compiled"


def killed_while_compiling(tmp_path, kernels):
    """Kill a process as soon as so many kernels, or parts of them, are on the disk."""
    process = start(ONE_KERNEL + CONVOLUTION, tmp_path)
    while len(list(tmp_path.glob("kernels-*/*"))) < kernels and process.poll() is None:
        time.sleep(0.0005)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_sigkill_while_compiling_harms_nothing(tmp_path):
    assert killed_while_compiling(tmp_path, kernels=1)
    said_by(start(ONE_KERNEL + CONVOLUTION, tmp_path))
    assert said_by(start(ONE_KERNEL + CONVOLUTION, tmp_path)) == "1 loaded, 0 compiled"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_many_sigkills_while_compiling_harm_nothing(tmp_path):
    kills = [killed_while_compiling(tmp_path, kernels) for kernels in (1, 2, 3, 3, 4, 4, 5, 5)]
    assert sum(kills) >= 3
    said_by(start(ONE_KERNEL + CONVOLUTION, tmp_path))
    assert said_by(start(ONE_KERNEL + CONVOLUTION, tmp_path)) == "1 loaded, 0 compiled"


def test_the_folder_is_named_after_cpu_settings_and_sources(tmp_path):
    other = tmp_path / "other"
    shutil.copytree(ROOT / "nnscratch", other / "nnscratch", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "nnscratch" / "kernels" / "microkernel.py").open("a") as file:
        file.write("# the tile has changed\n")
    processes = {
        "plain": start(WHERE, tmp_path),
        "threads": start(WHERE, tmp_path, NUMBA_NUM_THREADS="1"),
        "cpu": start(WHERE, tmp_path, NUMBA_CPU_NAME="generic"),
        "features": start(WHERE, tmp_path, NUMBA_CPU_FEATURES="+sse2"),
        "settings": start(WHERE, tmp_path, NUMBA_OPT="1"),
        "sources": start(WHERE, tmp_path, other),
    }
    folders = {name: said_by(process) for name, process in processes.items()}
    assert folders["plain"] == folders.pop("threads")
    assert len(set(folders.values())) == 5


def test_the_cache_folder_of_numba_comes_first(tmp_path):
    said = said_by(start(WHERE, tmp_path / "ours", NUMBA_CACHE_DIR=str(tmp_path / "numba")))
    assert Path(said).parent == tmp_path / "numba" / "nnscratch"


def test_folders_of_other_machines_are_kept_but_not_for_ever(folder):
    for number in range(30):
        path = folder.with_name(f"kernels-{number:016x}")
        path.mkdir()
        os.utime(path, (number, number))
    folder.with_name("kernels-of-my-own").mkdir()
    folder.rmdir()
    compiling.kernel_folder()
    left = sorted(path.name for path in folder.parent.iterdir())
    assert len(left) == compiling.KEPT_FOLDERS + 1
    assert f"kernels-{29:016x}" in left and f"kernels-{0:016x}" not in left and "kernels-of-my-own" in left


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_whoever_waits_at_a_terminal_is_told_once(tmp_path):
    for expected in ("compiling kernels (once per machine)\r\n", ""):
        another = "cpu.channel_blend(x, v, x, v, v, v)"
        assert said_at_a_terminal(ONE_KERNEL + another, tmp_path) == expected
    process = start(ONE_KERNEL, tmp_path / "new")
    assert process.communicate()[1] == ""


def said_at_a_terminal(code, cache):
    """What a process writes to its standard error, which is a terminal."""
    mine, its = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(cache)}
    subprocess.run(
        [sys.executable, "-c", code], env=environment, stderr=its, stdout=subprocess.DEVNULL, check=True
    )
    os.close(its)
    try:
        return os.read(mine, 10_000).decode()
    except OSError:  # nothing was written
        return ""
    finally:
        os.close(mine)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="needs an x86-64 CPU")
@pytest.mark.parametrize("name, widest", [("haswell", 32), ("nehalem", 0), ("no-such-cpu", 0)])
def test_the_name_of_a_cpu_alone_gives_kernels_that_run_on_it(name, widest, tmp_path):
    code = """
from nnscratch.kernels.microkernel import VECTOR_BYTES
functions = [f for module in (cpu.channels, cpu.columns, cpu.convolution) for f in vars(module).values()]
kernels = [f for f in functions if hasattr(f, "inspect_asm")]
print(VECTOR_BYTES, *(text for kernel in kernels for text in kernel.inspect_asm().values()))
"""
    said = said_by(start(ONE_KERNEL + CONVOLUTION + code, tmp_path, NUMBA_CPU_NAME=name))
    vector_bytes, assembly = said.split("\n", 1)[1].split(" ", 1)
    assert int(vector_bytes) <= widest
    assert "_affine" in assembly
    assert not re.search(r"%zmm|%[xy]mm(1[6-9]|2\d|3[01])|%k[1-7]", assembly)  # what came with AVX-512
    assert widest or "%ymm" not in assembly
