"""Text as whole numbers: a vocabulary of characters, and a text cut into rows for training and measuring."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


class TextError(ValueError):
    """A text that cannot be used: empty, too short, no text at all, or with characters that are not known."""


class Vocabulary:
    """The characters that a model knows, in order; a character's number is its place.

    Raises TextError when there are none, or one is listed twice.

    >>> vocabulary = Vocabulary.of("abba")
    >>> len(vocabulary), vocabulary.encode("bab"), vocabulary.decode([1, 0])
    (2, array([1, 0, 1]), 'ba')
    """

    def __init__(self, characters: str) -> None:
        if not characters or len(set(characters)) != len(characters):
            raise TextError(
                f"a vocabulary of {len(characters)} characters, {len(set(characters))} of them different: "
                "list every character once, or use Vocabulary.of(text)"
            )
        self.characters = characters
        self._numbers = {character: number for number, character in enumerate(characters)}

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """Return the vocabulary of all characters of a text, sorted."""
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers (len(text),) of the characters; raises TextError for one that is not known."""
        try:
            return np.array([self._numbers[character] for character in text], np.int64)
        except KeyError as error:
            [unknown] = error.args
            raise TextError(
                f"unknown character {unknown!r} at place {text.index(unknown)}: replace it; the "
                f"{len(self)} known ones are {self.characters!r}"
            ) from None

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text that the numbers stand for."""
        return "".join(self.characters[number] for number in numbers)

    def __len__(self) -> int:
        return len(self.characters)


class TextData:
    """A long text, cut for training on what follows each character; it is data for the Solver.

    The first part is for training, then come a share `val` and a share `test` held out. The training text is laid
    out as `streams` texts side by side, each cut into pieces of `length` characters: `x_train` (rows, length)
    holds the first piece of every stream, then the second ones, and so on, so that batches of `streams` rows, not
    shuffled, go through all streams at once and a layer can carry its state from batch to batch. `y_train` holds
    the characters that follow. x_val and x_test are rows of up to 256 characters. `characters`: the vocabulary;
    those of the text unless given.

    Raises TextError when the text is empty or too short, or holds characters that are not among those given.

    >>> data = TextData("to be or not to be, that is the question. " * 3, streams=2, length=4)
    >>> data.vocabulary.decode(data.x_train[0]), data.vocabulary.decode(data.y_train[0])
    ('to b', 'o be')
    >>> data.vocabulary.decode(data.x_train[2])  # the first stream goes on
    'e or'
    """

    shuffle = False

    def __init__(
        self,
        text: str,
        streams: int = 64,
        length: int = 64,
        val: float = 0.05,
        test: float = 0.05,
        characters: str | None = None,
        name: str = "own text",
    ) -> None:
        if not text:
            raise TextError(f"{name} is empty: give a text")
        if streams < 1 or length < 1 or min(val, test) < 0 or val + test >= 1:
            raise TextError(
                f"streams={streams}, length={length}, val={val}, test={test}: streams and length are 1 or more, "
                "val and test shares that leave something to train on"
            )
        self.name, self.note, self.streams, self.length = name, f"{len(text):,} characters", streams, length
        self.vocabulary = Vocabulary(characters) if characters is not None else Vocabulary.of(text)
        numbers = self.vocabulary.encode(text)
        held_out = [int(share * len(text)) for share in (val, test)]
        kept = len(text) - sum(held_out)
        self.test_text = text[len(text) - held_out[1] :] if held_out[1] > 1 else ""
        pieces = (kept - 1) // (streams * length)
        if pieces < 1:
            raise TextError(
                f"{name}: {kept:,} characters are too few for {streams} streams in pieces of {length}: "
                f"at least {streams * length + 1:,} are needed; use fewer streams, shorter pieces or more text"
            )
        self.x_train, self.y_train = _streams(numbers, streams, length, pieces)
        self.x_val, self.y_val = _rows(numbers[kept : kept + held_out[0]])
        self.x_test, self.y_test = _rows(numbers[kept + held_out[0] :])

    @property
    def classes(self) -> list[str]:
        """The characters, of which one follows."""
        return list(self.vocabulary.characters)

    @property
    def num_classes(self) -> int:
        """How many characters there are."""
        return len(self.vocabulary)

    def __repr__(self) -> str:
        pieces = len(self.x_train) // self.streams
        return (
            f"TextData({self.name}: {self.note}, {self.num_classes} different; {self.streams} streams of {pieces} "
            f"pieces of {self.length})"
        )


def read_text(path: Path | str) -> str:
    """Return the text of a UTF-8 file; raises TextError when it is none, or empty.

    >>> path = getfixture("tmp_path") / "short.txt"
    >>> _ = path.write_bytes(b"to be")
    >>> read_text(path)
    'to be'
    """
    if not Path(path).is_file():
        raise TextError(f"there is no file {path}: give the path of a text")
    content = Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(f"{path} is no text in UTF-8 (byte {error.start}): save it as UTF-8") from None
    if not text:
        raise TextError(f"{path} is empty: give a text")
    return text.replace("\r\n", "\n")


def _streams(numbers, streams, length, pieces) -> tuple[Any, Any]:
    """Cut numbers into (pieces * streams, length), the same piece of all streams together; x, and y one later."""

    def cut(first):
        part = numbers[first : first + streams * pieces * length]
        return np.ascontiguousarray(part.reshape(streams, pieces, length).swapaxes(0, 1)).reshape(-1, length)

    return cut(0), cut(1)


def _rows(numbers, length=256) -> tuple[Any, Any]:
    """Cut numbers into x and y (rows, length), y one later; a short text is one row, or none at all."""
    length = min(length, len(numbers) - 1)
    if length < 1:
        return np.zeros((0, 1), np.int64), np.zeros((0, 1), np.int64)
    rows = (len(numbers) - 1) // length
    return numbers[: rows * length].reshape(rows, length), numbers[1 : rows * length + 1].reshape(rows, length)
