"""The notebooks run in a kernel of their own, as a reader would run them, and show what they say that they show."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHOWN = {
    "1_own_data_to_a_claim": (
        4,
        ("Verdict: no leak between the splits", "With image+report the AUROC for subdural is", "TF-IDF report"),
    ),
    "2_missing_reports": (2, ("With image+report the macro AUROC is", "without report: answered from image alone")),
    "3_two_stages": (5, ()),
}
"""By notebook, how many figures it shows, and what stands in its outputs."""


def test_all_notebooks_are_looked_at() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(SHOWN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_stored(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_without_a_warning_and_shows_its_figures(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = [output for output in outputs if output.output_type == "stream"]
    assert [output.text for output in said if output.name == "stderr" or "Warning" in output.text] == []
    data = [output.data for output in outputs if "data" in output]
    figures, words = SHOWN[path.stem]
    assert sum("image/png" in shown for shown in data) == figures
    text = "\n".join([output.text for output in said] + [str(shown.get("text/html", "")) for shown in data])
    assert [word for word in words if word not in text] == []
