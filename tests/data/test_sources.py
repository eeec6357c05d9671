"""`load` finds data in every form and place, says where it came from, and names what is missing."""

import functools
import hashlib
import http.server
import os
import threading

import numpy as np
import pytest

from nnscratch.data import DataError, DownloadError, load
from nnscratch.data import download as web
from nnscratch.data.cifar10 import CLASSES
from nnscratch.data.sources import find_in
from tests.data.samples import contents, picture, write_image_folder, write_tar, write_zip


@pytest.fixture
def small_shapes(monkeypatch):
    """shapes10 of a size that costs no time."""
    from nnscratch.data import sources

    def draw(validation, cache):
        return shapes10(train=20, test=10, validation=min(validation, 10), cache=cache)

    shapes10 = sources.shapes10
    monkeypatch.setattr(sources, "shapes10", draw)


def write_folder(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


FORMS = ["python archive", "python folder", "python parent", "binary archive", "binary folder", "flat archive"]


def official(tmp_path, files, form):
    """CIFAR-10 in one of the forms in which people have it."""
    python, binary = files
    return {
        "python archive": lambda: write_tar(tmp_path / "cifar-10-python.tar.gz", python, "cifar-10-batches-py/"),
        "flat archive": lambda: write_tar(tmp_path / "any name.tar", python, compression=""),
        "python folder": lambda: write_folder(tmp_path / "cifar-10-batches-py", python),
        "python parent": lambda: write_folder(tmp_path / "some" / "cifar-10-batches-py", python).parent,
        "binary archive": lambda: write_tar(tmp_path / "cifar-10-binary.tar.gz", binary, "cifar-10-batches-bin/"),
        "binary folder": lambda: write_folder(tmp_path / "cifar-10-batches-bin", binary),
    }[form]()


@pytest.mark.parametrize("form", FORMS)
def test_official_cifar10_is_loaded_in_every_form(tmp_path, cifar_files, form):
    data = load(official(tmp_path, cifar_files, form), validation=5)
    assert data.name == "CIFAR-10"
    assert data.classes == CLASSES
    assert [len(data.x_train), len(data.x_val), len(data.x_test)] == [15, 5, 4]
    assert data.image == (3, 32, 32)


def test_all_forms_hold_the_same_images_in_the_same_order(tmp_path, cifar_files):
    sets = [load(official(tmp_path, cifar_files, form), validation=5) for form in FORMS]
    for data in sets[1:]:
        for name in ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"):
            assert (getattr(data, name) == getattr(sets[0], name)).all()


@pytest.mark.parametrize("form", ["folder", "tar.xz", "zip with a leading folder", "zip"])
def test_pictures_are_loaded_in_every_form(tmp_path, pets, form):
    files = contents(pets)
    path = {
        "folder": lambda: pets,
        "tar.xz": lambda: write_tar(tmp_path / "pets.tar.xz", files, compression="xz"),
        "zip with a leading folder": lambda: write_zip(tmp_path / "pets.zip", files, "any/"),
        "zip": lambda: write_zip(tmp_path / "pets.zip", files),
    }[form]()
    data = load(path, validation=1)
    assert data.name == "pets"
    assert data.classes == ["cat", "dog"]
    assert sorted([*data.x_train[:, 0, 0, 0], *data.x_val[:, 0, 0, 0]]) == [0, 1, 10, 11]
    assert (data.x_train[:, 0, 0, 0] // 10 == data.y_train).all()
    assert data.note == f"loaded from {path}"


def test_the_second_load_does_not_decode(pets, monkeypatch):
    first = load(pets, validation=1)
    monkeypatch.setattr("nnscratch.data.sources.decode_images", None)
    second = load(pets, validation=1)
    assert (first.x_train == second.x_train).all()
    assert second.classes == ["cat", "dog"]


def test_a_changed_file_or_another_size_is_decoded_anew(pets):
    load(pets, validation=1)
    changed = pets / "test" / "cat" / "0.png"
    changed.write_bytes(picture(np.full((8, 6, 3), 77, np.uint8)))
    os.utime(changed, (1, 1))
    assert load(pets, validation=1).x_test[0, 0, 0, 0] == 77
    assert load(pets, validation=1, image=(4, 4)).image == (3, 4, 4)
    assert load(pets, validation=1).image == (3, 8, 6)


def test_a_cache_that_cannot_be_written_only_warns(pets, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(UserWarning, match="could not be kept"):
        data = load(pets, validation=1, cache=tmp_path / "file" / "cache")
    assert len(data.x_train) == 3


def test_validation_images_are_always_the_same_and_no_others(tmp_path, cifar_files):
    path = official(tmp_path, cifar_files, "python archive")
    small, large = load(path, validation=4), load(path, validation=8)
    assert (large.x_val[-4:] == small.x_val).all()
    assert (small.x_train[:12] == large.x_train).all()
    pixels = [image.tobytes() for image in [*small.x_train, *small.x_val]]
    assert len(set(pixels)) == 20
    assert len(load(path, validation=0).x_val) == 0


@pytest.mark.parametrize(
    ("count", "message"), [(20, "holds 20 training images: set aside 19 or fewer"), (-1, "0 or more")]
)
def test_too_many_validation_images_are_refused(tmp_path, cifar_files, count, message):
    with pytest.raises(DataError, match=message):
        load(official(tmp_path, cifar_files, "python archive"), validation=count)


def test_a_wrong_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="'shapse10': did you mean 'shapes10'"):
        load("shapse10")


@pytest.mark.parametrize("path", ["nowhere/at/all", "missing.tar.gz"])
def test_a_path_that_does_not_exist_is_named(path):
    with pytest.raises(DataError, match=f"there is no file or folder {path}: check the path, or choose from auto"):
        load(path)


def test_a_folder_without_data_says_what_belongs_there(tmp_path):
    with pytest.raises(DataError, match="holds no data: put CIFAR-10 there, or images as train/CLASS"):
        load(tmp_path)


def test_an_archive_without_data_says_what_belongs_there(tmp_path):
    with pytest.raises(DataError, match="holds no images under train/CLASS/"):
        load(write_tar(tmp_path / "other.tar.gz", {"readme.txt": b"hello"}))


def test_a_truncated_archive_is_refused(tmp_path, cifar_files):
    path = official(tmp_path, cifar_files, "python archive")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match="truncated or damaged"):
        load(path, validation=1)


def test_shapes10_by_name(small_shapes):
    data = load("shapes10", validation=10)
    assert data.name == "shapes10"
    assert len(data.x_val) == 10


def test_auto_takes_the_users_folder_first(tmp_path, cifar_files, monkeypatch):
    path = official(tmp_path / "mine", cifar_files, "python folder")
    monkeypatch.setenv("NNSCRATCH_DATA", str(path.parent))
    data = load(validation=1)
    assert data.name == "CIFAR-10"
    assert data.note == f"taken from NNSCRATCH_DATA: {path}"
    monkeypatch.setenv("NNSCRATCH_DATA", str(path))
    assert load("cifar10", validation=1).name == "CIFAR-10"


def test_auto_takes_image_archives_from_the_users_folder(tmp_path, monkeypatch):
    folder = write_image_folder(tmp_path / "made")
    (tmp_path / "mine").mkdir()
    path = write_tar(tmp_path / "mine" / "cifar10-images.tar.xz", contents(folder), compression="xz")
    monkeypatch.setenv("NNSCRATCH_DATA", str(path.parent))
    assert load(validation=1).name == "cifar10-images"


def test_only_cifar10_passes_for_cifar10(tmp_path, pets, monkeypatch):
    monkeypatch.setenv("NNSCRATCH_DATA", str(pets))
    assert load(validation=1).name == "pets"
    with pytest.raises(DataError, match="pets is not CIFAR-10, its classes are cat, dog: load it by its path"):
        load("cifar10", validation=1)
    (tmp_path / "mine").mkdir()
    write_tar(tmp_path / "mine" / "cifar-100-python.tar.gz", {"cifar-100-python/train": b"x"})
    assert find_in(tmp_path / "mine") is None


def test_a_users_folder_that_does_not_exist_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("NNSCRATCH_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match="NNSCRATCH_DATA is .*typo, which does not exist"):
        load()


def test_auto_falls_back_to_shapes10_and_says_why(small_shapes, monkeypatch, tmp_path):
    monkeypatch.setenv("NNSCRATCH_DATA", str(tmp_path))
    data = load()
    assert data.name == "shapes10"
    for part in (
        "there is none in NNSCRATCH_DATA",
        "none in the cache",
        "downloading is switched off",
        "To train on CIFAR-10",
    ):
        assert part in data.note


def test_auto_asks_no_mirror_when_offline(small_shapes, monkeypatch):
    monkeypatch.setattr(web, "reachable", None)
    assert load().name == "shapes10"
    monkeypatch.setenv("NNSCRATCH_OFFLINE", "0")
    assert load(download=False).name == "shapes10"


@pytest.fixture
def mirror(tmp_path, cifar_files, monkeypatch):
    """A server on this machine as the only mirror of a tiny CIFAR-10; returns its folder."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    path = official(folder, cifar_files, "python archive")
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *args: None)
    monkeypatch.setenv("NNSCRATCH_OFFLINE", "0")
    monkeypatch.setattr(web, "MD5", md5)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setattr(web, "MIRRORS", (f"http://127.0.0.1:{server.server_address[1]}/{web.ARCHIVE}",))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder
        server.shutdown()


@pytest.mark.parametrize("source", ["auto", "cifar10"])
def test_cifar10_is_downloaded_once_and_then_cached(mirror, cache, source):
    first = load(source, validation=1)
    assert first.name == "CIFAR-10"
    assert first.note == f"downloaded to {cache / web.ARCHIVE}"
    (mirror / web.ARCHIVE).unlink()
    second = load(source, validation=1)
    assert second.note == f"taken from the cache: {cache / web.ARCHIVE}"
    assert (first.x_train == second.x_train).all()


def test_a_damaged_archive_in_the_cache_is_never_used(mirror, cache, small_shapes):
    cache.mkdir()
    (cache / web.ARCHIVE).write_bytes(b"half")
    assert load(validation=1).note.startswith("downloaded")
    (cache / web.ARCHIVE).write_bytes(b"half")
    note = load(validation=1, download=False).note
    assert f"{cache / web.ARCHIVE} is damaged" in note


def test_mirrors_that_fail_lead_to_shapes10_or_an_error(mirror, small_shapes):
    (mirror / web.ARCHIVE).write_bytes(b"something else")
    data = load(validation=1)
    assert data.name == "shapes10"
    assert "it could not be downloaded" in data.note
    assert "MD5" in data.note
    with pytest.raises(DownloadError, match="(?s)MD5.*by hand"):
        load("cifar10")
    (mirror / web.ARCHIVE).unlink()
    assert "answers 404" in load(validation=1).note


def test_cifar10_by_name_is_an_error_when_it_cannot_be_had():
    with pytest.raises(
        DownloadError, match="(?s)downloading is switched off.*To bring the data by hand.*--data shapes10"
    ):
        load("cifar10")


@pytest.mark.slow
def test_the_real_images(real_cifar):
    data, (first, second) = real_cifar
    assert data.name == "CIFAR-10, JPEG copy"
    assert data.classes == CLASSES
    assert [len(data.x_train), len(data.x_val), len(data.x_test)] == [49_000, 1_000, 10_000]
    assert np.bincount(data.y_test).tolist() == [1000] * 10
    assert np.bincount(np.concatenate([data.y_train, data.y_val])).tolist() == [5000] * 10
    assert second < first


@pytest.mark.slow
def test_the_real_images_have_the_known_colours(real_cifar):
    data, _ = real_cifar
    mean = data.x_train.mean(axis=(0, 2, 3)) / 255
    std = data.x_train.std(axis=(0, 2, 3)) / 255
    assert np.abs(mean - [0.4914, 0.4822, 0.4465]).max() < 0.005
    assert np.abs(std - [0.247, 0.2435, 0.2616]).max() < 0.005
