"""A command-line parser whose errors are short and name the nearest option, and the types of its values."""

import argparse
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from nnscratch.choices import choose


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that keeps the line breaks of its epilog and suggests what a misspelt option was to be.

    >>> Parser(prog="nnscratch train").parse_args(["--debug"]).debug
    True
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_Formatter, allow_abbrev=False, **settings)
        self.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)

    def parse_known_args(self, args=None, namespace=None):
        """Parse, and refuse what is left over, naming the nearest option."""
        namespace, rest = super().parse_known_args(args, namespace)
        if rest:
            options = [name for name in self._option_string_actions if name != "--debug"]
            near = get_close_matches(rest[0].partition("=")[0], options, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            self.error(f"unknown {'option' if rest[0].startswith('-') else 'argument'} {rest[0]}: {guess}")
        return namespace, rest

    def error(self, message: str) -> NoReturn:
        """Print the message and where to look; exit with code 2."""
        self.exit(2, f"{self.prog}: {message.rstrip(': ')}\nall options: {self.prog} --help\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the epilog as written, gives the options room, and lists commands without a heading of their own."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=32, width=100)
        self._action_max_length = 13

    def _format_action(self, action):
        text = super()._format_action(action)
        return text.partition("\n")[2] if isinstance(action, argparse._SubParsersAction) else text


def add_command(commands: Any, name: str, help: str, epilog: str) -> Any:
    """Add a command to the command line and return its parser.

    >>> parser = Parser(prog="nnscratch")
    >>> add_command(parser.add_subparsers(), "info", "show versions", "").prog
    'nnscratch info'
    """
    return commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.", epilog=epilog)


def whole(least: int = 0) -> Callable[[str], int]:
    """Return a type for whole numbers from `least` on.

    >>> whole(1)("128")
    128
    """

    def convert(text):
        try:
            number = int(text.replace("_", ""))
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} will not do: give a whole number, {least} or more")
        return number

    return convert


def real(least: float = 0.0, most: float = float("inf")) -> Callable[[str], float]:
    """Return a type for numbers from `least` to `most`.

    >>> real(0, 1)("0.5")
    0.5
    """
    room = f"from {least:g} to {most:g}" if most < float("inf") else f"{least:g} or more"

    def convert(text):
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not least <= number <= most or number == float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} will not do: give a number, {room}")
        return number

    return convert


def one_of(options: Iterable[str], what: str) -> Callable[[str], str]:
    """Return a type for one of several words; another word is refused with the nearest of them.

    >>> one_of(["train", "val", "test"], "split")("test")
    'test'
    """
    known = {option: option for option in options}

    def convert(text):
        try:
            return choose(text, known, what)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def image_size(text: str) -> tuple[int, int]:
    """Turn "64" or "48x64" into (height, width) in pixels.

    >>> image_size("48x64"), image_size("32")
    ((48, 64), (32, 32))
    """
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdigit() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} will not do: give pixels, such as 64, or HEIGHTxWIDTH")
    return int(sides[0]), int(sides[-1])
