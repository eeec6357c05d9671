"""Compile CUDA C for any card without having one: the NVRTC library from PyPI, called through ctypes."""

import ctypes
import functools
import importlib.util
from pathlib import Path


@functools.cache
def library():
    """The loaded NVRTC library, or None where `nvidia-cuda-nvrtc-cu12` is not installed."""
    try:
        spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    folders = spec.submodule_search_locations if spec else []
    found = [path for folder in folders for path in sorted(Path(folder).rglob("libnvrtc.so.*"))]
    return ctypes.CDLL(str(found[0])) if found else None


def compile_source(code, options):
    """Compile down to a card's machine code; returns the compiler's messages, raises ValueError with them."""
    nvrtc, program = library(), ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"kernels.cu", 0, None, None)
    words = [option.encode() for option in options]
    failed = nvrtc.nvrtcCompileProgram(program, len(words), (ctypes.c_char_p * len(words))(*words))
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    if failed:
        raise ValueError(log.value.decode())
    return log.value.decode()
