"""A notebook that computes, and what it shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parent / "notebook" / "trial.ipynb"


# Warnings of Jupyter's own packages are not ours.
@pytest.mark.filterwarnings("default")
def test_a_notebook_shows_the_progress_and_the_result(
    client_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setitem(os.environ, "CLOISTER_TEST_CLIENT", str(client_toml.resolve()))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()

    _, computing, showing, framing, awaiting = [cell.outputs for cell in notebook.cells]
    [progress] = html_of(computing)
    assert "3 of 3 parties are done" in progress
    [result] = html_of(showing)
    for expected in ("<caption>StatisticsUnivariate of", "Security: ", "Disclosure", "Cost: "):
        assert expected in result
    [frame] = html_of(framing)
    assert "standard_deviation" in frame
    [awaited] = awaiting
    assert awaited["data"]["text/plain"] == "True"


def html_of(outputs: list[Any]) -> list[str]:
    return [output["data"]["text/html"] for output in outputs if "data" in output]
