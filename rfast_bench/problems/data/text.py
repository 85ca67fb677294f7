"""Text files, character by character: windows of tokens, each with the character that comes next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rfast_bench import files
from rfast_bench.errors import UserError
from rfast_bench.problems.data.files import readable
from rfast_bench.problems.data.raw import Raw


def read_text(path: Path, length: int, stride: int | None, test_fraction: float, where: str) -> Raw:
    """Tokens (M, length) and the next token (M,): a character's place among all that occur, sorted.

    The end of the text is held out, and no window reaches over the cut, so that nothing of it was seen before.
    Raises UserError.
    """
    with readable(path, f"{where}.path", "a text file in UTF-8", ValueError):
        text = files.read_text(path)
    letters = np.array(list(text)) if text else np.empty(0, "U1")
    names, tokens = np.unique(letters, return_inverse=True)
    cut = len(tokens) - round(test_fraction * len(tokens))
    if cut <= length or len(names) < 2:
        raise UserError(
            f"{where}.path: {path} has {len(tokens)} characters, {len(names)} different ones, of which {cut} "
            f"are for training; a window and what follows it take {length + 1}: allowed: a longer text or a "
            "smaller length"
        )
    parts = [_windows(tokens[:cut], length, stride or length)]
    if len(tokens) - cut > length:
        parts.append(_windows(tokens[cut:], length, stride or length))
    elif test_fraction > 0:
        raise UserError(
            f"{where}: the held-out end of {path}, {len(tokens) - cut} characters, holds no window of {length}; "
            "allowed: a larger test_fraction, or 0 for no held-out set"
        )
    test = parts[1] if len(parts) > 1 else (parts[0][0][:0], parts[0][1][:0])
    return Raw(*parts[0], test=test, classes=len(names), names=tuple(map(_visible, names.tolist())))


def _windows(tokens: np.ndarray, length: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    whole = sliding_window_view(tokens, length + 1)[::stride]
    return whole[:, :-1], whole[:, -1]


def _visible(letter: str) -> str:
    return letter if letter.isprintable() and letter != " " else repr(letter)[1:-1] if letter != " " else "␣"
