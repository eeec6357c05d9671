"""A screen that is redrawn without flicker, and single keys from the keyboard."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"  # terminals that know it show all between at once; others pass it over


class Screen:
    """Shows one page after another: on a terminal in place, in a log file one below the other.

    A page is written in one piece, line over line, and only if it differs from the one that is there: nothing is
    ever cleared first, so nothing flickers.

    >>> screen = Screen(io.StringIO())
    >>> with screen:
    ...     screen.show(["task"])
    ...     screen.show(["task"])
    >>> screen.stream.getvalue()
    'task\\n'
    """

    def __init__(self, stream: Any = None) -> None:
        self.stream = stream or sys.stdout
        self.is_terminal = (
            bool(getattr(self.stream, "isatty", lambda: False)()) and os.environ.get("TERM") != "dumb"
        )
        self._shown: tuple[int, int, list[str]] = (0, 0, [])

    def __enter__(self) -> "Screen":
        if self.is_terminal:
            self._write(ENTER)
        return self

    def __exit__(self, *error: Any) -> None:
        if self.is_terminal:
            self._write(LEAVE)

    def size(self) -> tuple[int, int]:
        """Return columns and lines of the terminal; 100 columns and no end of lines for a log file."""
        if self.is_terminal:
            with contextlib.suppress(OSError, ValueError):
                size = os.get_terminal_size(self.stream.fileno())
                return max(size.columns, 20), max(size.lines, 5)
        return 100, 10_000

    def show(self, top: list[Any], bottom: list[Any] | None = None) -> None:
        """Show renderables, those of `bottom` at the foot of the screen; what does not fit between is cut."""
        columns, rows = self.size()
        upper, lower = self._lines(top, columns), self._lines(bottom or [], columns)
        room = rows - len(lower)
        if len(upper) > room:
            upper = [*upper[: max(room - 1, 0)], "..."]
        if self.is_terminal:
            upper += [""] * (room - len(upper))
        page = (columns, rows, upper + lower)
        if page == self._shown:
            return
        self._shown = page
        if self.is_terminal:
            body = "\r\n".join(line + REST_OF_LINE for line in page[2])
            self._write(BEGIN + HOME + body + REST_OF_SCREEN + END)
        else:
            self._write("\n".join(page[2]) + "\n")

    def _lines(self, items, columns):
        from rich.console import Console

        written = io.StringIO()
        console = Console(
            file=written,
            width=min(columns, 100),
            force_terminal=self.is_terminal,
            highlight=False,
            no_color=None if self.is_terminal else True,
        )
        for item in items:
            console.print(item, markup=False) if isinstance(item, str) else console.print(item)
        text = written.getvalue()
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
        return text.splitlines()

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()


@contextlib.contextmanager
def keys() -> Iterator[Any]:
    """Give a function that returns the key pressed since the last call, or "", without waiting.

    >>> with keys() as pressed:
    ...     pressed() in ("", None)
    True
    """
    try:
        import termios
        import tty

        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (ImportError, OSError, ValueError, io.UnsupportedOperation, AttributeError):
        yield _windows_key()
        return
    except Exception as error:  # termios.error: no terminal
        if type(error).__name__ != "error":
            raise
        yield lambda: ""
        return

    def pressed():
        import select

        if select.select([descriptor], [], [], 0)[0]:
            return os.read(descriptor, 64).decode(errors="replace")[:1]
        return ""

    try:
        tty.setcbreak(descriptor)
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _windows_key():
    try:
        import msvcrt
    except ImportError:
        return lambda: ""
    return lambda: msvcrt.getwch() if msvcrt.kbhit() and sys.stdin.isatty() else ""  # type: ignore[attr-defined]
