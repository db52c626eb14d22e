"""Columns of numpy, pandas, polars and pyarrow, cell by cell as JSON takes them.

Each column is read by its own type, and no frame is turned into one array: that would make whole numbers
doubles, and times numbers. Times are read as counts of their own unit, since Python's have no nanoseconds.

Imports none of these libraries: an object of theirs can only be there if they are imported already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from cloister._scalars import Unfit, category, clock_time, instant, unfit, whole

Items: TypeAlias = Callable[[Iterable[Any]], list[Any]]
"""Returns the JSON forms of any Python values."""

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EXACT_IN_A_DOUBLE = 8
"""The bytes of a double."""


def columns(value: Any) -> list[tuple[str, Any]] | None:
    """Returns a frame's columns with their names, in order; None if it is no frame."""
    if _is(value, "pandas", "DataFrame"):
        return [(str(name), value.iloc[:, at]) for at, name in enumerate(value.columns)]
    if _is(value, "polars", "DataFrame"):
        return [(column.name, column) for column in value.get_columns()]
    if _is(value, "pyarrow", "Table", "RecordBatch"):
        return list(zip(value.column_names, value.columns, strict=True))
    if _is(value, "polars", "LazyFrame"):
        raise unfit("LazyFrame")
    if _is(value, "numpy", "ndarray") and value.dtype.names is not None:
        return [(name, value[name]) for name in value.dtype.names]
    return None


def is_column(value: Any) -> bool:
    """Returns whether it is a column or an array of one of the libraries."""
    return (
        _is(value, "numpy", "ndarray")
        or _is(value, "pandas", "Series", "Index", "api.extensions.ExtensionArray")
        or _is(value, "polars", "Series")
        or _is(value, "pyarrow", "Array", "ChunkedArray")
    )


def cells(value: Any, items: Items) -> Any:
    """Returns the JSON forms of the cells of what `is_column`; `items` reads Python's own values.

    An array of several dimensions becomes nested lists, one of none a single value.
    """
    if _is(value, "numpy", "ndarray"):
        return _of_numpy(value, items)
    if _is(value, "polars", "Series"):
        return _of_polars(value, items)
    if _is(value, "pyarrow", "ChunkedArray"):
        return [cell for chunk in value.chunks for cell in _of_arrow(chunk, items)]
    if _is(value, "pyarrow", "Array"):
        return _of_arrow(value, items)
    return _of_pandas(value, items)


def single(value: Any, items: Items) -> tuple[Any] | None:
    """Returns the JSON form of a library's own scalar, in a tuple; None if it is no such scalar."""
    if _is(value, "numpy", "generic"):
        return (_of_numpy(sys.modules["numpy"].asarray(value), items),)
    if _is(value, "pyarrow", "Scalar"):
        return (items([value.as_py()])[0],)
    return None


def _is(value: object, library: str, *kinds: str) -> bool:
    """Returns whether the value is of one of these classes of a library."""
    module = sys.modules.get(library)
    if module is None:
        return False
    for kind in kinds:
        found: Any = module
        for part in kind.split("."):
            found = getattr(found, part, None)
        if found is not None and isinstance(value, found):
            return True
    return False


def _of_numpy(array: Any, items: Items) -> Any:
    numpy = sys.modules["numpy"]
    if isinstance(array, numpy.ma.MaskedArray):
        return _nested(_masked(array.ravel(), items), array.shape)
    # A numpy.matrix stays two-dimensional, whatever is done to it.
    plain = numpy.asarray(array)
    return _nested(_flat(plain.ravel(), items), plain.shape)


def _masked(flat: Any, items: Items) -> list[Any]:
    """Reads what is not masked; anything may lie below a mask."""
    numpy = sys.modules["numpy"]
    present = iter(_flat(flat.compressed(), items))
    return [None if hidden else next(present) for hidden in numpy.ma.getmaskarray(flat).tolist()]


def _flat(flat: Any, items: Items) -> list[Any]:
    kind, size = flat.dtype.kind, flat.dtype.itemsize
    if kind in "bi":
        return list(flat.tolist())
    if kind == "u":
        return [whole(value) for value in flat.tolist()]
    if kind == "f" and size <= _EXACT_IN_A_DOUBLE and sys.modules["numpy"].isfinite(flat).all():
        return list(flat.tolist())
    if kind == "f":
        return items(flat.tolist() if size <= _EXACT_IN_A_DOUBLE else map(_double, flat))
    if kind in "UTO":
        return items(flat.tolist())
    if kind == "M":
        return _times(flat)
    raise unfit({"m": "timedelta64", "c": "complex", "S": "bytes"}.get(kind, flat.dtype.name))


def _double(value: Any) -> float:
    """Returns the double that equals a longer number."""
    double = float(value)
    if double == value or value != value:  # noqa: PLR0124 - NaN is missing
        return double
    raise Unfit("a number of more than double precision would be rounded", "use array.astype(float)")


def _times(flat: Any) -> list[str | None]:
    numpy = sys.modules["numpy"]
    missing = numpy.isnat(flat).tolist()
    unit, _ = numpy.datetime_data(flat.dtype)
    if unit in ("Y", "M", "W", "D", "generic"):
        texts = numpy.datetime_as_string(flat).tolist()
        return [None if gone else text for gone, text in zip(missing, texts, strict=True)]
    if unit in ("h", "m"):
        unit = "s"
    if unit not in _PER_SECOND:
        raise Unfit(f"times in units of {unit} cannot be handed to a node", "use datetime64[ns]")
    counts = flat.astype(f"datetime64[{unit}]").astype("int64").tolist()
    return [
        None if gone else instant(count, _PER_SECOND[unit], utc=False)
        for gone, count in zip(missing, counts, strict=True)
    ]


def _nested(forms: list[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return forms[0]
    if 0 in shape:
        return [_nested([], shape[1:]) for _ in range(shape[0])] if len(shape) > 1 else []
    for width in reversed(shape[1:]):
        forms = [forms[at : at + width] for at in range(0, len(forms), width)]
    return forms


def _of_pandas(column: Any, items: Items) -> list[Any]:
    pandas = sys.modules["pandas"]
    series = column if isinstance(column, pandas.Series) else pandas.Series(column)
    if isinstance(series.dtype, pandas.SparseDtype):
        series = series.sparse.to_dense()
    if isinstance(series.dtype, pandas.CategoricalDtype):
        texts = [category(one) for one in series.cat.categories]
        return [None if code < 0 else texts[code] for code in series.cat.codes.tolist()]
    if isinstance(series.dtype, pandas.ArrowDtype):
        found = series.array.__arrow_array__()
        return list(cells(found, items))
    if _is(series.dtype, "numpy", "dtype"):
        # One column's own array, of its own type.
        return list(_of_numpy(series.to_numpy(), items))
    return items(series.tolist())


def _of_polars(series: Any, items: Items) -> list[Any]:
    polars = sys.modules["polars"]
    dtype = series.dtype
    if dtype == polars.Datetime:
        per_second, utc = _PER_SECOND[dtype.time_unit], dtype.time_zone is not None
        return _each(series.to_physical(), lambda count: instant(count, per_second, utc=utc))
    if dtype == polars.Time:
        return _each(series.to_physical(), lambda count: clock_time(count, _PER_SECOND["ns"]))
    if dtype in (polars.List, polars.Array):
        return [None if one is None else _of_polars(one, items) for one in series]
    for word in ("Duration", "Binary", "Struct"):
        if dtype == getattr(polars, word):
            raise unfit(word.lower())
    # Categories of polars are texts.
    return items(series.to_list())


def _of_arrow(array: Any, items: Items) -> list[Any]:
    types = sys.modules["pyarrow"].types
    kind = array.type
    if types.is_dictionary(kind):
        texts = [category(one) for one in _of_arrow(array.dictionary, items)]
        return _each(array.indices, lambda at: texts[at])
    if types.is_timestamp(kind) or types.is_date64(kind):
        return _timestamps(array)
    if types.is_time(kind):
        per_second = _PER_SECOND[kind.unit]
        counts = array.cast("int32" if types.is_time32(kind) else "int64")
        return _each(counts, lambda count: clock_time(count, per_second))
    if isinstance(array, sys.modules["pyarrow"].ExtensionArray):
        return _of_arrow(array.storage, items)
    for refuses, word in _REFUSED_BY_ARROW.items():
        if any(getattr(types, refuse, _never)(kind) for refuse in refuses):
            raise unfit(word)
    if hasattr(kind, "value_type"):
        return [None if one.values is None else _of_arrow(one.values, items) for one in array]
    return items(array.to_pylist())


_REFUSED_BY_ARROW = {
    ("is_duration", "is_interval"): "duration",
    ("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view"): "binary",
    ("is_struct", "is_map", "is_union"): "struct",
    ("is_run_end_encoded",): "run_end_encoded",
}


def _never(_kind: object) -> bool:
    """Answers for the types that an older pyarrow does not know."""
    return False


def _timestamps(array: Any) -> list[str | None]:
    kind = array.type
    # Milliseconds, since a date64 has no unit of its own.
    per_second = _PER_SECOND[getattr(kind, "unit", "ms")]
    utc = getattr(kind, "tz", None) is not None
    return _each(array.cast("int64"), lambda count: instant(count, per_second, utc=utc))


def _each(counts: Any, form: Callable[[int], Any]) -> list[Any]:
    """Returns the form of each cell that is there, and None for the others."""
    listed = counts.to_list() if hasattr(counts, "to_list") else counts.to_pylist()
    return [None if count is None else form(count) for count in listed]
