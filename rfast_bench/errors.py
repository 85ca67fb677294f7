"""What a command ends with in one message: what goes wrong by the user's hand (exit code 2), and failed runs (1)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LINES, LONGEST_LINE, LONGEST = 200, 3000, 16_000
"""Of a message: its lines, characters of a line, characters in all."""


def _cut(line: str) -> str:
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"


class UserError(Exception):
    """Bad input. `str(error)` is the whole message: where, what was found, what is allowed."""

    exit_code = 2
    """How a command ends on it, unless a kind of it says otherwise: failed runs (`study/sweep.py`) end with 1."""

    def __str__(self) -> str:
        """What was found in a file may be of any length; the message stays one that can be read."""
        lines = super().__str__().split("\n")
        shown = [_cut(line) for line in lines[:MOST_LINES]]
        while sum(map(len, shown)) > LONGEST:
            shown.pop()
        more = [f"and {len(lines) - len(shown)} lines more"] if len(shown) < len(lines) else []
        return "\n".join([*shown, *more])


class Unsound(UserError):
    """A topology breaks the condition under which its algorithm converges (refused before any run)."""


class CannotRun(Exception):
    """An algorithm does not apply in a setting; `str(error)` is the reason that the tables show."""


def suggest(word: str, allowed: Iterable[str]) -> str:
    """The end of a message about a word that is not known: the closest one, if any, and all of them."""
    words = list(allowed)
    return f"{nearest(word, words) or '.'} Allowed: {', '.join(words)}"


def nearest(word: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest allowed word, or nothing when none is close."""
    close = get_close_matches(word, list(allowed), n=1, cutoff=0.6) if isinstance(word, str) else ()
    return f"; did you mean '{close[0]}'?" if close else ""
