"""Checkpoints: arrays in a safetensors file, facts in a JSON file, whole after a crash at any moment.

A folder holds `arrays-HASH.safetensors` and `checkpoint.json`, which names it. Saving writes the new arrays
beside the old, then replaces the JSON in one rename: that rename is the moment at which the new checkpoint counts.
"""

import errno
import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.arrays import array_module, to_device
from nnscratch.training.atomic import write_atomically

FORMAT = "nnscratch checkpoint"
VERSION = 1


class CheckpointError(OSError):
    """A checkpoint cannot be saved, or what was found is none, is damaged, or does not fit."""


def save_checkpoint(folder: Path | str, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Save arrays (any shape; float, whole or bool) and facts (whatever JSON holds) into a folder.

    The checkpoint that was there before stays until the new one is complete. Raises CheckpointError when it
    cannot be written; the old one is then still there.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> save_checkpoint(folder, {"conv1.w": np.ones(2), "steps": np.array(7)}, {"epoch": 3})
    >>> arrays, facts = load_checkpoint(folder)
    >>> arrays["conv1.w"], arrays["steps"], facts
    (array([1., 1.]), array(7), {'epoch': 3})
    """
    from safetensors.numpy import save

    folder = Path(folder)
    content = save({name: _storable(name, array) for name, array in arrays.items()})
    digest = hashlib.sha256(content).hexdigest()
    name = f"arrays-{digest[:16]}.safetensors"
    head = {"format": FORMAT, "version": VERSION, "arrays": name, "sha256": digest, "facts": dict(facts)}
    try:
        text = json.dumps(head, indent=1).encode()
    except TypeError as error:
        raise CheckpointError(
            f"facts hold something that JSON cannot ({error}): use numbers, text, lists"
        ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, content)
        write_atomically(folder / "checkpoint.json", text)
    except OSError as error:
        raise CheckpointError(_explain_failure(folder, error, len(content) + len(text))) from error
    finally:
        _tidy(folder)


def load_checkpoint(folder: Path | str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return (arrays, facts) as they were saved.

    Raises CheckpointError when there is no checkpoint, when it is damaged, or when another program or a newer
    version wrote it.

    >>> load_checkpoint("no/such/folder")
    Traceback (most recent call last):
    nnscratch.training.checkpoint.CheckpointError: no checkpoint in no/such/folder: ...
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    folder = Path(folder)
    head = _read_head(folder)
    path = folder / head["arrays"]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if _read_head(folder) != head:  # a running training has just saved the next one
            return load_checkpoint(folder)
        raise CheckpointError(_damaged(folder, f"{path.name} is missing")) from None
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path}: {error.strerror or error}: check the disk and the rights"
        ) from error
    if hashlib.sha256(content).hexdigest() != head["sha256"]:
        raise CheckpointError(_damaged(folder, f"{path.name} does not have the checksum that was saved"))
    try:
        return load(content), head["facts"]
    except SafetensorError as error:
        raise CheckpointError(_damaged(folder, f"{path.name}: {error}")) from error


def restore_arrays(target: Any, saved: Mapping[str, Any], what: str) -> None:
    """Write saved arrays into a dict of arrays, each in the dtype that it has there.

    Raises CheckpointError that lists all missing, extra and misshapen arrays; nothing is then written.

    >>> params = {"w": np.zeros(2, np.float32)}
    >>> restore_arrays(params, {"w": np.array([1.0, 2.0])}, "parameters")
    >>> params
    {'w': array([1., 2.], dtype=float32)}
    """
    problems = [f"{name} is missing" for name in target if name not in saved]
    problems += [f"{name} is not in this model" for name in saved if name not in target]
    problems += [
        f"{name} has shape {saved[name].shape}, but {target[name].shape} is needed"
        for name in target
        if name in saved and saved[name].shape != target[name].shape
    ]
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise CheckpointError(f"the {what} saved do not fit; load them into the model that they come from{listed}")
    for name in list(target):
        device = "cpu" if array_module(target[name]) is np else "gpu"
        target[name] = to_device(saved[name].astype(target[name].dtype), device)


def _storable(name, array):
    array = np.asarray(to_device(array, "cpu"), order="C")
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise CheckpointError(
            f"{name} has dtype {array.dtype}: a checkpoint holds floats, whole numbers and bools"
        )
    return array


def _read_head(folder):
    path = folder / "checkpoint.json"
    try:
        head = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"no checkpoint in {folder}: give the folder that holds checkpoint.json") from None
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path}: {error.strerror or error}: check the disk and the rights"
        ) from error
    except ValueError:
        raise CheckpointError(_damaged(folder, "checkpoint.json is cut off or no JSON")) from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise CheckpointError(f"{path} was not written by nnscratch: give the folder of an nnscratch checkpoint")
    if head.get("version") != VERSION:
        raise CheckpointError(
            f"{path} has format version {head.get('version')}, this nnscratch reads {VERSION}: "
            "load it with the version that wrote it, or upgrade"
        )
    if not {"arrays", "sha256", "facts"} <= head.keys() or Path(head["arrays"]).name != head["arrays"]:
        raise CheckpointError(_damaged(folder, "checkpoint.json lacks entries"))
    return head


def _damaged(folder, problem):
    return f"the checkpoint in {folder} is damaged ({problem}): go back to an older copy, or train again"


def _explain_failure(folder, error, needed):
    full = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
    remedy = "choose a folder that can be written"
    if error.errno in full:
        free = shutil.disk_usage(folder).free
        remedy = f"{needed:,} bytes are needed, {free:,} are free: make room or choose another disk"
    return (
        f"cannot save a checkpoint in {folder} ({error.strerror or error}): {remedy}. "
        "What was saved before is intact"
    )


def _tidy(folder):
    """Remove whatever checkpoint.json does not name: older arrays, and what a crash left half written."""
    with suppress(OSError):
        kept = _read_head(folder)["arrays"] if (folder / "checkpoint.json").exists() else None
        for path in [*folder.glob(f"arrays-{'?' * 16}.safetensors"), *folder.glob(".*.tmp")]:
            if path.name != kept:
                path.unlink()
