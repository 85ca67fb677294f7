"""LaTeX as far as tables need it: read by rules of our own, and compiled where there is a `pdflatex`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

PDFLATEX = shutil.which("pdflatex")


def tables(text: str) -> list[tuple[str, str, list[list[str]]]]:
    """(caption, label, rows of cells) of every table. Raises AssertionError for what LaTeX would stumble over."""
    found = []
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    _balanced(body)
    for table in re.findall(r"\\begin\{table\}\[htbp\](.*?)\\end\{table\}", body, re.DOTALL):
        caption = _argument(table, r"\caption")
        (label,) = re.findall(r"\\label\{([^}]*)\}", table)
        ((columns, inside),) = re.findall(
            r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", table, re.DOTALL
        )
        assert re.fullmatch(r"tab:[a-z0-9-]+", label)
        assert [line for line in inside.splitlines() if line.endswith("rule")] == [
            "\\toprule",
            "\\midrule",
            "\\bottomrule",
        ]
        rows = [line for line in inside.splitlines() if not line.endswith("rule")]
        cells = [re.split(r" (?<!\\)& ", _unended(row)) for row in rows]
        assert {len(row) for row in cells} == {len(columns)}, cells
        for row in [*cells, [caption]]:
            for cell in row:
                _printable(cell)
            assert not row[0].startswith(("[", "*")), "it would belong to the line break before it"
        found.append((caption, label, cells))
    assert len(found) == body.count("\\begin{table}")
    return found


def _unended(row: str) -> str:
    assert row.endswith(" \\\\"), row
    return row.removesuffix(" \\\\")


def _argument(text: str, command: str) -> str:
    start = text.index(command + "{") + len(command) + 1
    depth = 1
    for at in range(start, len(text)):
        escaped = text[at - 1] == "\\" and text[at - 2] != "\\"
        depth += 0 if escaped else {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start:at]
    raise AssertionError(f"{command} does not end")


def _balanced(text: str) -> None:
    bare = re.sub(r"\\[\\{}$]", "", text)
    depth = 0
    for sign in bare:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0, "a brace too many"
    assert depth == 0, "a brace is missing"
    assert bare.count("$") % 2 == 0, "mathematics does not end"


def _printable(cell: str) -> None:
    """No sign that is a command unmeant, or that pdfLaTeX prints as another one."""
    bare = re.sub(r"(?<!\\)\$.*?(?<!\\)\$", "", cell)
    bare = re.sub(r"\\(text[a-z]+\{\}|ldots\{\}|[&%$#_{}])", "", bare)
    assert not set(bare) & set("&%#_^\\<>|"), cell


def compiled(text: str, folder: Path) -> None:
    """Compile a document around this text, if there is a `pdflatex`. Raises AssertionError where that fails, and for
    a label given twice."""
    if PDFLATEX is None:
        return
    document = ["\\documentclass{article}", "\\usepackage[utf8]{inputenc}", "\\usepackage{booktabs}"]
    whole = "\n".join([*document, "\\begin{document}", text, "\\end{document}"])
    (folder / "t.tex").write_text(whole, encoding="utf-8")
    command = [PDFLATEX, "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, said[-2000:]
    assert "multiply defined" not in said
