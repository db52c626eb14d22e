"""Each party's input of a computation: values that the client has, or columns of a dataset.

Turns the arguments of `compute` into one item for each party, or says which argument is wrong. Asks no
node: the party's node checks that there is such a column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cloister import _values
from cloister._errors import UsageError

Where: TypeAlias = Mapping[str, Any]
"""A condition on rows, such as `{"column": "age", "op": ">=", "value": 18}`."""


@dataclass(frozen=True)
class Selection:
    """Columns of a dataset that a party's node knows. The client never sees a row."""

    dataset: str
    """The dataset's name."""
    columns: Sequence[str]
    """The columns, in the order in which the function takes them."""
    where: Where | None = None
    """The condition on rows; all rows where there is none."""

    def __post_init__(self) -> None:
        if isinstance(self.columns, str):
            raise UsageError("`columns` is a list of names", hint='write ["age"], not "age"')
        object.__setattr__(self, "columns", tuple(self.columns))
        if not self.columns:
            raise UsageError(f"no column of `{self.dataset}` is selected")
        if self.where is not None:
            object.__setattr__(self, "where", _values.arguments(self.where, "where"))


@dataclass(frozen=True)
class Values:
    """Values that the client hands in, as JSON takes them."""

    values: Any


Input: TypeAlias = Selection | Values


def inputs(
    parties: Sequence[str],
    *,
    data: Mapping[str, Any] | None,
    dataset: str | Mapping[str, str] | None,
    column: str | None,
    columns: Sequence[str] | Mapping[str, Sequence[str]] | None,
    where: Where | None,
) -> dict[str, Input]:
    """Returns the input of each of `parties`."""
    if data is not None:
        if dataset is not None or column is not None or columns is not None or where is not None:
            raise UsageError(
                "`data` stands alone",
                hint="to mix, give a party a cloister.Selection(dataset, columns) in `data`",
            )
        return {name: _input(value, name) for name, value in _of_each(parties, "data", data).items()}
    if dataset is None:
        raise UsageError("nothing to compute with", hint="give `dataset` and `column`, or `data`")
    if (column is None) == (columns is None):
        raise UsageError("give either `column` or `columns` with `dataset`")
    datasets = _for_each(parties, "dataset", dataset)
    chosen = _for_each(parties, "columns", [column] if columns is None else columns)
    return {name: Selection(datasets[name], chosen[name], where) for name in parties}


def _for_each(parties: Sequence[str], argument: str, value: Any) -> dict[str, Any]:
    """One value for all parties, or each its own."""
    if isinstance(value, Mapping):
        return _of_each(parties, argument, value)
    return dict.fromkeys(parties, value)


def _of_each(parties: Sequence[str], argument: str, value: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(
            f"`{argument}` is a mapping from party to what it brings",
            hint=f"the parties are {', '.join(parties)}",
        )
    for name in value:
        if name not in parties:
            raise UsageError(
                f"`{argument}` is for `{name}`, who does not take part",
                hint=f"the parties are {', '.join(parties)}",
            )
    for name in parties:
        if name not in value:
            raise UsageError(
                f"`{argument}` has nothing for {name}",
                hint="give None for a party that brings nothing, or name the others in `parties`",
                party=name,
            )
    return {name: value[name] for name in parties}


def _input(value: Any, party: str) -> Input:
    if value is None:
        # A party that brings nothing, whatever the function takes.
        return Values([])
    return value if isinstance(value, Selection) else Values(_values.data(value, party))
