"""Answers as pandas DataFrames, where pandas is installed.

The shape of an answer is read off the answer, not off the function's name: new functions work.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from cloister._errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

# A single value that stands beside a table, though it may be written as a list.
_BESIDE = frozenset({"mode"})


def frame(result: Mapping[str, Any], key: str | None) -> pd.DataFrame:
    """The entry at `key` of an answer, or the whole of it."""
    if key is None:
        wide = [name for name, value in result.items() if is_wide(name, value)]
        if len(wide) != 1:
            return _single_values({name: result[name] for name in result if name not in wide})
        [key] = wide
    elif key not in result:
        raise UsageError(f"there is no `{key}` in this result", hint=f"there are: {_list(result)}")
    return _shaped(key, result[key])


def is_wide(name: str, value: object) -> bool:
    """Returns whether this entry of an answer is a table, a matrix or a list, and not a single value."""
    return isinstance(value, (dict, list)) and name not in _BESIDE


def _single_values(values: Mapping[str, Any]) -> pd.DataFrame:
    return _made({"value": list(values.values())}, index=list(values))


def _shaped(key: str, value: Any) -> pd.DataFrame:
    if isinstance(value, dict):
        if value and all(isinstance(row, dict) for row in value.values()):
            return _made(list(value.values()), index=list(value))
        return _made({key: list(value.values())}, index=list(value))
    if isinstance(value, list):
        if value and all(isinstance(row, (dict, list)) for row in value):
            return _made(value)
        return _made({key: value})
    return _single_values({key: value})


def _made(*arguments: Any, **named: Any) -> pd.DataFrame:
    return cast("pd.DataFrame", _pandas().DataFrame(*arguments, **named))


def _pandas() -> ModuleType:
    try:
        import pandas  # noqa: PLC0415 - it takes a while, and need not be there
    except ImportError as error:
        raise ImportError("DataFrames need pandas: pip install 'cloister-client[pandas]'") from error
    return pandas


def _list(names: Mapping[str, Any]) -> str:
    return ", ".join(names)
