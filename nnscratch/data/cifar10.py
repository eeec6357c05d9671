"""Read the official CIFAR-10 files, the Python and the binary version (Krizhevsky 2009, ch. 3)."""

import io
import pickle
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from nnscratch.data.dataset import DataError, check_labels

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TRAIN_FILES = [f"data_batch_{number}" for number in range(1, 6)]
TEST_FILE = "test_batch"
FILES = {name + ending for name in [*TRAIN_FILES, TEST_FILE] for ending in ("", ".bin")}
PIXELS = 3 * 32 * 32


def is_cifar10_file(name: PurePosixPath) -> bool:
    """Whether a file, by its name, is one of the official batches.

    >>> is_cifar10_file(PurePosixPath("cifar-10-batches-py/data_batch_1"))
    True
    """
    return name.name in FILES


def decode_cifar10(files: dict[PurePosixPath, bytes], source) -> dict[str, np.ndarray]:
    """Return x_train (50000, 3, 32, 32) uint8, y_train (50000,) int64, x_test and y_test from the six batches.

    `files` holds the Python or the binary version, `source` names it in errors. Batches may be of any size.
    Raises DataError when a batch is missing or does not hold what it should.

    >>> record = bytes([7]) + bytes(3072)
    >>> names = [*TRAIN_FILES, TEST_FILE]
    >>> arrays = decode_cifar10({PurePosixPath(name + ".bin"): record for name in names}, "an example")
    >>> arrays["x_train"].shape, arrays["y_test"]
    ((5, 3, 32, 32), array([7]))
    """
    by_name = {name.name: content for name, content in files.items()}
    ending = "" if TRAIN_FILES[0] in by_name else ".bin"
    missing = [name + ending for name in [*TRAIN_FILES, TEST_FILE] if name + ending not in by_name]
    if missing:
        raise DataError(
            f"{source}: CIFAR-10 is incomplete, {', '.join(missing)} is missing: unpack or fetch the archive again"
        )
    read = read_binary_batch if ending else read_python_batch
    batches = [read(by_name[name + ending], f"{source}: {name}{ending}") for name in [*TRAIN_FILES, TEST_FILE]]
    return {
        "x_train": np.concatenate([x for x, _ in batches[:-1]]),
        "y_train": np.concatenate([y for _, y in batches[:-1]]),
        "x_test": batches[-1][0],
        "y_test": batches[-1][1],
    }


def read_python_batch(content: bytes, source) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8 and labels (N,) int64 of one pickled batch, without running its code.

    Raises DataError when the pickle asks for anything that CIFAR-10 does not hold.

    >>> batch = {"data": np.zeros((2, 3072), np.uint8), "labels": [3, 8]}
    >>> x, y = read_python_batch(pickle.dumps(batch), "an example")
    >>> x.shape, y.tolist()
    ((2, 3, 32, 32), [3, 8])
    """
    try:
        batch = _CIFAR10Unpickler(io.BytesIO(content), encoding="latin1").load()
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise DataError(f"{source} is truncated or damaged ({error}): fetch it again") from error
    keys = _text_keys(batch) if isinstance(batch, dict) else {}
    if "fine_labels" in keys:
        raise DataError(f"{source} is CIFAR-100: use the CIFAR-10 archive, cifar-10-python.tar.gz")
    if not {"data", "labels"} <= set(keys):
        raise DataError(f"{source} holds no 'data' and 'labels', so it is no CIFAR-10 batch: fetch it again")
    data, labels = batch[keys["data"]], batch[keys["labels"]]
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (len(labels), PIXELS):
        raise DataError(
            f"{source}: expected 'data' of shape ({len(labels)}, {PIXELS}) uint8, got "
            f"{getattr(data, 'shape', type(data).__name__)} {getattr(data, 'dtype', '')}: fetch it again"
        )
    return data.reshape(-1, 3, 32, 32), check_labels(np.array(labels), source, num_classes=len(CLASSES))


def read_binary_batch(content: bytes, source) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8 and labels (N,) int64 of a batch of records: a label, then 3072 pixels.

    Raises DataError when the batch does not hold whole records.

    >>> x, y = read_binary_batch(bytes([4]) + bytes(3072), "an example")
    >>> x.shape, y.tolist()
    ((1, 3, 32, 32), [4])
    """
    if not content or len(content) % (PIXELS + 1):
        raise DataError(
            f"{source} has {len(content)} bytes, which is no whole number of records of {PIXELS + 1}: "
            "it is truncated or damaged, fetch it again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, PIXELS + 1)
    y = check_labels(records[:, 0], source, num_classes=len(CLASSES))
    return records[:, 1:].reshape(-1, 3, 32, 32), y


def _text_keys(batch: dict) -> dict[str, Any]:
    """The keys as text; some tools save them as bytes."""
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): key for key in batch}


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """What Python 3 writes into old pickles for bytes; codecs other than latin1 are refused."""
    if encoding != "latin1":
        raise DataError(f"the pickle asks for the codec {encoding!r}, which CIFAR-10 does not hold")
    return text.encode("latin1")


class _CIFAR10Unpickler(pickle.Unpickler):
    """Admit containers, numbers, text and arrays in the spelling of NumPy 1 and 2, and nothing else."""

    arrays = {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
        *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _latin1_bytes
        if (module, name) in self.arrays:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise DataError(
            f"the pickle asks for {module}.{name}, which CIFAR-10 does not hold, so it was not run: "
            "fetch the official archive instead"
        )
