"""Compile kernels with numba, and keep them on disk, so that a machine compiles each of them once.

Compiled kernels lie in `kernels-KEY` in the user's cache folder, or in NUMBA_CACHE_DIR where that is set. The key
is a checksum of all that they depend on: the CPU, the versions of Python, numba, llvmlite and NumPy, numba's
settings, and the sources of the kernels with this package's version. numba's own cache looks at no more than the
file that a function stands in, so a new register tile would not reach the convolutions that are built on it.

Each kernel is one file that starts with a checksum: a file that is damaged, or that was half-written when its
process died, is compiled anew and replaced. Where nothing can be kept, every process compiles, and nothing fails.

What lies there is machine code, and numba reads it with pickle: whoever may write there may run code. So the
folder is made with the permissions 0700, and used only while it belongs to this user and is closed to all others.
"""

import functools
import hashlib
import os
import pickle
import shutil
import stat
import sys
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba.core.codegen import get_host_cpu_features
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

from nnscratch.data.cache import cache_folder

BASELINE = ("+64bit", "+cmov", "+cx8", "+sse2")  # what every x86-64 CPU has, whatever name LLVM is told
NOT_IN_CODE = ("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS")
KEPT_FOLDERS = 20  # of other machines and other versions; the oldest goes first
DIGEST = hashlib.sha256().digest_size

# NUMBA_CPU_NAME alone leaves numba with all features of this machine. Whoever names a CPU means one that has
# fewer: so only those stay switched off that this machine lacks, and the others are as the named CPU has them.
if numba.config.CPU_NAME and numba.config.CPU_FEATURES is None:  # type: ignore[attr-defined]
    _host = get_host_cpu_features().split(",")
    numba.config.CPU_FEATURES = ",".join(f for f in _host if f[:1] == "-" or f in BASELINE)  # type: ignore[attr-defined]


def compiled(function):
    """Compile a function on its first call with each kind of arguments; it runs without the GIL.

    Kernels of this package are kept on disk.

    >>> @compiled
    ... def double(x):
    ...     return 2 * x
    >>> double(4)
    8
    """
    return _kept(function)


def sweeping(function):
    """Compile like `compiled`, with leave to add in another order, so that a sum becomes a sum of vectors.

    >>> @sweeping
    ... def total(x):
    ...     result = 0.0
    ...     for value in x:
    ...         result += value
    ...     return result
    >>> total(np.ones(8))
    8.0
    """
    return _kept(function, fastmath={"reassoc", "contract", "nsz"})


def target():
    """Return (name, features) of the CPU that numba compiles for, as LLVM spells them.

    >>> name, features = target()
    >>> len(name) > 0
    True
    """
    return cpu_target.target_context.codegen().magic_tuple()[1:]


def kernel_folder() -> Path:
    """Return the folder of this machine's compiled kernels, made if need be.

    Raises OSError where it cannot be made, belongs to someone else or is open to others.

    >>> kernel_folder().name.startswith("kernels-")
    True
    """
    own = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    folder = cache_folder(Path(own) / "nnscratch" if own else None) / f"kernels-{_key()}"
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_the_oldest(folder.parent)
    about = folder.lstat()
    ours = not hasattr(os, "getuid") or (about.st_uid == os.getuid() and not about.st_mode & 0o077)
    if not stat.S_ISDIR(about.st_mode) or not ours:
        raise PermissionError(f"{folder} must be a folder of your own that is closed to others: remove it")
    return folder


@functools.cache
def _key():
    """A checksum of all that compiled kernels depend on, and of the user, as users may share a cache folder."""
    package = Path(__file__).parents[1]
    sources = sorted([*package.glob("*.py"), *package.glob("kernels/*.py")])
    settings = sorted((k, v) for k, v in os.environ.items() if k.startswith("NUMBA_") and k not in NOT_IN_CODE)
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    vector_maths = numba.config.USING_SVML  # type: ignore[attr-defined]
    facts = (target(), versions, settings, vector_maths, getattr(os, "getuid", int)())
    content = repr(facts).encode() + b"".join(source.read_bytes() for source in sources)
    return hashlib.sha256(content).hexdigest()[:16]


def _forget_the_oldest(parent):
    folders = sorted(parent.glob("kernels-" + "[0-9a-f]" * 16), key=lambda folder: folder.stat().st_mtime)
    for folder in folders[:-KEPT_FOLDERS]:
        shutil.rmtree(folder, ignore_errors=True)


def _kept(function, **options):
    dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
    if function.__module__.startswith("nnscratch.kernels."):  # the key knows of no other sources
        dispatcher._cache = _Cache(function)
    return dispatcher


class _Cache:
    """What numba asks for a compiled function before it compiles one, and gives it to afterwards."""

    cache_path = None  # numba's statistics show it

    def __init__(self, function):
        self.name = f"{function.__module__}.{function.__qualname__}"

    def flush(self):
        """Forget nothing, though a dispatcher's `recompile` asks for it: the sources are still the same."""

    def load_overload(self, signature, target_context):
        """Return the compiled function for a signature, or None where it has yet to be compiled."""
        target_context.refresh()
        why = "once per machine"
        try:
            content = self._path(signature).read_bytes()  # from a folder of our own: see the head of this file
            if hashlib.sha256(content[DIGEST:]).digest() == content[:DIGEST]:
                return CompileResult._rebuild(target_context, *pickle.loads(content[DIGEST:]))
        except FileNotFoundError:  # its first use on this machine
            pass
        except OSError as error:
            why = f"in every process: {error}; NNSCRATCH_CACHE may name another folder"
        except Exception:  # whole, and yet of no use to this numba: compiling anew heals it
            pass
        _say_once(f"compiling kernels ({why})")
        return None

    def save_overload(self, signature, result):
        """Keep a compiled function; where that cannot be done, the next process compiles it again."""
        if result.library.has_dynamic_globals:  # addresses that hold in this process only
            return
        try:
            content = dumps(result._reduce())
            _write(self._path(signature), hashlib.sha256(content).digest() + content)
        except Exception as error:  # a full disk, or a numba that has changed
            _say_once(f"compiled kernels cannot be kept: {error}; NNSCRATCH_CACHE may name another folder")

    def _path(self, signature):
        text = f"{self.name} {signature}"
        short = self.name.rpartition(".")[2]
        return kernel_folder() / f"{short}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.kernel"


def _write(path, content):
    """Write beside the file and rename, so that of two processes at once one wins, and none mixes in."""
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@functools.cache
def _say_once(line):
    """Say why it takes long, to someone who is waiting."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
