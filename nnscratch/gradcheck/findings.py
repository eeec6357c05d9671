"""What a check has found out about a mistake: its kind, where it is, how that shows and what to do."""

from dataclasses import dataclass

KINDS = (
    "constant-factor", "sign", "transposed", "missing-term", "missing-mask", "wrong-mask", "not-accumulated",
    "border", "stride", "wrong-cache-variable", "mutates", "wrong-shape", "wrong-dtype", "non-finite",
    "nondeterministic", "zero-gradient",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One mistake: its `kind` (one of KINDS, or "unknown"), where it is, how that shows, and what to do.

    `where` names an input or parameter, `dout`, `cache` or `out`. `line` is the place in the user's backward
    where the suspect is computed, such as "my_layers.py, line 12: dw = dout.T @ x", where it can be told.

    >>> print(Finding("sign", "w", "backward gives -1 times the right dw", "look for a lost minus"))
    sign in w: backward gives -1 times the right dw; look for a lost minus
    """

    kind: str
    where: str
    evidence: str
    advice: str
    line: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} in {self.where}: {self.evidence}; {self.advice}"

    def to_json(self) -> dict[str, str | None]:
        """Return the finding as a plain dict.

        >>> Finding("sign", "w", "-1 times", "flip it").to_json()["kind"]
        'sign'
        """
        names = ("kind", "where", "evidence", "advice", "line")
        return {name: getattr(self, name) for name in names}
