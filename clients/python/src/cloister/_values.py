"""Values of callers, as JSON takes them: values, lists, sets, columns and frames.

A frame becomes its rows. Errors name the place of a value, and never the value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from cloister._columns import cells, columns, is_column, single
from cloister._errors import UsageError
from cloister._scalars import Unfit, is_scalar, scalar

_SCALARS = frozenset({bool, int, float, str, type(None)})


def data(value: Any, party: str) -> Any:
    """Returns the JSON form of a party's data.

    A frame, and a dict of columns of one length, become a list of rows, in the order of the columns.
    Missing values (None, NaN, NA, NaT, null) become null. Raises `UsageError` for what has no JSON form.
    """
    try:
        if isinstance(value, Mapping) and value and all(map(_is_listing, value.values())):
            return _rows([(str(name), column) for name, column in value.items()])
        return _form(value)
    except Unfit as error:
        raise _usage(error, f"`data` of {party}", party) from None


def arguments(value: Mapping[str, Any], argument: str) -> dict[str, Any]:
    """Returns the JSON form of parameters or of a condition.

    In these a missing number is a mistake: NaN is refused, and only None is null.
    """
    try:
        _refuse_nan(value)
        form: dict[str, Any] = _form(value)
    except Unfit as error:
        raise _usage(error, f"`{argument}`", None) from None
    return form


def _usage(error: Unfit, where: str, party: str | None) -> UsageError:
    return UsageError(f"{error.reason} ({', '.join([where, *error.place])})", hint=error.hint, party=party)


def _form(value: Any) -> Any:
    kind = type(value)
    if kind is list or kind is tuple:
        return _items(value)
    if kind in _SCALARS or is_scalar(value):
        return scalar(value)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Set):
        return _set(value)
    return _listing(value)


def _listing(value: Any) -> Any:
    if (named := columns(value)) is not None:
        return _rows(named)
    if is_column(value):
        return cells(value, _items)
    if isinstance(value, Sequence):
        return _items(value)
    if (one := single(value, _items)) is not None:
        return one[0]
    return _foreign(value)


def _items(values: Iterable[Any]) -> list[Any]:
    forms: list[Any] = []
    try:
        for value in values:
            # Most items are scalars: this saves a call for each.
            forms.append(scalar(value) if type(value) in _SCALARS else _form(value))
    except Unfit as error:
        raise error.within(f"item {len(forms)}") from None
    return forms


def _object(value: Mapping[Any, Any]) -> dict[str, Any]:
    forms = {}
    for key, item in value.items():
        try:
            forms[str(key)] = _form(item)
        except Unfit as error:
            raise error.within(f"`{key}`") from None
    if len(forms) != len(value):
        raise Unfit("two keys of a mapping are the same as texts", "write its keys as texts")
    return forms


def _rows(named: Sequence[tuple[str, Any]]) -> list[list[Any]]:
    read = []
    for name, column in named:
        try:
            read.append(_form(column))
        except Unfit as error:
            raise error.within(f"column `{name}`") from None
    lengths = {len(column) for column in read}
    if len(lengths) > 1:
        told = ", ".join(f"`{name}` {len(one)}" for (name, _), one in zip(named, read, strict=True))
        raise Unfit(f"the columns differ in length: {told}", "give columns of the same rows")
    return [list(row) for row in zip(*read, strict=True)]


def _set(value: Set[Any]) -> list[Any]:
    """Returns the items in an order of their own: a set has none, and hashes differ between runs."""
    forms = [_form(item) for item in value]
    kinds = sorted({_kind(form) for form in forms if form is not None})
    if len(kinds) > 1:
        raise Unfit(
            f"a set has {' and '.join(kinds)}: parties match items of one kind only",
            "turn all into texts: {str(item) for item in items}",
        )
    return sorted(forms, key=_order)


def _kind(form: Any) -> str:
    if isinstance(form, bool):
        return "truth values"
    if isinstance(form, (int, float)):
        return "numbers"
    if isinstance(form, str):
        return "texts"
    return "lists" if isinstance(form, list) else "objects"


def _order(form: Any) -> tuple[Any, ...]:
    if form is None:
        return (1,)
    if isinstance(form, list):
        return (0, "lists", [_order(item) for item in form])
    if isinstance(form, dict):
        return (0, "objects", [(key, _order(item)) for key, item in sorted(form.items())])
    return (0, _kind(form), form)


def _is_listing(value: Any) -> bool:
    """Returns whether it can be a column in a dict of columns."""
    return is_column(value) or (isinstance(value, Sequence) and not isinstance(value, (str, bytes)))


def _foreign(value: Any) -> Any:
    """Reads an array of another library by its own list of values, if it is no frame."""
    if not hasattr(value, "columns"):
        for method in ("tolist", "to_list", "to_pylist", "to_numpy"):
            if callable(getattr(value, method, None)):
                return _form(getattr(value, method)())
    return scalar(value)


def _refuse_nan(value: Any) -> None:
    if isinstance(value, float) and math.isnan(value):
        raise Unfit("nan is no number that can be computed with", "give a number, or leave it out")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_nan(item)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for item in value:
            _refuse_nan(item)
