"""Plain text as LaTeX: nothing in it is a command, and every sign is one that pdfLaTeX can print."""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"<": "$<$", ">": "$>$", "|": "$|$", '"': "''"},
    **{"±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "−": "$-$", "∞": r"$\infty$", "†": r"$\dagger$"},
    **{"≤": r"$\leq$", "≥": r"$\geq$", "‖": r"$\Vert$", "∇": r"$\nabla$", "µ": r"$\mu$", "→": r"$\to$"},
    **{"–": "--", "—": "---", "…": r"\ldots{}", "°": r"$^\circ$", "²": "$^2$", "³": "$^3$", "\u00a0": "~"},
    **{"’": "'", "‘": "`", "“": "``", "”": "''"},
}
_ALIKE = {"ο": "o", "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M"} | {
    **{"Ν": "N", "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": r"\Upsilon", "Χ": "X", "ς": r"\varsigma"}
}
"""Greek letters that have no command of their own."""


def as_tex(text: str) -> str:
    """Text whose every sign stands for itself in LaTeX.

    >>> as_tex("a_b & 5 %"), as_tex("γ < 1")
    ('a\\\\_b \\\\& 5 \\\\%', '$\\\\gamma$ $<$ 1')
    """
    composed = unicodedata.normalize("NFC", text).replace("x\u0304", "\ue000")
    return "".join(map(_sign, composed)).replace("\ue000", r"$\bar{x}$")


def _sign(sign: str) -> str:
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    if sign in _ALIKE:
        return f"${_ALIKE[sign]}$"
    if sign in "\n\t\r":
        return " "
    found = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)", unicodedata.name(sign, ""))
    if not found:
        return sign
    name = {"LAMDA": "LAMBDA"}.get(found[2], found[2])
    return f"$\\{name.capitalize() if found[1] == 'CAPITAL' else name.lower()}$"
