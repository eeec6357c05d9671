"""Call a function in a fresh Python process, so that nothing of this one counts, and get what it returns."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CODE = """
import importlib, json, sys
module, function, arguments = json.loads(sys.argv[1])
print(json.dumps(getattr(importlib.import_module(module), function)(*arguments)))
"""


def call(module, function, *arguments, env=None):
    """Return what `module.function(*arguments)` returns in a new process; all of it has to be fit for JSON."""
    job = json.dumps([module, function, arguments])
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH")) if path)
    done = subprocess.run(
        [sys.executable, "-c", CODE, job], env={**os.environ, "PYTHONPATH": paths, **(env or {})},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])
