"""The README's examples run, and what it says of errors and types is so."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import cloister
from cloister import CloisterError, Consortium, UsageError
from cloister._progress import Progress
from cloister._values import data
from tests.fake import Fake

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The consortium of the README's reader."""
    fake = Fake("north", "south", "west")
    columns = {name: [1, 2] for name in ("id", "age", "risk", "dose")}
    fake.datasets = dict.fromkeys(fake.nodes, columns)
    fake.answer = lambda _: {"mean": 1.5, "median": 1.5}
    consortium = Consortium(fake.members(), transport=fake)
    monkeypatch.setattr(Consortium, "from_file", lambda _: consortium)
    return fake


def test_the_examples_run(readers: Fake) -> None:
    pandas = pytest.importorskip("pandas")
    known: dict[str, Any] = {"series": pandas.Series([3, 4])}
    assert len(EXAMPLES) == 2
    for example in EXAMPLES:
        exec(example, known)  # noqa: S102 - it is the package's own page
    asked = [run.function for run in readers.runs.values()]
    assert asked == [
        "StatisticsUnivariate",
        "StatisticsBivariate",
        "CorrelationVertical",
        "SecureSum",
        "Quantiles",
    ]


def test_the_errors_are_as_the_table_says() -> None:
    [table] = re.findall(r"\| error \| means \|\n\| --- \| --- \|\n(.*?)\n\n", README, flags=re.DOTALL)
    for row in table.splitlines():
        names, meaning = row.strip("|").split("|")
        kinds = [getattr(cloister, name) for name in re.findall(r"`(\w+)`", names)]
        assert kinds
        assert all(issubclass(kind, CloisterError) for kind in kinds)
        for base in re.findall(r"it is an? `(\w+)`, too", meaning):
            assert issubclass(kinds[0], getattr(cloister, base, TimeoutError))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (date(2024, 1, 31), '"2024-01-31"'),
        (datetime(2024, 1, 31, 10), '"2024-01-31T10:00:00"'),
        (datetime(2024, 1, 31, 10, tzinfo=timezone.utc), "with `Z`"),
        (True, "`true`"),
        (None, "`null`"),
    ],
)
def test_the_forms_are_as_the_table_says(value: Any, shown: str) -> None:
    assert shown in README
    form = data(value, "north")
    assert form is value or form.rstrip("Z") in README


def test_what_the_table_says_is_refused_is_refused() -> None:
    for value in (b"a", 1j, float("inf")):
        with pytest.raises(UsageError):
            data([value], "north")


def test_progress_reads_as_it_says() -> None:
    progress = Progress(
        "clinic-a", "agreeing", waiting_for=("clinic-b",), awaited="agreeing", waiting_since=12.5
    )
    assert f"\n{progress}\n" in README
