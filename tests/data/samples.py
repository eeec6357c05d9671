"""Small data in every format that can be loaded, made on the spot."""

import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


def picture(image, kind="png"):
    """The bytes of a picture file; image: (H, W, 3) uint8 or (H, W) for grey."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind)
    return out.getvalue()


def write_image_folder(folder: Path, classes=("cat", "dog"), size=(8, 6), kind="png"):
    """Write 2 training images and 1 test image per class; image n of a class is filled with 10 * class + n."""
    for split, count in (("train", 2), ("test", 1)):
        for label, name in enumerate(classes):
            place = folder / split / name
            place.mkdir(parents=True)
            for number in range(count):
                image = np.full((*size, 3), (10 * label + number) % 256, np.uint8)
                (place / f"{number}.{kind}").write_bytes(picture(image, kind))
    return folder


def write_tar(path: Path, files, leading="", compression="gz"):
    """Write named contents into a tar; `leading` is a folder put before every name."""
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(leading + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_zip(path: Path, files, leading=""):
    """Write named contents into a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(leading + name, content)
    return path


def contents(folder: Path):
    """All files of a folder by their relative names."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def small_cifar10(count=4):
    """The six batches with `count` random images each, as (Python version, binary version)."""
    random = np.random.default_rng(0)
    python, binary = {}, {}
    for name in BATCHES:
        data = random.integers(0, 256, (count, 3072), dtype=np.uint8)
        labels = random.integers(0, 10, count).tolist()
        batch = {"batch_label": name, "labels": labels, "data": data, "filenames": ["x.png"] * count}
        python[name] = pickle.dumps(batch, protocol=2)
        binary[name + ".bin"] = b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, data))
    python["batches.meta"] = pickle.dumps({"label_names": ["airplane"]})
    return python, binary
