"""Numbers for programs: JSON with null for what does not exist and "inf" for an open end."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def of_table(frame: pd.DataFrame, **more: Sequence[Mapping[str, Any]]) -> str:
    """`{"rows": [...]}`: the rows of a summary, as its CSV has them, and what else there is."""
    return of({"rows": frame.to_dict("records"), **more})


def of(value: Mapping[str, Any]) -> str:
    """A mapping as JSON text, with a line's end."""
    return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
