"""Folders of pictures become arrays with classes in alphabetical order; what is wrong with them is named."""

from pathlib import PurePosixPath

import numpy as np
import pytest

from nnscratch.data import image_folder
from nnscratch.data.dataset import DataError
from nnscratch.data.image_folder import decode_images, image_place, open_picture
from tests.data.samples import contents, picture, write_image_folder


def decode(folder, **options):
    files = {PurePosixPath(name): content for name, content in contents(folder).items()}
    return decode_images(files, "pets", **options)


def test_pictures_and_labels_stay_together(pets):
    arrays = decode(pets)
    assert arrays["classes"].tolist() == ["cat", "dog"]
    assert arrays["x_train"].shape == (4, 3, 8, 6)
    assert arrays["x_train"][:, 0, 0, 0].tolist() == [0, 1, 10, 11]
    assert arrays["y_train"].tolist() == [0, 0, 1, 1]
    assert arrays["x_test"][:, 2, 7, 5].tolist() == [0, 10]
    assert arrays["y_test"].tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_colours_rows_and_columns_are_in_their_places(tmp_path, kind):
    image = np.zeros((16, 24, 3), np.uint8)
    image[:8, :, 0], image[:, :16, 2] = 200, 100
    for split in ("train", "test"):
        (tmp_path / split / "flag").mkdir(parents=True)
        (tmp_path / split / "flag" / f"1.{kind.upper()}").write_bytes(picture(image, kind))
    x = decode(tmp_path)["x_train"][0]
    assert np.abs(x.astype(int) - image.transpose(2, 0, 1)).max() <= (0 if kind == "png" else 60)
    assert np.abs(x.astype(int) - image.transpose(2, 0, 1)).mean() < 5


def test_grey_and_transparent_pictures_become_rgb():
    grey = open_picture(picture(np.full((4, 5), 7, np.uint8)), "grey.png")
    clear = open_picture(picture(np.full((4, 5, 4), 7, np.uint8)), "clear.png")
    assert grey.shape == clear.shape == (4, 5, 3)
    assert (grey == 7).all()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("train/cat/1.png", ("train", "cat")),
        ("pets/test/dog/1.JPEG", ("test", "dog")),
        ("train/cat/images/1.jpg", ("train", "cat")),
        ("a/b/train/cat/1.png", None),
        ("train/1.png", None),
        ("pets/train/1.png", None),
        ("train/cat/1.txt", None),
        ("val/cat/1.png", None),
    ],
)
def test_where_a_picture_belongs(name, place):
    assert image_place(PurePosixPath(name)) == place


def test_other_files_are_ignored(pets):
    (pets / "labels.txt").write_text("cat dog")
    (pets / "train" / "cat" / "Thumbs.db").write_bytes(b"x")
    assert len(decode(pets)["x_train"]) == 4


def test_different_sizes_name_two_files_unless_a_size_is_given(pets):
    (pets / "train" / "dog" / "0.png").write_bytes(picture(np.full((9, 20, 3), 50, np.uint8)))
    with pytest.raises(DataError) as error:
        decode(pets)
    assert "train/cat/0.png is 8x6 and train/dog/0.png is 9x20" in str(error.value)
    assert "give image=(H, W)" in str(error.value)
    arrays = decode(pets, image=(5, 4))
    assert arrays["x_train"].shape == (4, 3, 5, 4)
    assert arrays["x_train"][2, 0, 2, 2] == 50


def test_resizing_keeps_the_centre_and_the_proportions():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 255
    assert open_picture(picture(image), "wide.png", (10, 10)).min() > 200


def test_more_images_than_the_memory_holds_are_refused_before_they_are_decoded(pets, monkeypatch):
    monkeypatch.setattr(image_folder, "_memory", lambda: 16e9)
    assert decode(pets, image=(256, 256))["x_train"].shape == (4, 3, 256, 256)
    with pytest.raises(
        DataError, match=r"6 images of 30000x30000 need 32.4 GB of memory, and the machine has 16.0"
    ):
        decode(pets, image=(30_000, 30_000))


def test_a_size_that_differs_in_the_test_set_is_noticed(pets):
    (pets / "test" / "dog" / "0.png").write_bytes(picture(np.zeros((3, 3, 3), np.uint8)))
    with pytest.raises(DataError, match="train/cat/0.png is 8x6 and test/dog/0.png is 3x3"):
        decode(pets)


@pytest.mark.parametrize("content", [b"", b"no picture", picture(np.zeros((40, 40, 3), np.uint8))[:60]])
def test_a_broken_picture_is_named(pets, content):
    (pets / "test" / "cat" / "0.png").write_bytes(content)
    with pytest.raises(
        DataError, match="pets: test/cat/0.png cannot be decoded .*: replace the file or leave it out"
    ):
        decode(pets)


def test_classes_that_differ_are_listed(pets):
    (pets / "test" / "dog").rename(pets / "test" / "wolf")
    with pytest.raises(DataError, match="only train has dog: add them to test, or remove them from train"):
        decode(pets)
    (pets / "train" / "dog").rename(pets / "train" / "wolf")
    (pets / "test" / "emu").mkdir()
    (pets / "test" / "emu" / "1.png").write_bytes(picture(np.zeros((8, 6, 3), np.uint8)))
    with pytest.raises(DataError, match="only test has emu"):
        decode(pets)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_missing_split_is_named(pets, split):
    (pets / split).rename(pets / "other")
    with pytest.raises(DataError, match=f"pets holds no images under {split}/CLASS/: lay them out as"):
        decode(pets)


def test_many_pictures_on_several_threads_keep_their_order(tmp_path):
    folder = write_image_folder(tmp_path / "many", classes=[f"c{number:02}" for number in range(20)])
    arrays = decode(folder)
    assert arrays["x_train"][:, 0, 0, 0].tolist() == [10 * label + n for label in range(20) for n in range(2)]
