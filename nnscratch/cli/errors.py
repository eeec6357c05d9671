"""Turn errors into messages with a remedy, and into exit codes; tracebacks are for --debug."""

import contextlib
import errno
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REMEDIES = {
    errno.ENOSPC: "the disk is full: make room, or choose a folder on another disk with --out",
    getattr(
        errno, "EDQUOT", -1
    ): "your share of the disk is used up: make room, or choose another disk with --out",
    errno.EROFS: "it cannot be written to: choose another folder with --out",
    errno.EACCES: "you may not read or write there: check its permissions, or choose another folder",
    errno.EPERM: "you may not read or write there: check its permissions, or choose another folder",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a part of the path is a file, not a folder: check the path",
    errno.EISDIR: "give the path of a file",
    errno.EEXIST: "choose another name",
}


@dataclass
class Outcome:
    """The exit code of a command.

    >>> Outcome().code
    0
    """

    code: int = 0


@contextlib.contextmanager
def reported(debug: bool = False) -> Iterator[Outcome]:
    """Run a command inside this block: errors and warnings go to stderr as messages, the code into the outcome.

    2 stands for input that cannot be used, 3 for an error in nnscratch itself, 130 for Ctrl-C.

    >>> with reported() as outcome:
    ...     raise ValueError("unknown model 'lent'")
    >>> outcome.code
    2
    """
    outcome = Outcome()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            yield outcome
            sys.stdout.flush()
        except SystemExit as stop:
            outcome.code = stop.code if isinstance(stop.code, int) else 2 if stop.code else 0
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            outcome.code = 130
        except BrokenPipeError:  # the reader has seen enough, as in `nnscratch evaluate RUN | head`
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        except Exception as error:
            outcome.code = 2 if is_about_input(error) else 3
            if debug:
                traceback.print_exc()
            elif outcome.code == 2:
                print(f"nnscratch: {message_of(error)}", file=sys.stderr)
            else:
                print(
                    f"nnscratch: unexpected {type(error).__name__}: {error}\n"
                    "This is an error in nnscratch: run the command again with --debug to see where",
                    file=sys.stderr,
                )


def is_about_input(error: Exception) -> bool:
    """Tell the errors that a user can mend from those that only nnscratch's authors can.

    >>> is_about_input(ValueError("unknown model")), is_about_input(KeyError("w"))
    (True, False)
    """
    return _is_our_own(error) or type(error) is ValueError or isinstance(error, (OSError, MemoryError))


def message_of(error: Exception) -> str:
    """Return what went wrong and what to do about it.

    >>> message_of(IsADirectoryError(errno.EISDIR, "Is a directory", "runs"))
    'runs: Is a directory; give the path of a file'
    """
    if isinstance(error, MemoryError) and not _is_our_own(error):
        return "there is not enough memory: use a smaller --batch-size, a smaller --width or --train-images"
    if isinstance(error, OSError) and type(error).__module__ == "builtins" and error.errno:
        remedy = REMEDIES.get(error.errno)
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}" + (f"; {remedy}" if remedy else "")
    return str(error)


@contextlib.contextmanager
def blamed_on(path: Path | str | None) -> Iterator[None]:
    """Turn an exception that comes out of the user's file `path` into an OverrideError with the line.

    >>> with blamed_on(None):
    ...     print("no file, nothing changes")
    no file, nothing changes
    """
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__) if path else []
        own = [frame for frame in frames if Path(frame.filename).resolve() == Path(str(path)).resolve()]
        if not own:
            raise
        from nnscratch.layers.override import OverrideError

        where = f"{path}, line {own[-1].lineno}, in {own[-1].name}"
        raise OverrideError(f"{where}: {type(error).__name__}: {error}") from error


def _is_our_own(error):
    return type(error).__module__.split(".")[0] == "nnscratch"


def _show_warning(message, category, filename, lineno, file=None, line=None):
    if sys.stderr.isatty() and "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(f"warning: {message}", file=sys.stderr)
    else:
        print(f"warning: {message}", file=sys.stderr)
