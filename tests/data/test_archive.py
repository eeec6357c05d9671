"""Folders, tars and zips give the same files; damaged ones are refused, and none is unpacked to disk."""

import tarfile

import pytest

from nnscratch.data.archive import is_archive, plain_name, read_files
from nnscratch.data.dataset import DataError
from tests.data.samples import write_tar, write_zip

FILES = {"train/cat/1.png": b"one" * 3000, "train/cat/2.png": b"", "notes.txt": b"three"}


def everything(name):
    return True


def named(files):
    return {name.as_posix(): content for name, content in files.items()}


def write(path, kind, files=FILES):
    return write_zip(path, files) if kind == "zip" else write_tar(path, files, compression=kind)


@pytest.mark.parametrize(
    ("ending", "kind"),
    [(".tar", ""), (".tar.gz", "gz"), (".tgz", "gz"), (".tar.xz", "xz"), (".tar.bz2", "bz2"), (".ZIP", "zip")],
)
def test_every_kind_gives_the_same_files(tmp_path, ending, kind):
    path = write(tmp_path / f"pets{ending}", kind)
    assert is_archive(path)
    assert plain_name(path) == "pets"
    assert named(read_files(path, everything)) == FILES
    assert [*tmp_path.iterdir()] == [path]


def test_a_folder_gives_the_same_files(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert named(read_files(tmp_path, everything)) == FILES
    assert plain_name(tmp_path / "pets.v1") == "pets.v1"


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_hidden_files_and_macosx_are_passed_over(tmp_path, kind):
    clutter = {"__MACOSX/train/cat/1.png": b"x", "train/cat/._1.png": b"x", ".git/a.png": b"x"}
    path = write(tmp_path / ("pets.zip" if kind == "zip" else "pets.tar.gz"), kind, {**FILES, **clutter})
    assert named(read_files(path, everything)) == FILES


def test_only_wanted_files_are_read(tmp_path):
    path = write_tar(tmp_path / "pets.tar.gz", FILES)
    assert list(named(read_files(path, lambda name: name.suffix == ".txt"))) == ["notes.txt"]


@pytest.mark.parametrize(
    ("ending", "kind"), [(".tar", ""), (".tar.gz", "gz"), (".tar.xz", "xz"), (".tar.bz2", "bz2"), (".zip", "zip")]
)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.3, 0.5, 0.7, 0.99])
def test_a_truncated_archive_is_refused_wherever_it_ends(tmp_path, ending, kind, share):
    files = {f"train/cat/{number}.png": bytes([number]) * 700 for number in range(20)}
    path = write(tmp_path / f"pets{ending}", kind, files)
    content = path.read_bytes()
    end = len(content) if kind else content.rindex(bytes([19]) * 700) + 700
    path.write_bytes(content[: int(share * end)])
    with pytest.raises(DataError, match=r"pets.* is truncated or damaged .*: fetch the file again"):
        read_files(path, everything)


def test_a_tar_that_ends_between_two_files_is_refused(tmp_path):
    path = write_tar(tmp_path / "pets.tar", FILES, compression="")
    with tarfile.open(path) as archive:
        second = archive.getmembers()[1].offset
    path.write_bytes(path.read_bytes()[:second])
    with pytest.raises(DataError, match="its end is missing"):
        read_files(path, everything)


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zip"])
def test_a_changed_byte_is_noticed(tmp_path, kind):
    path = write(tmp_path / ("pets.zip" if kind == "zip" else f"pets.tar.{kind}"), kind)
    content = bytearray(path.read_bytes())
    content[100 if kind != "zip" else content.index(b"oneone")] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(DataError, match="truncated or damaged"):
        read_files(path, everything)


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "pets.rar"
    path.write_bytes(b"x")
    with pytest.raises(
        DataError, match=r"pets.rar is no archive that can be read: give a folder or a file ending in .tar"
    ):
        read_files(path, everything)


def test_links_and_paths_that_lead_out_touch_nothing(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    path = inside / "evil.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("train/cat/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("../../outside.png"))
    files = named(read_files(path, everything))
    assert "train/cat/link.png" not in files
    assert [*tmp_path.rglob("*")] == [inside, path]
