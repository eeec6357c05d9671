"""Write a file so that a crash at any moment leaves the old content or the new one, never half of it."""

import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path | str, content: bytes) -> None:
    """Write to a temporary file beside `path`, push it to the disk, and rename it into place.

    Raises OSError when it cannot be written (disk full, read-only folder); what was there before is then intact
    and the temporary file is gone.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "notes.txt")
    >>> write_atomically(path, b"all of it")
    >>> path.read_bytes()
    b'all of it'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder):
    """Push the renaming itself to the disk, on systems that can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
