"""Decode a folder or archive of images, `train/CLASS/*.png|jpg|jpeg` and `test/CLASS/*`, with one size for all."""

import io
import os
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from nnscratch.data.dataset import DataError

ENDINGS = (".png", ".jpg", ".jpeg")
LAYOUT = "train/CLASS/*.png|jpg|jpeg and test/CLASS/*.png|jpg|jpeg"


def image_place(name: PurePosixPath) -> tuple[str, str] | None:
    """Return (split, class) of an image by its path, below at most one leading folder; None for any other file.

    >>> image_place(PurePosixPath("pets/train/cat/001.jpg"))
    ('train', 'cat')
    >>> image_place(PurePosixPath("pets/labels.txt")) is None
    True
    """
    parts = name.parts
    if name.suffix.lower() not in ENDINGS or len(parts) < 3:
        return None
    if parts[0] not in ("train", "test"):
        parts = parts[1:]
    return (parts[0], parts[1]) if parts[0] in ("train", "test") and len(parts) >= 3 else None


def decode_images(files: dict[PurePosixPath, bytes], source, image=None) -> dict[str, np.ndarray]:
    """Return x_train (N, 3, H, W) uint8, y_train (N,) int64, x_test, y_test and the names `classes`.

    Every picture becomes RGB. `image=(H, W)` scales each picture to cover H x W and cuts the centre out of it
    (Krizhevsky et al. 2012, sec. 2). Classes are in alphabetical order.

    Raises DataError when a split is missing, when train and test hold other classes, when a picture is broken,
    when sizes differ and `image` is not given, and when the decoded images are too many for the machine's memory.

    >>> from PIL import Image
    >>> picture = io.BytesIO()
    >>> Image.new("RGB", (8, 6)).save(picture, "png")
    >>> names = [PurePosixPath(f"{split}/cat/1.png") for split in ("train", "test")]
    >>> arrays = decode_images({name: picture.getvalue() for name in names}, "an example")
    >>> arrays["x_train"].shape, arrays["classes"].tolist()
    ((1, 3, 6, 8), ['cat'])
    """
    places: dict[str, dict[str, list]] = {"train": {}, "test": {}}
    for name in sorted(files):
        place = image_place(name)
        if place:
            places[place[0]].setdefault(place[1], []).append(name)
    _check_places(places, source)
    classes = sorted(places["train"])
    if image is None:
        image = _size_of(files, places["train"][classes[0]][0], source)
        hint = f"give image=(H, W) to bring all to one size, for example image={image}"
    else:
        hint = ""
    _check_memory(sum(len(names) for folders in places.values() for names in folders.values()), image, source)
    arrays: dict[str, Any] = {"classes": np.array(classes)}
    first = places["train"][classes[0]][0]
    for split, folders in places.items():
        names = [name for label in classes for name in folders[label]]
        arrays[f"x_{split}"] = _decode_all(files, names, source, image, first if hint else None, hint)
        arrays[f"y_{split}"] = np.repeat(np.arange(len(classes)), [len(folders[label]) for label in classes])
    return arrays


def _check_places(places, source):
    for split in ("train", "test"):
        if not places[split]:
            raise DataError(f"{source} holds no images under {split}/CLASS/: lay them out as {LAYOUT}")
    for here, there in (("train", "test"), ("test", "train")):
        only = sorted(set(places[here]) - set(places[there]))
        if only:
            raise DataError(
                f"{source}: train and test hold different classes, only {here} has {', '.join(only)}: "
                f"add them to {there}, or remove them from {here}"
            )


def _memory():
    """The machine's memory in bytes; without bounds where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        return float("inf")


def _check_memory(count, image, source):
    needed, memory = 2 * count * 3 * image[0] * image[1], _memory()  # once decoded, once cut into sets
    if needed > memory:
        raise DataError(
            f"{source}: {count:,} images of {_size(image)} need {needed / 1e9:.1f} GB of memory, and the machine "
            f"has {memory / 1e9:.1f}: take fewer images or a smaller size"
        )


def _decode_all(files, names, source, image, first, hint):
    """Decode the named pictures on several threads into one array (N, 3, H, W)."""
    from concurrent.futures import ThreadPoolExecutor

    out = np.empty((len(names), 3, *image), np.uint8)

    def work(part):
        for number in part:
            picture = open_picture(files[names[number]], f"{source}: {names[number]}", None if hint else image)
            if picture.shape[:2] != tuple(image):
                raise DataError(
                    f"{source}: the images differ in size, {first} is {_size(image)} and {names[number]} is "
                    f"{_size(picture.shape)} (height x width): {hint}"
                )
            out[number] = picture.transpose(2, 0, 1)

    threads = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(threads) as pool:
        parts = np.array_split(np.arange(len(names)), 4 * threads)
        for done in [pool.submit(work, part.tolist()) for part in parts]:
            done.result()
    return out


def open_picture(content: bytes, source, image: tuple[int, int] | None = None) -> np.ndarray:
    """Decode one PNG or JPEG file to RGB, (H, W, 3) uint8, brought to `image` (H, W) where that is given.

    Raises DataError when the file is broken.

    >>> open_picture(b"no picture", "cat.png")
    Traceback (most recent call last):
    nnscratch.data.dataset.DataError: cat.png cannot be decoded...
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")  # as the camera was held
    except Exception as error:  # Pillow's decoders raise many kinds for broken files
        raise DataError(
            f"{source} cannot be decoded ({type(error).__name__}): replace the file or leave it out"
        ) from error
    if image is not None and picture.size != (image[1], image[0]):
        picture = ImageOps.fit(picture, (image[1], image[0]))
    return np.asarray(picture)


def _size_of(files, name, source):
    return open_picture(files[name], f"{source}: {name}").shape[:2]


def _size(shape):
    return f"{shape[0]}x{shape[1]}"
