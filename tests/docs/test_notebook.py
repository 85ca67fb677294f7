"""The example notebook runs, in a kernel of its own, and shows what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = [
    pytest.mark.timeout(280),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the kernel's libraries
]
PATH = Path(__file__).parents[2] / "docs" / "examples" / "first-study.ipynb"
BAR = "application/vnd.jupyter.widget-view+json"


def test_it_runs_with_progress_tables_and_figures(tmp_path: Path) -> None:
    notebook = nbformat.read(PATH, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")], (
        "it is committed without what it shows"
    )
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=200, resources=resources).execute()
    shown = [cell.get("outputs", []) for cell in notebook.cells if cell.cell_type == "code"]
    first, frame, figure, *_, compared, last = shown
    assert any(BAR in data for data in _data(first)), "a progress bar"
    assert any("<table" in data.get("text/html", "") for data in _data(first)), "the table"
    assert any("r-fast-tree" in data.get("text/html", "") for data in _data(frame))
    assert any("image/png" in data for data in _data(figure))
    assert any("Gossip" in data.get("text/html", "") for data in _data(compared))
    assert any("image/png" in data for data in _data(last))
    assert (tmp_path / "notebook-results" / "mine" / "Gossip" / "seed-0" / "manifest.json").is_file()


def _data(outputs: list[Any]) -> list[dict[str, Any]]:
    return [output["data"] for output in outputs if "data" in output]
