"""Single values as JSON takes them, with no digit lost.

Each type has exactly one JSON form: that in which nodes read the same type in files and databases. Missing
values become null. A value that JSON, or a node's numbers, cannot hold is refused and never rounded.

Imports none of pandas and numpy: a value of theirs can only be there if they are imported already.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

_LONGEST_WHOLE = 1 << 63
"""Nodes hold whole numbers in 64 bits with sign, and larger ones as doubles."""

_SURE_DIGITS = 15
"""The significant digits of a decimal that its nearest double always keeps."""

_NANOSECONDS = 10**9

_EPOCH = date(1970, 1, 1).toordinal()

_DAY_SECONDS = 24 * 60 * 60

_TO_SECONDS = len("2024-01-31T10:00:00")

_USUAL_HINT = "hand in numbers, texts, lists, or arrays of these"
_AS_TEXT = "turn the values into texts first, such as column.astype(str)"
_HINTS = {
    "timedelta": "turn it into a number of a unit first, such as column.dt.total_seconds()",
    "Timedelta": "turn it into a number of a unit first, such as column.dt.total_seconds()",
    "timedelta64": "turn it into a number of a unit first, such as column.dt.total_seconds()",
    "duration": "turn it into a number of a unit first, such as column.dt.total_seconds()",
    "Period": _AS_TEXT,
    "Interval": _AS_TEXT,
    "bytes": "decode it first: value.decode()",
    "binary": "decode the values to texts first",
    "complex": "hand in the real and the imaginary part, each as a column",
    "struct": "select its fields as columns",
    "run_end_encoded": "decode it first: pyarrow.compute.run_end_decode(column)",
    "LazyFrame": "collect it first: frame.collect()",
    "DataFrame": "turn it into a frame of pandas, polars or pyarrow",
}


class Unfit(Exception):
    """A value that cannot be handed to a node. Its place is added on the way out."""

    def __init__(self, reason: str, hint: str = _USUAL_HINT) -> None:
        super().__init__(reason)
        self.reason = reason
        """The reason; never the value."""
        self.hint = hint
        """The remedy."""
        self.place: list[str] = []
        """The parts of the place, the innermost last."""

    def within(self, part: str) -> Unfit:
        """Adds the part of the input that the value lies in."""
        self.place.insert(0, part)
        return self


def unfit(kind: str) -> Unfit:
    """The error for a value or a column of this type."""
    article = "an" if kind[0].lower() in "aeio" else "a"
    reason = f"{article} {kind} cannot be handed to a node"
    return Unfit(reason, _HINTS[kind]) if kind in _HINTS else Unfit(reason)


def scalar(value: Any) -> Any:
    """Returns the JSON form of a single value: None, a boolean, a number, or a text.

    Raises `Unfit` if it has none.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    if kind is int:
        return whole(value)
    if kind is float:
        return number(value)
    if is_missing(value):
        return None
    for known, form in _FORMS:
        if isinstance(value, known):
            return form(value)
    raise unfit(kind.__name__)


def is_scalar(value: Any) -> bool:
    """Returns whether `scalar` knows the type, though it may refuse the value."""
    return is_missing(value) or any(isinstance(value, known) for known, _ in _FORMS)


def is_missing(value: Any) -> bool:
    """Returns whether the value stands for a missing one: None, NaN, NA, NaT, or a masked one."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, Decimal):
        return value.is_nan()
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and value is numpy.ma.masked


def whole(value: int) -> int:
    """Returns a whole number, if a node keeps all its digits."""
    if -_LONGEST_WHOLE <= value < _LONGEST_WHOLE or _equals_a_double(value):
        return value
    raise Unfit(
        "a whole number beyond 64 bits with sign would be rounded by the node",
        "hand in ids as texts, such as column.astype(str)",
    )


def number(value: float) -> float | None:
    """Returns a number, or None for NaN."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return None
    raise _infinite(value)


def decimal(value: Decimal) -> float | int:
    """Returns a decimal as a whole number if it is one, or else as the double that keeps its digits."""
    if value.is_infinite():
        raise _infinite(float(value))
    if value == value.to_integral_value():
        return whole(int(value))
    double = float(value)
    digits = len(value.normalize().as_tuple().digits)
    if digits <= _SURE_DIGITS or Decimal(repr(double)) == value:
        return double
    raise Unfit(
        f"a decimal of {digits} digits would be rounded",
        f"round it to {_SURE_DIGITS} significant digits first, or turn it into a float",
    )


def instant(count: int, per_second: int, *, utc: bool) -> str:
    """Returns the ISO text of a time that is counted from 1970, in units of which a second has so many."""
    days, within = divmod(count, _DAY_SECONDS * per_second)
    return f"{_day(days)}T{clock_time(within, per_second)}{'Z' if utc else ''}"


@lru_cache(maxsize=1 << 12)
def _day(days: int) -> str:
    """Returns the ISO text of a day that is counted from 1970."""
    try:
        return date.fromordinal(_EPOCH + days).isoformat()
    except (OverflowError, ValueError):
        raise Unfit("a time outside of the years 1 to 9999 cannot be handed to a node") from None


def clock_time(count: int, per_second: int) -> str:
    """Returns the ISO text of a time of day that is counted from midnight."""
    seconds, rest = divmod(count, per_second)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{fraction(rest * (_NANOSECONDS // per_second))}"


def fraction(nanoseconds: int) -> str:
    """Returns the part behind the seconds, without zeros at its end: as nodes write it, so that one time
    is one category."""
    return f".{nanoseconds:09}".rstrip("0") if nanoseconds else ""


def category(value: Any) -> str | None:
    """Returns a category as text, written as a node writes numbers and booleans that are categories."""
    if type(value).__name__ == "Interval":  # of pandas.cut, where all parties have declared breaks
        return str(value)
    form = scalar(value)
    if form is None or isinstance(form, str):
        return form
    if isinstance(form, bool):
        return str(form).lower()
    digits = format(Decimal(repr(form)), "f")
    return digits.removesuffix(".0")


def _equals_a_double(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _infinite(value: float) -> Unfit:
    return Unfit(f"{value} is no number that can be computed with", "replace it, or make it missing: None")


def _datetime(value: datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(timezone.utc)
    # The nanoseconds are those of a pandas Timestamp.
    nanoseconds = value.microsecond * 1000 + int(getattr(value, "nanosecond", 0))
    zone = "" if value.tzinfo is None else "Z"
    return value.isoformat(timespec="seconds")[:_TO_SECONDS] + fraction(nanoseconds) + zone


def _time(value: time) -> str:
    if value.tzinfo is not None:
        raise Unfit("a time of day with a zone cannot be handed to a node", "hand it in without the zone")
    return f"{value:%H:%M:%S}{fraction(value.microsecond * 1000)}"


def _refused(value: object) -> None:
    raise unfit(type(value).__name__)


_FORMS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, lambda value: whole(int(value))),
    (float, lambda value: number(float(value))),
    (str, str),
    (bytes, _refused),
    (Decimal, decimal),
    (timedelta, _refused),
    (datetime, _datetime),
    (date, date.isoformat),
    (time, _time),
    (UUID, str),
)
