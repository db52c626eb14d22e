"""Lists of nodes as tables: functions, members, datasets and computations.

Each is the tuple or dict that it would be without the table, and only shows itself otherwise: as aligned
text, and in notebooks as a table of HTML. All that came from a node is escaped, or stripped of what would
steer a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

from cloister._display import table
from cloister._views import Column, Computation, Dataset, Function, MemberStatus

T = TypeVar("T")

Row: TypeAlias = tuple[str, ...]

_LONGEST_CELL = 60
_SHOWN_COLUMNS = 12


class _Tuple(tuple[T, ...]):
    """A tuple that shows as a table."""

    __slots__ = ()

    title: ClassVar[str]
    headers: ClassVar[Row]

    @staticmethod
    def row(one: Any) -> Row:
        """The cells of an item."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return _text(self.title, self.headers, map(self.row, self))

    def _repr_html_(self) -> str:
        return table(_titled(self.title, len(self)), self.headers, map(self.row, self))


class Functions(_Tuple[Function]):
    """Functions, as a tuple that shows as a table."""

    __slots__ = ()

    title = "functions"
    headers = ("name", "takes", "parameters", "gives")

    @staticmethod
    def row(one: Function) -> Row:
        """The cells of a function. A parameter that is required has a star."""
        named = (f"{parameter.name}{'*' if parameter.required else ''}" for parameter in one.parameters)
        return (one.name, one.takes, ", ".join(named), ", ".join(one.result_keys))


class Members(_Tuple[MemberStatus]):
    """Members, as a tuple that shows as a table."""

    __slots__ = ()

    title = "members"
    headers = ("name", "api", "ready", "version", "profile", "certificate", "problem")

    @staticmethod
    def row(one: MemberStatus) -> Row:
        """The cells of a member: those of its node are empty where it does not answer."""
        ready = "yes" if one.ready else "no"
        if one.node is None:
            problem = "" if one.error is None else one.error.message
            return (one.name, one.api, ready, "", "", "", problem)
        node = one.node
        down = (f"{link.to}: {link.problem or link.state}" for link in one.links if link.state != "up")
        days = f"{node.certificate_days_left} days"
        return (one.name, one.api, ready, node.version, node.profile, days, "; ".join(down))


class Computations(_Tuple[Computation]):
    """Computations, as a tuple that shows as a table."""

    __slots__ = ()

    title = "computations"
    headers = ("party", "network", "function", "state", "round", "waits for", "started", "error")

    @staticmethod
    def row(one: Computation) -> Row:
        """The cells of a computation, as one node tells of it."""
        waits = "" if one.waiting is None else f"{', '.join(one.waiting.parties)} ({one.waiting.awaited})"
        error = "" if one.error is None else f"{one.error.message} ({one.error.code})"
        started = one.started.isoformat(sep=" ", timespec="seconds")
        return (one.party, one.network, one.function, one.state, str(one.round), waits, started, error)


class Datasets(dict[str, dict[str, Dataset]]):
    """Datasets by name and party, as a dict of dicts that shows as a table."""

    title = "datasets"
    headers = ("dataset", "party", "rows", "columns")

    def __repr__(self) -> str:
        return _text(self.title, self.headers, self._rows())

    def _repr_html_(self) -> str:
        return table(_titled(self.title, len(self)), self.headers, self._rows())

    def _rows(self) -> list[Row]:
        return [
            (name, party, f"{one.rows} or more", _columns(one.columns))
            for name, by_party in self.items()
            for party, one in by_party.items()
        ]


def _columns(columns: Sequence[Column]) -> str:
    shown = [
        f"{column.name} ({column.kind}{'' if column.unit is None else f', {column.unit}'})"
        for column in columns[:_SHOWN_COLUMNS]
    ]
    more = len(columns) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])])


def _titled(title: str, count: int) -> str:
    return f"{count} {title.removesuffix('s') if count == 1 else title}"


def _text(title: str, headers: Row, rows: Iterable[Row]) -> str:
    shown = [tuple(map(_short, row)) for row in rows]
    if not shown:
        return f"no {title}"
    # A column that is empty everywhere takes no room.
    kept = [at for at in range(len(headers)) if any(row[at] for row in shown)]
    lines = [tuple(line[at] for at in kept) for line in (headers, *shown)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _short(cell: str) -> str:
    """One line without control characters, of bounded length."""
    line = "".join(character if character.isprintable() else " " for character in cell)
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"
