"""Find the data that the user asked for, decode it once, keep it, and say where it came from."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch.arrays import rng
from nnscratch.choices import choose
from nnscratch.data import cifar10
from nnscratch.data import download as web
from nnscratch.data.archive import is_archive, plain_name, read_files
from nnscratch.data.cache import cache_folder, cached
from nnscratch.data.cifar10 import decode_cifar10, is_cifar10_file
from nnscratch.data.dataset import DataError, Dataset
from nnscratch.data.image_folder import LAYOUT, decode_images, image_place
from nnscratch.data.shapes10 import shapes10

SOURCES = ("auto", "cifar10", "shapes10")
SPLIT_SEED = 10
VERSION = 1
KNOWN = (web.ARCHIVE, "cifar-10-batches-py", "cifar-10-binary.tar.gz", "cifar-10-batches-bin")


def load(source="auto", *, validation=1000, cache=None, download=True, image=None) -> Dataset:
    """Return the data as a Dataset, decoded from its files the first time and from the cache later.

    source: "auto", "cifar10", "shapes10", or the path of CIFAR-10 (the Python or the binary archive or its folder)
        or of a folder, tar or zip of `train/CLASS/*.png|jpg` and `test/CLASS/*.png|jpg`. "auto" takes CIFAR-10
        from the folder in NNSCRATCH_DATA, from the cache or from the web, in this order, else shapes10; the
        Dataset's `note` says which and why.
    validation: how many training images are set aside to choose by, always the same ones; 0 for none.
    cache: the folder for downloads and decoded images; by default NNSCRATCH_CACHE or the user's cache folder.
    download: whether the web may be asked; NNSCRATCH_OFFLINE=1 forbids it.
    image: (H, W) to which pictures of a folder are brought; needed where their sizes differ.

    Raises DataError for data that cannot be used and DownloadError when "cifar10" cannot be had.

    >>> load("shapes10", validation=500, cache=getfixture("tmp_path"))
    Dataset(shapes10: 10000 train + 500 val + 2000 test images of 3x32x32 uint8, 10 classes)
    """
    if validation < 0:
        raise DataError(f"validation is {validation}: give how many training images to set aside, 0 or more")
    folder = cache_folder(cache)
    if source == "shapes10":
        return shapes10(validation=validation, cache=folder)
    if source in ("auto", "cifar10"):
        path, note = _find_cifar10(folder, download, must=source == "cifar10")
        if path is None:
            data = shapes10(validation=validation, cache=folder)
            data.note = note
            return data
    else:
        path, note = _locate(source), f"loaded from {source}"
    data = _load_path(path, note, validation, folder, image)
    if source == "cifar10" and data.classes != cifar10.CLASSES:
        raise DataError(f"{path} is not CIFAR-10, its classes are {', '.join(data.classes)}: load it by its path")
    return data


def find_in(folder: Path) -> Path | None:
    """Return the CIFAR-10 (official, or images in an archive or folder named after it) in a folder, or None.

    >>> folder = getfixture("tmp_path")
    >>> (folder / "cifar10-images.tar.xz").touch()
    >>> find_in(folder).name
    'cifar10-images.tar.xz'
    """
    if _holds_data(folder):
        return folder
    named = sorted(path for path in folder.iterdir() if re.match(r"cifar-?10(?!0)", path.name.lower()))
    known = [folder / name for name in KNOWN]
    usable = (path for path in known + named if _holds_data(path) or (path.is_file() and is_archive(path)))
    return next(usable, None)


def _find_cifar10(cache: Path, download: bool, must: bool) -> tuple[Path | None, str]:
    """The path of CIFAR-10 and a note; where it cannot be had and need not be, no path and the reason."""
    reasons = []
    own = os.environ.get("NNSCRATCH_DATA")
    if own:
        path = Path(own).expanduser()
        if not path.exists():
            raise DataError(f"NNSCRATCH_DATA is {own}, which does not exist: set it to a folder with CIFAR-10")
        found = find_in(path) if path.is_dir() else path
        if found is not None:
            return found, f"taken from NNSCRATCH_DATA: {found}"
        reasons.append(f"there is none in NNSCRATCH_DATA ({own})")
    archive = cache / web.ARCHIVE
    if web.is_intact(archive, web.MD5):
        return archive, f"taken from the cache: {archive}"
    reasons.append(f"there is none in the cache ({cache})" if not archive.exists() else f"{archive} is damaged")
    if not download or os.environ.get("NNSCRATCH_OFFLINE", "0") not in ("", "0"):
        reasons.append("downloading is switched off")
        if must:
            raise web.DownloadError(f"no CIFAR-10: {'; '.join(reasons)}.\n{web.ways_by_hand(cache)}")
        return None, _fallback_note(reasons)
    mirrors, why = (list(web.MIRRORS), "") if must else web.reachable(web.MIRRORS)
    try:
        if mirrors:
            return web.fetch_cifar10(cache, mirrors, web.MD5), f"downloaded to {archive}"
    except web.DownloadError as error:
        if must:
            raise
        why = str(error).splitlines()[1].strip()
    return None, _fallback_note([*reasons, f"it could not be downloaded ({why})"])


def _fallback_note(reasons):
    return (
        f"shapes10 was taken, because CIFAR-10 was not found: {'; '.join(reasons)}. To train on CIFAR-10, connect "
        "to the web, put CIFAR-10 into a folder and set NNSCRATCH_DATA to it, or give the path of a copy"
    )


def _locate(source) -> Path:
    """The folder or archive that the user means, perhaps one level below the folder that was named."""
    path = Path(source).expanduser()
    if not path.exists():
        if Path(source).name == str(source) and not path.suffix:
            choose(source, SOURCES, "data source (or path that does not exist)")
        raise DataError(
            f"there is no file or folder {source}: check the path, or choose from {', '.join(SOURCES)}"
        )
    if not path.is_dir() or _holds_data(path):
        return path
    below = [folder for folder in sorted(path.iterdir()) if _holds_data(folder)]
    found = find_in(path) or (below[0] if below else None)
    if found is None:
        raise DataError(f"{path} holds no data: put CIFAR-10 there, or images as {LAYOUT}")
    return found


def _holds_data(path: Path) -> bool:
    first = [cifar10.TRAIN_FILES[0], cifar10.TRAIN_FILES[0] + ".bin", "train", "test"]
    return path.is_dir() and any((path / name).exists() for name in first)


def _load_path(path: Path, note, validation, cache, image) -> Dataset:
    """Decode the data at a path, or take it from the cache, and set the validation images aside."""
    state = f"{VERSION} {_fingerprint(path)} {image}"
    arrays = cached(str(path.resolve()), state, lambda: _decode(path, image), cache)
    x, y = arrays["x_train"], arrays["y_train"]
    if validation >= len(x):
        raise DataError(
            f"validation is {validation}, but {path} holds {len(x)} training images: "
            f"set aside {len(x) - 1} or fewer"
        )
    order = rng(SPLIT_SEED).permutation(len(x))
    rest, val = order[: len(x) - validation], order[len(x) - validation :]
    sets: dict[str, Any] = {
        "x_train": x[rest],
        "y_train": y[rest],
        "x_val": x[val] if validation else None,
        "y_val": y[val] if validation else None,
        "x_test": arrays["x_test"],
        "y_test": arrays["y_test"],
    }
    return Dataset(**sets, classes=arrays["classes"].tolist(), name=str(arrays["name"]), note=note)


def _decode(path: Path, image) -> dict[str, np.ndarray]:
    files = read_files(path, lambda name: is_cifar10_file(name) or image_place(name) is not None)
    if any(is_cifar10_file(name) for name in files):
        official = {name: content for name, content in files.items() if is_cifar10_file(name)}
        labels = {"classes": np.array(cifar10.CLASSES), "name": np.array("CIFAR-10")}
        return decode_cifar10(official, path) | labels
    arrays = decode_images(files, path, image)
    copy = (
        arrays["classes"].tolist() == cifar10.CLASSES
        and arrays["x_train"].shape == (50_000, 3, 32, 32)
        and arrays["x_test"].shape == (10_000, 3, 32, 32)
        and all(name.suffix.lower() != ".png" for name in files)
    )
    return arrays | {"name": np.array("CIFAR-10, JPEG copy" if copy else plain_name(path.resolve()))}


def _fingerprint(path: Path) -> str:
    """What changes when the files do: size and time of an archive, or of every file in a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    known = hashlib.sha256()
    for file in files:
        about = file.stat()
        known.update(f"{file} {about.st_size} {about.st_mtime_ns}".encode())
    return known.hexdigest()
