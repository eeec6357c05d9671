"""Both official formats give the same arrays, a hostile pickle does not run, and damage is named."""

import os
import pickle
from pathlib import PurePosixPath

import numpy as np
import pytest

from nnscratch.data.cifar10 import decode_cifar10, read_binary_batch, read_python_batch
from nnscratch.data.dataset import DataError


def named(files):
    return {PurePosixPath(name): content for name, content in files.items()}


def test_both_versions_give_the_same_arrays(cifar_files):
    python, binary = (decode_cifar10(named(files), "here") for files in cifar_files)
    assert set(python) == {"x_train", "y_train", "x_test", "y_test"}
    assert all((python[name] == binary[name]).all() for name in python)
    assert python["x_train"].shape == (20, 3, 32, 32)
    assert python["x_test"].dtype == np.uint8
    assert python["y_test"].dtype == np.int64


def test_pixels_come_as_red_green_blue_rows():
    row = np.arange(3072) % 251
    x, _ = read_python_batch(pickle.dumps({"data": row.astype(np.uint8)[None], "labels": [0]}), "here")
    assert x[0, 0, 0, :3].tolist() == [0, 1, 2]
    assert x[0, 0, 1, 0] == 32
    assert x[0, 1, 0, 0] == 1024 % 251


def old_pickle(module, labels=(3, 8)):
    """A batch as Python 2 and NumPy 1 wrote it: byte strings and numpy.core, in protocol 2."""
    data = bytes(range(256)) * 12 * len(labels)

    def short(text):
        return b"U" + bytes([len(text)]) + text

    return b"".join(
        [
            b"\x80\x02}(",
            short(b"data"),
            b"c" + module + b"\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + short(b"b") + b"\x87R",
            b"(K\x01K"
            + bytes([len(labels)])
            + b"M\x00\x0c\x86cnumpy\ndtype\n"
            + short(b"u1")
            + b"K\x00K\x01\x87R",
            b"(K\x03" + short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89",
            b"T" + len(data).to_bytes(4, "little") + data + b"tb",
            short(b"labels") + b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e",
            b"u.",
        ]
    )


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_the_original_python_2_pickle_is_read(module):
    x, y = read_python_batch(old_pickle(module), "here")
    assert x.shape == (2, 3, 32, 32)
    assert x[1, 0, 0, :4].tolist() == [0, 1, 2, 3]
    assert y.tolist() == [3, 8]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("as_bytes", [False, True])
def test_copies_saved_by_newer_pythons_are_read(protocol, as_bytes):
    batch = {"data": np.full((2, 3072), 9, np.uint8), "labels": [1, 2]}
    if as_bytes:
        batch = {key.encode(): value for key, value in batch.items()}
    x, y = read_python_batch(pickle.dumps(batch, protocol), "here")
    assert (x == 9).all()
    assert y.tolist() == [1, 2]


class Hostile:
    """Makes a folder when it is unpickled by the ordinary unpickler."""

    def __init__(self, path, call=os.mkdir):
        self.path, self.call = path, call

    def __reduce__(self):
        return self.call, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_pickle_does_not_run(tmp_path, protocol):
    trap = tmp_path / "sprung"
    content = pickle.dumps({"data": Hostile(str(trap)), "labels": [1]}, protocol)
    with pytest.raises(
        DataError, match=r"batch: the pickle asks for .*mkdir, which CIFAR-10 does not hold.*official"
    ):
        read_python_batch(content, "batch")
    assert not trap.exists()
    pickle.loads(content)
    assert trap.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch sprung'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cbuiltins\ngetattr\n.",
        b"cnumpy\nload\n(S'sprung'\ntR.",
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        b"\x80\x04\x8c\x05numpy\x8c\x0b_core.umath\x93.",
    ],
)
def test_nothing_but_arrays_is_admitted(content):
    with pytest.raises(DataError, match="CIFAR-10 does not hold"):
        read_python_batch(content, "batch")


def pickled(**changes):
    return pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1, 2], **changes})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "batch is truncated or damaged"),
        (pickled()[:3000], "batch is truncated or damaged.*: fetch it again"),
        (b"\x00\x01\x02", "truncated or damaged"),
        (pickle.dumps([1, 2]), "holds no 'data' and 'labels'"),
        (pickled(fine_labels=[1, 2]), "is CIFAR-100: use the CIFAR-10 archive"),
        (pickled(labels=[1]), r"expected 'data' of shape \(1, 3072\) uint8, got \(2, 3072\)"),
        (pickled(data=np.zeros((2, 3072))), "float64"),
        (pickled(data=[1, 2]), "got list"),
        (pickled(labels=[1, 10]), "batch holds the label 10 at index 1"),
        (pickled(labels=["a", "b"]), "expected whole numbers"),
    ],
)
def test_damaged_python_batches_are_named(content, message):
    with pytest.raises(DataError, match=message):
        read_python_batch(content, "batch")


@pytest.mark.parametrize("content", [b"", bytes(3072), bytes(3073 * 2 + 1)])
def test_binary_batches_hold_whole_records(content):
    with pytest.raises(DataError, match="no whole number of records of 3073"):
        read_binary_batch(content, "batch")


def test_binary_labels_are_checked():
    with pytest.raises(DataError, match="holds the label 10"):
        read_binary_batch(bytes([10]) + bytes(3072), "batch")


def test_a_missing_batch_is_named(cifar_files):
    for files, name in zip(cifar_files, ("data_batch_3", "test_batch.bin")):
        less = {key: content for key, content in files.items() if key != name}
        with pytest.raises(DataError, match=f"CIFAR-10 is incomplete, {name} is missing"):
            decode_cifar10(named(less), "here")
