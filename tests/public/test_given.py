"""Classes and functions in the place of names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rfast_bench.algorithms.d_psgd import DPsgd
from rfast_bench.errors import UserError
from rfast_bench.public.given import algorithms, plain, reference


def test_one_of_a_module_is_named_by_its_file(tmp_path: Path) -> None:
    file = sys.modules[DPsgd.__module__].__file__
    assert file is not None
    assert reference(DPsgd, tmp_path) == f"{Path(file).resolve()}:DPsgd"
    assert not list(tmp_path.iterdir())
    entry = {"name": DPsgd, "step_size": np.float64(0.1), "topology": {"edges": tmp_path}}
    found = plain([entry], tmp_path)
    assert found == [
        {
            "name": f"{Path(file).resolve()}:DPsgd",
            "label": "DPsgd",
            "step_size": 0.1,
            "topology": {"edges": str(tmp_path)},
        }
    ]
    assert type(found[0]["step_size"]) is float


def test_a_name_or_a_class_alone_is_an_algorithm() -> None:
    assert algorithms(["r-fast", DPsgd, {"name": "osgp"}]) == [
        {"name": "r-fast"},
        {"name": DPsgd},
        {"name": "osgp"},
    ]


def test_what_has_no_name_of_its_own_is_refused(tmp_path: Path) -> None:
    class Local:
        pass

    for one in (Local, lambda x: x):
        with pytest.raises(UserError, match="no name at the top level of a file; define it there"):
            reference(one, tmp_path)


def test_typed_code_is_asked_for_in_a_file(tmp_path: Path) -> None:
    code = (
        "from rfast_bench.public.given import reference\nclass Mine: pass\n"
        f"reference(Mine, __import__('pathlib').Path({str(tmp_path)!r}))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-"], input=code, capture_output=True, text=True, timeout=120, check=False, cwd=root
    )
    assert "UserError: Mine: its code cannot be found" in done.stderr
    assert "give FILE.py:Mine" in done.stderr
