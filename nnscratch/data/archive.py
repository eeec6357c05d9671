"""Read the files of a folder, a tar or a zip into memory; nothing is ever unpacked to disk."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from nnscratch.data.dataset import DataError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error, tarfile.TarError, zipfile.BadZipFile)


def is_archive(path: Path) -> bool:
    """Whether the file's name ends like that of an archive.

    >>> is_archive(Path("images.tar.xz")), is_archive(Path("cat.png"))
    (True, False)
    """
    return path.name.lower().endswith(SUFFIXES)


def plain_name(path: Path) -> str:
    """Return the name of a folder or an archive without its ending.

    >>> plain_name(Path("data/pets.tar.gz"))
    'pets'
    """
    lower = path.name.lower()
    ending = max((suffix for suffix in SUFFIXES if lower.endswith(suffix)), key=len, default="")
    return path.name[: len(path.name) - len(ending)]


def read_files(path: Path, wanted: Callable[[PurePosixPath], bool]) -> dict[PurePosixPath, bytes]:
    """Return the wanted files by their paths inside the folder or archive, in alphabetical order.

    Hidden files and the `__MACOSX` that some archivers add are passed over.
    Raises DataError when the archive is truncated, damaged or of an unknown kind.

    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "cat.txt").write_text("miaow")
    >>> read_files(folder, lambda name: name.suffix == ".txt")
    {PurePosixPath('cat.txt'): b'miaow'}
    """

    def keep(name: PurePosixPath) -> bool:
        return wanted(name) and not any(part.startswith(".") or part == "__MACOSX" for part in name.parts)

    if path.is_dir():
        members = _folder(path, keep)
    elif not is_archive(path):
        raise DataError(
            f"{path} is no archive that can be read: give a folder or a file ending in {', '.join(SUFFIXES)}"
        )
    else:
        members = _zip(path, keep) if path.name.lower().endswith(".zip") else _tar(path, keep)
    try:
        return dict(sorted(members))
    except DAMAGE as error:
        if path.is_dir():
            raise DataError(f"a file in {path} cannot be read ({error}): check its permissions") from error
        raise DataError(
            f"{path} is truncated or damaged ({error}): fetch the file again and compare its size or checksum"
        ) from error


def _folder(path: Path, keep) -> Iterator[tuple[PurePosixPath, bytes]]:
    for file in path.rglob("*"):
        name = PurePosixPath(file.relative_to(path).as_posix())
        if keep(name) and file.is_file():
            yield name, file.read_bytes()


def _zip(path: Path, keep) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename)
            if not member.is_dir() and keep(name):
                yield name, archive.read(member)


def _tar(path: Path, keep) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Unpack the whole tar in memory first: its readers take some truncated streams for complete ones."""
    content = _decompress(path)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if member.isfile() and keep(name):
                data = content[member.offset_data : member.offset_data + member.size]
                if len(data) < member.size:
                    raise EOFError(f"it ends inside {name}")
                yield name, data
        if any(content[archive.offset : archive.offset + tarfile.BLOCKSIZE] or b"?"):
            raise EOFError("its end is missing")


def _decompress(path: Path) -> bytes:
    """The bytes of the tar, whatever it is compressed with; the first bytes tell, not the name."""
    with path.open("rb") as file:
        start = file.read(6)
    for magic, module in ((b"\x1f\x8b", gzip), (b"BZh", bz2), (b"\xfd7zXZ\x00", lzma)):
        if start.startswith(magic):
            with module.open(path) as file:
                return file.read()
    return path.read_bytes()
