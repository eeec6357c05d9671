"""A module imports only from its own floor or a lower one, and the layers know no backend."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nnscratch

PACKAGE = Path(nnscratch.__file__).parent

FLOORS = {
    "arrays": 0, "choices": 0, "gpu": 0, "shapes": 0,
    "kernels": 1, "data": 1, "gradcheck": 1,
    "layers": 2, "classic": 2,
    "models": 3,
    "training": 4,
    "interop": 5, "course": 5, "plotting": 5,
    "cli": 6, "__init__": 6, "__main__": 6,
}  # fmt: skip

LIGHT = {"kernels": {"numba", "threadpoolctl"}, "plotting": {"matplotlib"}}


def imports(path):
    """Yield (module name, whether it is imported at the top of the file) for every import in a file."""
    tree = ast.parse(path.read_text())
    top = set(tree.body)
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield name, node in top


def room(path):
    """Return the part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_goes_up(path):
    for name, _ in imports(path):
        parts = name.split(".")
        if parts[0] == "nnscratch" and len(parts) > 1 and parts[1] in FLOORS:
            assert FLOORS[parts[1]] <= FLOORS[room(path)], f"{room(path)} imports {name} from a higher floor"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_stay_in_their_rooms(path):
    for name, _ in imports(path):
        library = name.split(".")[0]
        if library in ("numba", "threadpoolctl", "matplotlib"):
            assert library in LIGHT.get(room(path), set()), f"{room(path)} imports {library}"
        if library == "cupy":
            assert room(path) in ("gpu", "kernels"), f"{room(path)} imports cupy"


def test_importing_nnscratch_is_light():
    code = "import sys, nnscratch; print(sorted({'numba', 'cupy', 'matplotlib', 'llvmlite'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
