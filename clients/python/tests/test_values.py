"""Values of each type and each library, and the one JSON form that each has.

A library that is not installed has no cases: the package needs none of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from cloister import Consortium, Selection, UsageError
from cloister._values import data
from tests.fake import Fake

LARGE = 2**53 + 1
"""The first whole number that no double equals."""

NAN = math.nan
DAY, MOMENT = date(2024, 1, 31), datetime(2024, 1, 31, 10, 0, 0, 250000)
IN_UTC = MOMENT.replace(tzinfo=timezone.utc)
IN_BERLIN = datetime(2024, 1, 31, 11, tzinfo=timezone(timedelta(hours=1)))
NANOSECOND = 1706695200000000001
TO_THE_NS = "2024-01-31T10:00:00.000000001"

Make = Callable[..., Any]
Case = tuple[str, Make, Any]


def library(*names: str) -> list[Any] | None:
    """The modules, if all are installed."""
    if any(importlib.util.find_spec(name) is None for name in names):
        return None
    return [importlib.import_module(name) for name in names]


def cases(listed: list[Case], *names: str) -> Iterator[Any]:
    """The cases of a library, each with what it makes."""
    modules = library(*names)
    for name, make, expected in listed if modules is not None else []:
        yield pytest.param(make, modules, expected, id=f"{names[0] if names else 'python'}-{name}")


PYTHON: list[Case] = [
    ("whole", lambda: [1, LARGE, -(2**63)], [1, LARGE, -(2**63)]),
    ("whole, beyond 64 bits, and a double", lambda: [10**20], [10**20]),
    ("number", lambda: [1.0, 0.1, -0.0], [1.0, 0.1, -0.0]),
    ("truth", lambda: [True, False], [True, False]),
    ("text", lambda: ["a", ""], ["a", ""]),
    ("missing", lambda: [None, NAN, Decimal("NaN"), 1], [None, None, None, 1]),
    ("date", lambda: [DAY], ["2024-01-31"]),
    ("time", lambda: [MOMENT, IN_UTC], ["2024-01-31T10:00:00.25", "2024-01-31T10:00:00.25Z"]),
    ("time in a zone", lambda: [IN_BERLIN], ["2024-01-31T10:00:00Z"]),
    ("early time", lambda: [datetime(33, 4, 3)], ["0033-04-03T00:00:00"]),
    ("time of day", lambda: [time(9, 5), time(9, 5, 1, 1)], ["09:05:00", "09:05:01.000001"]),
    ("decimal", lambda: [Decimal("1.50"), Decimal("2.00"), Decimal(LARGE)], [1.5, 2, LARGE]),
    ("uuid", lambda: [UUID(int=1)], ["00000000-0000-0000-0000-000000000001"]),
    ("sequences", lambda: [(1, 2), range(2), deque([3])], [[1, 2], [0, 1], [3]]),
    ("set", lambda: {"b", "a", None}, ["a", "b", None]),
    ("set of rows", lambda: {("b", 1), ("a", 2.5), ("a", None)}, [["a", 2.5], ["a", None], ["b", 1]]),
    ("set of numbers", lambda: frozenset({2.5, 1}), [1, 2.5]),
    ("columns", lambda: {"id": [LARGE, 5], "v": (1.5, None)}, [[LARGE, 1.5], [5, None]]),
    ("object", lambda: {"array": [1, 2], "rank": 1}, {"array": [1, 2], "rank": 1}),
    ("nothing", lambda: None, None),
    ("empty", dict, {}),
]

NUMPY: list[Case] = [
    ("int64", lambda np: np.array([LARGE, -1]), [LARGE, -1]),
    ("uint64", lambda np: np.array([2**63 - 1, 2**63], dtype="uint64"), [2**63 - 1, 2**63]),
    ("int8", lambda np: np.array([-1], dtype="int8"), [-1]),
    ("float", lambda np: np.array([1.5, np.nan]), [1.5, None]),
    ("float32", lambda np: np.array([0.5, np.nan], dtype="float32"), [0.5, None]),
    ("longdouble", lambda np: np.array([0.5, np.nan], dtype="longdouble"), [0.5, None]),
    ("bool", lambda np: np.array([True, False]), [True, False]),
    ("str", lambda np: np.array(["a", "bc"]), ["a", "bc"]),
    ("object", lambda np: np.array([LARGE, 2.5, None, "a"], dtype=object), [LARGE, 2.5, None, "a"]),
    ("day", lambda np: np.array(["2024-01-31", "NaT"], dtype="M8[D]"), ["2024-01-31", None]),
    ("ns", lambda np: np.array([NANOSECOND, "NaT"], dtype="M8[ns]"), [TO_THE_NS, None]),
    ("minute", lambda np: np.array(["2024-01-31T10:00"], dtype="M8[m]"), ["2024-01-31T10:00:00"]),
    ("matrix", lambda np: np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
    ("cube", lambda np: np.arange(4).reshape(2, 1, 2), [[[0, 1]], [[2, 3]]]),
    ("fortran", lambda np: np.asfortranarray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ("none", lambda np: np.zeros((0, 3)), []),
    ("no columns", lambda np: np.zeros((2, 0)), [[], []]),
    ("scalars", lambda np: [np.int64(LARGE), np.float32(0.5), np.str_("a")], [LARGE, 0.5, "a"]),
    ("truth scalar", lambda np: [np.bool_(True)], [True]),
    ("time scalars", lambda np: list(np.array([NANOSECOND, "NaT"], dtype="M8[ns]")), [TO_THE_NS, None]),
    ("no dimension", lambda np: np.array(LARGE), LARGE),
    ("masked", lambda np: np.ma.array([LARGE, 2, 3], mask=[False, True, False]), [LARGE, None, 3]),
    ("masked infinity", lambda np: np.ma.masked_invalid([1.5, np.inf]), [1.5, None]),
    ("structured", lambda np: np.array([(LARGE, 0.5)], dtype=[("id", "i8"), ("v", "f8")]), [[LARGE, 0.5]]),
    ("columns", lambda np: {"id": np.array([LARGE]), "v": np.array([0.5])}, [[LARGE, 0.5]]),
]  # fmt: skip

PANDAS: list[Case] = [
    ("int64", lambda pd: pd.Series([LARGE, -1]), [LARGE, -1]),
    ("Int64", lambda pd: pd.Series([LARGE, None], dtype="Int64"), [LARGE, None]),
    ("UInt64", lambda pd: pd.Series([LARGE, None], dtype="UInt64"), [LARGE, None]),
    ("float", lambda pd: pd.Series([1.5, None]), [1.5, None]),
    ("Float64", lambda pd: pd.Series([1.5, None], dtype="Float64"), [1.5, None]),
    ("bool", lambda pd: pd.Series([True, False]), [True, False]),
    ("boolean", lambda pd: pd.Series([True, None], dtype="boolean"), [True, None]),
    ("str", lambda pd: pd.Series(["a", None]), ["a", None]),
    ("string", lambda pd: pd.Series(["a", None], dtype="string"), ["a", None]),
    ("object", lambda pd: pd.Series([LARGE, 2.5, pd.NA, "a"], dtype=object), [LARGE, 2.5, None, "a"]),
    ("category", lambda pd: pd.Series(["b", "a", None], dtype="category"), ["b", "a", None]),
    ("category of whole", lambda pd: pd.Series([LARGE, 1], dtype="category"), [str(LARGE), "1"]),
    ("category of number", lambda pd: pd.Series([1.0, 1e-7], dtype="category"), ["1", "0.0000001"]),
    ("category of truth", lambda pd: pd.Series([True, False], dtype="category"), ["true", "false"]),
    ("cut", lambda pd: pd.cut(pd.Series([5.0, None]), [0, 10]), ["(0, 10]", None]),
    ("datetime", lambda pd: pd.Series(pd.to_datetime([NANOSECOND, None])), [TO_THE_NS, None]),
    ("datetime in a zone", lambda pd: pd.Series([IN_BERLIN, pd.NaT]), ["2024-01-31T10:00:00Z", None]),
    ("date", lambda pd: pd.Series([DAY, None]), ["2024-01-31", None]),
    ("sparse", lambda pd: pd.Series(pd.arrays.SparseArray([0, LARGE])), [0, LARGE]),
    ("index", lambda pd: pd.Index([LARGE, 5]), [LARGE, 5]),
    ("array", lambda pd: pd.array([LARGE, None], dtype="Int64"), [LARGE, None]),
    ("scalars", lambda pd: [pd.NA, pd.NaT, pd.Timestamp(NANOSECOND)], [None, None, TO_THE_NS]),
    ("frame", lambda pd: pd.DataFrame({"id": [LARGE, 5], "v": [1.5, None]}), [[LARGE, 1.5], [5, None]]),
    ("frame of one column", lambda pd: pd.DataFrame({"id": [LARGE]}), [[LARGE]]),
    ("frame without rows", lambda pd: pd.DataFrame({"id": []}), []),
    ("columns of one name", lambda pd: pd.DataFrame([[1, "a"]], columns=["x", "x"]), [[1, "a"]]),
    ("frame of truth", lambda pd: pd.DataFrame({"a": [1], "b": [True], "c": [0.5]}), [[1, True, 0.5]]),
    ("columns", lambda pd: {"id": pd.Series([LARGE]), "v": [0.5]}, [[LARGE, 0.5]]),
]  # fmt: skip

POLARS: list[Case] = [
    ("Int64", lambda pl: pl.Series([LARGE, None]), [LARGE, None]),
    ("UInt64", lambda pl: pl.Series([2**63], dtype=pl.UInt64), [2**63]),
    ("Float64", lambda pl: pl.Series([1.5, NAN, None]), [1.5, None, None]),
    ("Boolean", lambda pl: pl.Series([True, None]), [True, None]),
    ("String", lambda pl: pl.Series(["a", None]), ["a", None]),
    ("Null", lambda pl: pl.Series([None]), [None]),
    ("Categorical", lambda pl: pl.Series(["b", None], dtype=pl.Categorical), ["b", None]),
    ("Enum", lambda pl: pl.Series(["b"], dtype=pl.Enum(["a", "b"])), ["b"]),
    ("Decimal", lambda pl: pl.Series([Decimal("1.5"), None]), [1.5, None]),
    ("Date", lambda pl: pl.Series([DAY, None]), ["2024-01-31", None]),
    ("Datetime", lambda pl: pl.Series([MOMENT, None]), ["2024-01-31T10:00:00.25", None]),
    ("Datetime in ns", lambda pl: pl.Series([NANOSECOND]).cast(pl.Datetime("ns")), [TO_THE_NS]),
    ("Datetime in UTC", lambda pl: pl.Series([IN_UTC]), ["2024-01-31T10:00:00.25Z"]),
    ("Time", lambda pl: pl.Series([time(9, 5), None]), ["09:05:00", None]),
    ("List", lambda pl: pl.Series([[LARGE, 2], None]), [[LARGE, 2], None]),
    ("Array", lambda pl: pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)), [[1, 2]]),
    ("frame", lambda pl: pl.DataFrame({"id": [LARGE, 5], "v": [1.5, None]}), [[LARGE, 1.5], [5, None]]),
    ("columns", lambda pl: {"id": pl.Series([LARGE]), "v": pl.Series([0.5])}, [[LARGE, 0.5]]),
]  # fmt: skip

PYARROW: list[Case] = [
    ("int64", lambda pa: pa.array([LARGE, None]), [LARGE, None]),
    ("uint64", lambda pa: pa.array([2**63], type=pa.uint64()), [2**63]),
    ("double", lambda pa: pa.array([1.5, NAN, None]), [1.5, None, None]),
    ("float", lambda pa: pa.array([1.5, None], type=pa.float32()), [1.5, None]),
    ("bool", lambda pa: pa.array([True, None]), [True, None]),
    ("string", lambda pa: pa.array(["a", None]), ["a", None]),
    ("large string", lambda pa: pa.array(["a"], type=pa.large_string()), ["a"]),
    ("null", lambda pa: pa.nulls(1), [None]),
    ("dictionary", lambda pa: pa.array(["b", None]).dictionary_encode(), ["b", None]),
    ("dictionary of whole", lambda pa: pa.array([LARGE]).dictionary_encode(), [str(LARGE)]),
    ("decimal", lambda pa: pa.array([Decimal("1.50"), None]), [1.5, None]),
    ("date", lambda pa: pa.array([DAY, None]), ["2024-01-31", None]),
    ("date64", lambda pa: pa.array([DAY], type=pa.date64()), ["2024-01-31T00:00:00"]),
    ("timestamp", lambda pa: pa.array([NANOSECOND, None], type=pa.timestamp("ns")), [TO_THE_NS, None]),
    ("timestamp in a zone", lambda pa: pa.array([IN_UTC]), ["2024-01-31T10:00:00.25Z"]),
    ("time32", lambda pa: pa.array([33_900], type=pa.time32("s")), ["09:25:00"]),
    ("time64", lambda pa: pa.array([1], type=pa.time64("ns")), ["00:00:00.000000001"]),
    ("list", lambda pa: pa.array([[LARGE], None]), [[LARGE], None]),
    ("fixed list", lambda pa: pa.array([[1, 2]], type=pa.list_(pa.int64(), 2)), [[1, 2]]),
    ("chunks", lambda pa: pa.chunked_array([[LARGE], ["NaN"][:0], [5]], type=pa.int64()), [LARGE, 5]),
    ("scalar", lambda pa: [pa.scalar(LARGE), pa.scalar(None)], [LARGE, None]),
    ("table", lambda pa: pa.table({"id": [LARGE, 5], "v": [1.5, None]}), [[LARGE, 1.5], [5, None]]),
    ("batch", lambda pa: pa.RecordBatch.from_pydict({"id": [LARGE], "v": [0.5]}), [[LARGE, 0.5]]),
]  # fmt: skip

ARROW_IN_PANDAS: list[Case] = [
    ("int64", lambda pd, _: pd.Series([LARGE, None], dtype="int64[pyarrow]"), [LARGE, None]),
    ("double", lambda pd, _: pd.Series([1.5, None], dtype="double[pyarrow]"), [1.5, None]),
    ("string", lambda pd, _: pd.Series(["a", None], dtype="string[pyarrow]"), ["a", None]),
    ("date", lambda pd, pa: pd.Series([DAY], dtype=pd.ArrowDtype(pa.date32())), ["2024-01-31"]),
]  # fmt: skip

ACCEPTED = [
    *cases(PYTHON),
    *cases(NUMPY, "numpy"),
    *cases(PANDAS, "pandas"),
    *cases(POLARS, "polars"),
    *cases(PYARROW, "pyarrow"),
    *cases(ARROW_IN_PANDAS, "pandas", "pyarrow"),
]


@pytest.mark.parametrize(("make", "modules", "expected"), ACCEPTED)
def test_each_type_has_one_json_form(make: Make, modules: list[Any], expected: Any) -> None:
    form = data(make(*modules), "north")
    # As text, since in Python 1, 1.0 and True are equal.
    assert json.dumps(form, allow_nan=False) == json.dumps(expected)


REFUSED_PYTHON: list[Case] = [
    ("infinity", lambda: [1, math.inf], r"inf is no number .*\(`data` of north, item 1\)"),
    ("beyond 64 bits", lambda: [2**63 + 1], "would be rounded .* hint: hand in ids as texts"),
    ("decimal", lambda: [Decimal("1.00000000000000000001")], "decimal of 21 digits would be rounded"),
    ("duration", lambda: [timedelta(1)], "a timedelta cannot .* hint: .*total_seconds"),
    ("bytes", lambda: b"a", "a bytes cannot .* hint: decode"),
    ("complex", lambda: [1j], "a complex cannot"),
    ("object", lambda: [[1, object()]], r"an object cannot .*\(`data` of north, item 0, item 1\)"),
    ("mixed set", lambda: {"a", 1}, "a set has numbers and texts: .* hint: turn all into texts"),
    ("truth in a set", lambda: {True, 2}, "numbers and truth values"),
    ("uneven columns", lambda: {"a": [1], "b": [1, 2]}, "columns differ in length: `a` 1, `b` 2"),
    ("one key twice", lambda: {1: 1, "1": 2}, "two keys of a mapping are the same"),
    ("zone", lambda: time(9, tzinfo=timezone.utc), "time of day with a zone"),
    ("generator", lambda: (one for one in "ab"), "a generator cannot"),
]
REFUSED_NUMPY: list[Case] = [
    ("duration", lambda np: np.array([1], dtype="m8[ns]"), "a timedelta64 cannot"),
    ("infinity", lambda np: np.array([[1, np.inf]]), "inf is no number .*north, item 1"),
    ("uint64", lambda np: np.array([2**63 + 1], dtype="uint64"), "would be rounded"),
    ("longdouble", lambda np: np.array([np.longdouble(2) ** 53 + 1]), "more than double precision"),
    ("bytes", lambda np: np.array([b"a"]), "a bytes cannot"),
    ("picoseconds", lambda np: np.array([1], dtype="M8[ps]"), "units of ps"),
    ("far away", lambda np: np.array([2**60], dtype="M8[s]"), "outside of the years"),
]
REFUSED_PANDAS: list[Case] = [
    ("duration", lambda pd: pd.DataFrame({"stay": [pd.Timedelta(1)]}), "timedelta64 .*column `stay`"),
    ("infinity", lambda pd: pd.DataFrame({"a": [1], "b": [math.inf]}), "inf .*north, column `b`, item 0"),
    ("period", lambda pd: pd.Series(pd.period_range("2024", periods=1, freq="D")), "a Period .*astype"),
    ("interval", lambda pd: pd.Series(pd.interval_range(0, 1)), "an Interval .*astype"),
]  # fmt: skip
REFUSED_POLARS: list[Case] = [
    ("Duration", lambda pl: pl.Series([timedelta(1)]), "a duration"),
    ("Binary", lambda pl: pl.Series([b"a"]), "a binary"),
    ("Struct", lambda pl: pl.Series([{"a": 1}]), "a struct .*select its fields"),
    ("LazyFrame", lambda pl: pl.LazyFrame({"a": [1]}), "a LazyFrame .*collect"),
]
REFUSED_PYARROW: list[Case] = [
    ("duration", lambda pa: pa.array([timedelta(1)]), "a duration"),
    ("binary", lambda pa: pa.table({"x": [b"a"]}), "a binary .*column `x`"),
    ("struct", lambda pa: pa.array([{"a": 1}]), "a struct"),
]
REFUSED = [
    *cases(REFUSED_PYTHON),
    *cases(REFUSED_NUMPY, "numpy"),
    *cases(REFUSED_PANDAS, "pandas"),
    *cases(REFUSED_POLARS, "polars"),
    *cases(REFUSED_PYARROW, "pyarrow"),
]


@pytest.mark.parametrize(("make", "modules", "message"), REFUSED)
def test_what_has_no_form_is_refused_with_its_place_and_a_remedy(
    make: Make, modules: list[Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        data(make(*modules), "north")
    assert caught.value.party == "north"
    assert caught.value.hint
    caught.match(f"(?s){message}")


def test_an_array_of_another_library_is_read_by_its_own_list() -> None:
    class Tensor:
        def tolist(self) -> list[float]:
            return [1.5, NAN]

    class Frame:
        columns = ("a",)

        def to_numpy(self) -> None:
            raise AssertionError("a frame is not made one array")

    assert data(Tensor(), "north") == [1.5, None]
    with pytest.raises(UsageError, match="a Frame cannot be handed to a node"):
        data(Frame(), "north")


def test_large_ids_beside_numbers_reach_the_node_as_they_are(consortium: Consortium, fake: Fake) -> None:
    """Case 17: ids above 2^53 in a frame with a column of numbers."""
    pandas = pytest.importorskip("pandas")
    ids = [LARGE, LARGE + 2, 5]
    fake.answer = lambda _: {"sum": 8.0}
    frame = pandas.DataFrame({"id": ids, "v": [1.5, 2.5, 4.0]})
    consortium.compute("SetIntersectionSum", data={"clinic-a": frame, "clinic-b": ids, "clinic-c": ids})
    [call] = [one for one in fake.nodes["clinic-a"].received if one.method == "PATCH"]
    assert b"[[9007199254740993, 1.5], [9007199254740995, 2.5], [5, 4.0]]" in call.content


def test_missing_values_reach_the_node_as_null(consortium: Consortium, fake: Fake) -> None:
    """Case 19: missing values, with the parameter that leaves them out."""
    pandas = pytest.importorskip("pandas")
    brought = {
        "clinic-a": pandas.Series([1.0, NAN, 3.0]),
        "clinic-b": pandas.Series([1, None, 3], dtype="Int64"),
        "clinic-c": [1, pandas.NA, 3],
    }
    fake.answer = lambda _: {"sum": 12.0}
    consortium.compute("SecureSum", data=brought, parameters={"missing": "drop"})
    for node in fake.nodes.values():
        [call] = [one for one in node.received if one.method == "PATCH"]
        assert json.loads(call.content)["kwargs"]["data"] == [1, None, 3]


def test_conditions_and_parameters_have_the_same_forms(consortium: Consortium, fake: Fake) -> None:
    since = {"column": "born", "op": ">=", "value": DAY}
    consortium.compute("SecureSum", dataset="trial", column="age", where=since, parameters={"at": MOMENT})
    selecting, computing = [one for one in fake.nodes["clinic-a"].received if one.method == "PATCH"]
    assert json.loads(selecting.content)["kwargs"]["where"]["value"] == "2024-01-31"
    assert json.loads(computing.content)["kwargs"]["parameters"] == {"at": "2024-01-31T10:00:00.25"}
    with pytest.raises(UsageError, match=r"nan is no number .*`where`"):
        Selection("trial", ["age"], {"column": "age", "op": ">=", "value": NAN})
