"""A study's `table.csv` as the templates of its findings read it, and the pages rendered from them.

    results/NAME/table.csv + finding.md.j2  ->  results/NAME/README.md
    all tables + results/claims.md.j2       ->  the block of claims in README.md

In a template stand `cell(label, column, fmt=None, **point)`, the text of one cell; `value(...)`, its number, so
that words can follow from numbers; `verdict(label, target, **point)`, how a method compares with the baseline;
`column` is a heading of `table.md` or a column of `table.csv`. `study(name)` has the same for another study.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined, TemplateError

from benchmarks.measures import MEASURES, OVER, POINTS
from rfast_bench.analysis.cell_text import POINT, cell, heading, interval, pace, present, speedup
from rfast_bench.errors import UserError, suggest
from rfast_bench.plan.swept_values import named

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
TEMPLATE, PAGE, TABLE, EXTRA = "finding.md.j2", "README.md", "table.csv", "measures.csv"
MADE = "<!-- Made from finding.md.j2 and table.csv by `python -m benchmarks.results --render`; change those. -->\n"
BLOCKS = ("front", "claims")
"""Parts of the repository's README.md that are made of `results/<name>.md.j2`."""
FIGURE = r"([\w./=-]+\.png)"
_TEXT = ("scenario", "world", "label", "algorithm", "tuned", "tuned_by", "tuned_at_edge", "status")


def read_table(path: Path | io.BytesIO) -> pd.DataFrame:
    """A `table.csv`, or its bytes, as `tables.summarise` gave it. Raises UserError."""
    try:
        texts = dict.fromkeys([*_TEXT, "topology", "baseline"], str)
        frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
    except OSError as problem:
        raise UserError(f"cannot read {path}: {problem.strerror}") from problem
    words = [name for name in _TEXT if name in frame]
    frame[words] = frame[words].fillna("")
    return frame


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables of one study side by side: the same rows, in the same order."""
    first, *others = frames
    places = [name for name in map(str, first) if name == "label" or name.startswith(POINT)]
    for other in others:
        first = first.merge(other, on=places, how="left", validate="one_to_one")
    return first


class Study:
    """One folder of `results/`: its table, its measures, and the cells that templates ask for."""

    def __init__(self, name: str, results: Path = RESULTS) -> None:
        self.name = name
        self.folder = results / name
        self._known: dict[tuple[Any, ...], Any] = {}

    @property
    def measured(self) -> bool:
        """Whether there is a table."""
        return (self.folder / TABLE).is_file()

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The numbers of table.csv and of measures.csv, where there is one."""
        frames = [read_table(self.folder / name) for name in (TABLE, EXTRA) if (self.folder / name).is_file()]
        return joined(frames) if frames else read_table(self.folder / TABLE)

    @property
    def measures(self) -> list[str]:
        """The measures of whole curves that its template names."""
        text = (self.folder / TEMPLATE).read_text(encoding="utf-8")
        over = dict.fromkeys(re.findall(rf'"((?:{OVER}|{POINTS})[\w-]+)"', text))
        return [name for name in MEASURES if f'"{name}"' in text] + list(over)

    @cached_property
    def _shown(self) -> pd.DataFrame:
        return present(self.frame)

    # ---------------------------------------------------------------------------- what templates ask for
    def cell(self, label: str, column: str, fmt: str | None = None, **point: Any) -> str:
        """`11.5 [10.5, 12]`: as in `table.md`; with `fmt`, such as `.2g`, the bare number, where it is known."""
        at = self._row(label, point)
        number = self.frame.loc[at].get(column, math.nan)
        if fmt is not None and isinstance(number, float | int) and math.isfinite(number):
            return format(number, fmt)
        heading = column if column in self._shown else _heading(column)
        if heading in self._shown:
            return str(self._shown.loc[at, heading])
        if column not in self.frame:
            raise UserError(f"{self.name}: no column '{column}'{suggest(column, map(str, self.frame))}")
        row = dict(self.frame.loc[at])
        if column.startswith("speedup_"):
            return speedup(column.removeprefix("speedup_"), row)
        return cell(number) + interval(column, row)

    def value(self, label: str, column: str, **point: Any) -> float:
        """The number in a column of `table.csv`. A time that was not reached is infinite; of a speed-up of which only
        a bound is known it is the bound; what does not exist is NaN."""
        return self._number(self._row(label, point), column)

    def values(self, label: str, column: str, **point: Any) -> list[float]:
        """These numbers at every sweep point that has the values of `point`, all by default; in the table's order."""
        return [self._number(at, column) for at in self._rows(label, point).index]

    def verdict(self, label: str, target: str, **point: Any) -> str:
        """`faster than`, `slower than` or `not clearly faster or slower than` the baseline at `gap_0.03`, by the
        interval of the speed-up; `not comparable with` where neither reached it."""
        row = self.frame.loc[self._row(label, point)]
        low, high = (float(row.get(f"speedup_{target}_{end}", math.nan)) for end in ("low", "high"))
        if math.isnan(low) or (low == 0 and math.isinf(high)):
            return "not comparable with"
        words = {"level": "not clearly faster or slower than"}
        found = pace(low, high)
        return words.get(found, f"{found} than")

    def word(self, label: str, target: str, over: str = "", **point: Any) -> str:
        """`holds`, `does not hold` or `open`: whether it is faster than the baseline, or than the label `over`, at a
        target, by the interval of the speed-up; `does not hold` too where the target was not reached."""
        row = self.frame.loc[self._row(label, point)]
        column = f"{OVER}{over}_{target}" if over else f"speedup_{target}"
        if f"{column}_low" not in row:
            raise UserError(f"{self.name}: no column '{column}'{suggest(column, map(str, self.frame))}")
        low, high = (float(row[f"{column}_{end}"]) for end in ("low", "high"))
        if low > 1:
            return "holds"
        return "open" if high >= 1 and math.isfinite(high) else "does not hold"

    def _number(self, at: Any, column: str) -> float:
        row = self.frame.loc[at]
        if column not in row:
            raise UserError(f"{self.name}: no column '{column}'{suggest(column, map(str, self.frame))}")
        number, below, above = (float(row.get(column + end, math.nan)) for end in ("", "_below", "_above"))
        if not math.isnan(number):
            return number
        if column.startswith("time_to_"):
            return math.nan if math.isnan(above) else math.inf
        if above == below:
            return above  # infinite: it was lost
        return below if math.isfinite(below) else above if above > 0 else math.nan

    # ------------------------------------------------------------------------------------------- rows
    def _row(self, label: str, point: Mapping[str, Any]) -> Any:
        """The index of the one row of a label at a sweep point. Raises UserError when there is none, or more."""
        key = label, *sorted((name, repr(value)) for name, value in point.items())
        if key not in self._known:
            self._known[key] = self._looked_up(label, point)
        return self._known[key]

    def _looked_up(self, label: str, point: Mapping[str, Any]) -> Any:
        rows = self._rows(label, point)
        if len(rows) > 1:
            keys = ", ".join(str(n).removeprefix(POINT) for n in self.frame if str(n).startswith(POINT))
            raise UserError(f"{self.name}: {len(rows)} rows of {label} at {dict(point)}; give each of {keys}")
        return rows.index[0]

    def _rows(self, label: str, point: Mapping[str, Any]) -> pd.DataFrame:
        """The rows of a label at the points with these values. Raises UserError when there is none."""
        rows = self.frame[self.frame["label"] == label]
        if rows.empty:
            raise UserError(f"{self.name}: no label '{label}'{suggest(label, self.frame['label'].unique())}")
        for name, wanted in point.items():
            column = self._point_column(name)
            found = rows[[same(given, wanted) for given in rows[column]]]
            if found.empty:
                allowed = ", ".join(map(str, self.frame[column].unique()))
                raise UserError(f"{self.name}: {label} has no point {name} = {wanted}; there are {allowed}")
            rows = found
        return rows

    def _point_column(self, name: str) -> str:
        """The column of a swept key by its short name: the last part, or as many as make it unique."""
        keys = [str(column) for column in self.frame if str(column).startswith(POINT)]
        parts = name.replace("__", ".").split(".")
        found = [key for key in keys if key.split(".")[-len(parts) :] == parts]
        if len(found) != 1:
            what = "no swept key" if not found else "more than one swept key"
            short = [key.removeprefix(POINT) for key in keys]
            raise UserError(f"{self.name}: {what} '{name}'; swept are {', '.join(short) or 'none'}")
        return found[0]


def _heading(column: str) -> str:
    """How `table.md` calls a column of `table.csv`."""
    return {"step_size": "γ", "effective_step": "γ_eff"}.get(column, heading(column))


def same(given: Any, wanted: Any) -> bool:
    """Whether a point's value in the table is the wanted one: numbers as numbers, all else by its name."""
    wanted = named({"": wanted})[""]
    try:
        return float(given) == float(wanted)
    except (TypeError, ValueError):
        return str(given) == str(wanted)


def signed(difference: float) -> str:
    """`+1.4` or `−2.2`."""
    return f"{difference:+.1f}".replace("-", "−")


# ----------------------------------------------------------------------------------------------- pages
def studies(results: Path = RESULTS) -> list[str]:
    """The folders of `results/` that have a template."""
    return sorted(path.parent.name for path in results.glob(f"*/{TEMPLATE}"))


def page(study: Study) -> str:
    """The text of a study's README.md. Raises UserError."""
    own = {
        "name": study.name,
        "cell": study.cell,
        "value": study.value,
        "values": study.values,
        "verdict": study.verdict,
    }
    return MADE + _rendered(study.folder / TEMPLATE, study.folder.parent, own)


def figures(study: Study) -> set[str]:
    """The PNG files that a study's page shows, and the front page of it; relative to the study's folder."""
    front = (ROOT / PAGE).read_text(encoding="utf-8")
    shown = re.findall(rf"\]\({FIGURE}\)", page(study))
    return {*shown, *re.findall(rf"\]\(results/{re.escape(study.name)}/{FIGURE}\)", front)}


def with_blocks(front: str, results: Path = RESULTS) -> str:
    """The text of the repository's README.md with its made blocks made anew. Raises UserError."""
    for name in BLOCKS:
        start = f"<!-- {name}: made by `python -m benchmarks.results --render` -->"
        end = f"<!-- end of {name} -->"
        before, found, rest = front.partition(start)
        _, there, after = rest.partition(end)
        if not (found and there):
            raise UserError(f"README.md: no lines '{start}' and '{end}' to put {name} between")
        text = _rendered(results / f"{name}.md.j2", results, {})
        front = f"{before}{start}\n{text.strip()}\n{end}{after}"
    return front


def _rendered(template: Path, results: Path, names: Mapping[str, Any]) -> str:
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    try:
        source = environment.from_string(template.read_text(encoding="utf-8"))
        return source.render(study=partial(Study, results=results), signed=signed, **names)
    except OSError as problem:
        raise UserError(f"cannot read {template}: {problem.strerror}") from problem
    except (TemplateError, UserError) as problem:
        raise UserError(f"{template}: {problem}") from problem
