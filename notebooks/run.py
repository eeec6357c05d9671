"""Execute the notebooks of the course: python -m notebooks.run [NAME ...] [--fast] [--save].

A notebook fails when a cell raises an error, a `check` cell's assertion among them, or when it takes too long.
With `--save`, it is saved with its outputs, without whatever differs from run to run, and fails when it is large.
"""

import argparse
import copy
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

FOLDER = Path(__file__).parent
SECONDS = {False: 180, True: 30}  # by --fast
LARGEST = 600_000  # bytes
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class NotebookError(RuntimeError):
    """A notebook that fails, takes too long or is too large; the message names the cell."""


def find(names):
    """Return the paths of the notebooks that `names` mean, each by its number, the start of its name or its path.

    Without names, all of them, in order. Raises NotebookError for a name that means none.
    """
    every = sorted(FOLDER.glob("[0-9][0-9]-*.ipynb"))
    found = [path for name in names for path in every if path.name.startswith(Path(name).name)]
    unknown = [name for name in names if not any(path.name.startswith(Path(name).name) for path in every)]
    if unknown:
        raise NotebookError(f"there is no notebook {unknown[0]}: choose from {', '.join(p.stem for p in every)}")
    return list(dict.fromkeys(found)) if names else every


def execute(path, fast=False, data="auto", limit=None):
    """Return the notebook, executed from first to last cell in a kernel of its own, and the seconds it took.

    Raises NotebookError at the first cell that fails, and when it takes more than `limit` seconds.
    """
    notebook = nbformat.read(path, as_version=4)
    before = copy.deepcopy(notebook)
    limit = limit or SECONDS[fast]
    settings = {"NNSCRATCH_STATIC": "1", "NNSCRATCH_FAST": str(int(fast)), "NNSCRATCH_NOTEBOOK_DATA": data}
    client = NotebookClient(
        notebook,
        timeout=limit,
        resources={"metadata": {"path": str(FOLDER)}},
        extra_arguments=["--log-level=ERROR"],
    )
    start = time.perf_counter()
    try:
        client.execute(env=os.environ | settings)
    except CellExecutionError as error:
        number, cell = failed(notebook)
        kind = "its check failed" if "check" in cell.metadata.get("tags", []) else "it raises an error"
        trace = re.sub("\x1b\\[[0-9;]*m", "", error.traceback)
        raise NotebookError(f"{path.name}, cell {number} ({cell.id}): {kind}\n{trace}") from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(f"{path.name}: {error}") from None
    seconds = time.perf_counter() - start
    if seconds > limit:
        raise NotebookError(f"{path.name} took {seconds:.0f} s: it may take {limit:.0f} s")
    return tidy(notebook, before), seconds


def failed(notebook):
    """Return (number, cell) of the first cell with an error among its outputs."""
    cells = enumerate(notebook.cells, 1)
    return next(
        (n, cell) for n, cell in cells if any(out.output_type == "error" for out in cell.get("outputs", []))
    )


def tidy(notebook, before):
    """Leave in a notebook only what the next run would make again; returns it.

    Cells tagged `timed`, whose outputs are measured times, keep those they had `before`, where they had any.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    count = 0
    for cell, old in zip(notebook.cells, before.cells):
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in ("tags", "jupyter")})
        if cell.cell_type != "code":
            continue
        count += 1
        if "timed" in cell.metadata.get("tags", []) and old.outputs:
            cell.outputs = old.outputs
        cell.execution_count = count
        cell.outputs = merged(cell.outputs)
        for out in cell.outputs:
            if out.output_type == "execute_result":
                out.execution_count = count
            if out.output_type in ("execute_result", "display_data"):
                out.metadata = nbformat.from_dict({})
                if "image/png" in out.data:
                    out.data = nbformat.from_dict({"image/png": out.data["image/png"].strip()})
    return notebook


def merged(outputs):
    """Join what was printed in several pieces; how many there are depends on how fast the machine was."""
    joined = []
    for out in outputs:
        if joined and out.output_type == joined[-1].output_type == "stream" and out.name == joined[-1].name:
            joined[-1].text += out.text
        else:
            joined.append(out)
    return joined


def save(notebook, path):
    """Write a notebook; raises NotebookError, and leaves the file as it was, when it has become too large."""
    text = nbformat.writes(notebook) + "\n"
    if len(text.encode()) > LARGEST:
        raise NotebookError(f"{path.name} has {len(text.encode()):,} bytes: {LARGEST:,} are allowed; draw smaller")
    path.write_text(text, encoding="utf-8")


def main(arguments=None):
    """Execute the notebooks asked for; return the exit status, 1 if any of them fails."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.run", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a number, such as 03, or a name; default: all")
    parser.add_argument(
        "--fast", action="store_true", help="few images and epochs, only to see that all cells run"
    )
    parser.add_argument("--save", action="store_true", help="save the outputs, as they are on shapes10")
    parser.add_argument("--data", choices=("auto", "shapes10"), help="auto (the default): CIFAR-10 if at hand")
    parser.add_argument("--limit", type=float, help="seconds that a notebook may take; default: 180, 30 if fast")
    options = parser.parse_args(arguments)
    if options.fast and options.save:
        parser.error("--fast is for seeing that cells run: save the full form, without --fast")
    data = options.data or ("shapes10" if options.save else "auto")
    failures = 0
    try:
        paths = find(options.names)
    except NotebookError as error:
        parser.error(str(error))
    for path in paths:
        try:
            notebook, seconds = execute(path, options.fast, data, options.limit)
            if options.save:
                save(notebook, path)
            print(f"{path.name:50} {seconds:6.1f} s", flush=True)
        except NotebookError as error:
            failures += 1
            print(error, file=sys.stderr, flush=True)
    if failures:
        print(f"{failures} of {len(paths)} notebooks failed", file=sys.stderr)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
