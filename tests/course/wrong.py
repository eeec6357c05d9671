"""The form of a typical wrong answer."""

from typing import NamedTuple


class Wrong(NamedTuple):
    """A wrong answer: `source` of the function in place of the solution's, and words of which one must be told.

    `says` holds kinds of the doctor, places, or phrases; a report must contain at least one of them.
    """

    exercise: str
    words: str
    source: str
    says: tuple[str, ...]
