"""A result as one line, as text, and in notebooks.

The HTML is accessible: tables with captions and headers that screen readers announce, sections that open by
keyboard, the colours and fonts of the notebook. It has no scripts and loads nothing. All that came from a
node is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from cloister._frames import is_wide

if TYPE_CHECKING:
    from cloister._results import Cost, Result

_SHOWN_IN_LINE = 4
_SHOWN_ROWS = 50
_SHOWN_CHARACTERS = 200

_RULES: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "min_rows": ("rows of all parties together", lambda least: f"at least {least}"),
    "min_parties": ("parties", lambda least: f"at least {least}"),
    "min_cell": ("count in a cell of a table", lambda least: f"at least {least}"),
    "max_share": ("one party's share", lambda most: f"at most {most} %"),
    "client_columns": (
        "columns made by a client beside a dataset's",
        lambda allowed: "allowed" if allowed else "not allowed",
    ),
}


def line(result: Result) -> str:
    """As a notebook's plain cell, a debugger or a log shows it."""
    shown = list(result.result.items())[:_SHOWN_IN_LINE]
    values = ", ".join(f"{name}={_short(value)}" for name, value in shown)
    more = len(result.result) - len(shown)
    rest = f", and {more} more" if more else ""
    where = ", ".join(result.parties)
    return f"<Result {result.function} of {where}: {values}{rest}>"


def text(result: Result) -> str:
    """As `print` shows it."""
    width = max((len(name) for name in result.result), default=0)
    lines = [f"{result.function} of {', '.join(result.parties)}"]
    lines += [f"  {name:<{width}}  {_short(value)}" for name, value in result.result.items()]
    if result.dropped is not None:
        lines.append(f"left out: {_short(result.dropped)}")
    if result.disclosure.left_out:
        lines.append(f"parties that left out rows: {result.disclosure.left_out}")
    if result.disclosure.rounded is not None:
        lines.append(f"rounded: {result.disclosure.rounded}; counts are exact")
    lines.append(f"security: {result.security.suite}; {result.security.adversary}")
    lines += [f"  reveals: {what}" for what in result.security.reveals]
    lines.append("disclosure:")
    lines += [f"  {rule}: {value} ({by})" for rule, value, by in _rules(result)]
    lines.append(f"cost: {_cost(result.cost)}")
    return "\n".join(lines)


def html(result: Result) -> str:
    """As a notebook shows it."""
    title = f"{result.function} of {', '.join(result.parties)}"
    parts = [
        f'<section class="cloister-result" aria-label="{escape(f"Result: {title}")}">',
        *_values(title, result.result),
        *_left_out(result),
        _details(f"Security: {result.security.suite}", _security(result)),
        _details("Disclosure: the rules that held", _disclosure(result)),
        _details(f"Cost: {_cost(result.cost)}", _costs(result)),
        f"<p><small>session <code>{escape(result.session)}</code></small></p>",
        "</section>",
    ]
    return "\n".join(parts)


def _values(title: str, result: Mapping[str, Any]) -> Iterable[str]:
    """All single values in a table, then each table, matrix or list in one of its own."""
    wide = {name: value for name, value in result.items() if is_wide(name, value)}
    single = [(name, _short(value)) for name, value in result.items() if name not in wide]
    if single or not wide:
        yield table(title, ("", "value"), single)
    else:
        yield f"<p><strong>{escape(title)}</strong></p>"
    for name, value in wide.items():
        yield _wide_table(name, value)


def _wide_table(name: str, value: Any) -> str:
    rows = list(value.items()) if isinstance(value, dict) else list(enumerate(value, start=1))
    columns = _columns(row for _, row in rows)
    shown = [(str(label), *_cells(row, columns)) for label, row in rows[:_SHOWN_ROWS]]
    caption = name if len(rows) <= _SHOWN_ROWS else f"{name} (the first {_SHOWN_ROWS} of {len(rows)})"
    return table(caption, ("", *(columns or ["value"])), shown)


def _columns(rows: Iterable[Any]) -> list[str]:
    """The names of the columns; none where rows are single values."""
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict):
            names.update(dict.fromkeys(map(str, row)))
        elif isinstance(row, list):
            names.update(dict.fromkeys(str(index) for index in range(1, len(row) + 1)))
    return list(names)


def _cells(row: Any, columns: list[str]) -> list[str]:
    if isinstance(row, list):
        row = {str(index): cell for index, cell in enumerate(row, start=1)}
    if not columns or not isinstance(row, dict):
        return [_short(row)] + [""] * (len(columns) - 1)
    by_name = {str(name): cell for name, cell in row.items()}
    return [_short(by_name[name]) if name in by_name else "" for name in columns]


def _left_out(result: Result) -> Iterable[str]:
    if result.dropped is not None:
        yield f"<p>Rows left out, of all parties: {escape(_short(result.dropped))}</p>"
    if result.disclosure.left_out:
        yield f"<p>Parties that left out rows by their own rules: {result.disclosure.left_out}</p>"
    if result.disclosure.rounded is not None:
        yield f"<p>Rounded: {escape(result.disclosure.rounded)}; counts are exact</p>"


def _security(result: Result) -> str:
    security = result.security
    reveals = "".join(f"<li>{escape(what)}</li>" for what in security.reveals)
    return (
        f"<p>{escape(security.adversary)}</p>"
        f"<p>Semi-honest nodes that are withstood together: {security.corruptible}</p>"
        f"<p>Revealed beside the answer:</p><ul>{reveals or '<li>nothing</li>'}</ul>"
    )


def _disclosure(result: Result) -> str:
    rules = table("Disclosure rules", ("rule", "value", "decided by"), _rules(result))
    reports = result.reports.values()
    profiles = ", ".join(f"{report.party}: {report.disclosure.profile}" for report in reports)
    return f"{rules}<p>Profiles of the nodes: {escape(profiles or result.disclosure.profile)}</p>"


def _rules(result: Result) -> list[tuple[str, str, str]]:
    disclosure = result.disclosure
    rules = []
    for name, value in disclosure.rules.items():
        label, show = _RULES.get(name, (name, str))
        rules.append((label, show(value), disclosure.decided_by.get(name, "")))
    return rules


def _costs(result: Result) -> str:
    headers = ("party", "rounds", "messages sent", "bytes sent", "bytes received", "seconds")
    rows = []
    for party, report in result.reports.items():
        cost = report.cost
        counts = (cost.rounds, cost.messages_sent, cost.bytes_sent, cost.bytes_received)
        rows.append((party, *(f"{count:,}" for count in counts), f"{cost.seconds:.3f}"))
    return table("Cost of each party", headers, rows)


def _cost(cost: Cost) -> str:
    return f"{cost.rounds} rounds, {_bytes(cost.bytes_sent)} sent, {cost.seconds:.3g} s"


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} GiB"


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def table(caption: str, headers: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Returns a table as HTML, escaped. The first cell of each row is its header."""
    head = "".join(
        f'<th scope="col">{escape(header)}</th>' if header else "<td></td>" for header in headers
    )
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for label, *cells in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _short(value: Any) -> str:
    """A value for people; what is withheld is told from what is empty."""
    if value is None:
        return "not shown"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        value = ", ".join(map(_short, value))
    shown = str(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"
