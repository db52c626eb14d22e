"""Results as text and HTML."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from cloister import Consortium, Result, UsageError
from tests.fake import SESSION

NUMBERS = {"clinic-a": [1, 2], "clinic-b": [3], "clinic-c": [4.5]}

TABLE = {"f": {"yes": 3, "no": None}, "m": {"yes": 5}}


@pytest.fixture
def result(consortium: Consortium) -> Result:
    return consortium.compute("SecureSum", data=NUMBERS)


class Page(HTMLParser):
    """A page's elements and texts, if each that was opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(html)
        assert not self.opened

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_display_shows_result_security_disclosure_and_cost(result: Result) -> None:
    page = Page(result._repr_html_())
    shown = " ".join(page.texts)
    for expected in (
        "SecureSum of clinic-a, clinic-b, clinic-c",
        "10.5",
        "Security: masked",
        "the number of rows <all together>",
        "Disclosure",
        "at least 5",
        "at most 70 %",
        "Profiles of the nodes: clinic-a: teaching",
        "2 rounds, 2.93 KiB sent, 0.25 s",
        SESSION,
    ):
        assert expected in shown


def test_the_display_is_accessible_and_has_no_scripts(result: Result) -> None:
    page = Page(result._repr_html_())
    assert page.names.count("table") == page.names.count("caption") == 3
    headers = page.names.count("th")
    assert page.attributes.count(("scope", "row")) + page.attributes.count(("scope", "col")) == headers
    assert page.names.count("details") == page.names.count("summary") == 3
    assert "script" not in page.names
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in page.attributes)


def test_what_came_from_nodes_is_escaped(result: Result) -> None:
    evil = "<script>alert('x')</script>"
    poisoned = replace(
        result,
        function=evil,
        parties=(evil,),
        session=evil,
        result={evil: evil, "table": {evil: {evil: evil}}},
        security=replace(result.security, suite=evil, adversary=evil, reveals=(evil,)),
        disclosure=replace(result.disclosure, rules={evil: evil}, decided_by={evil: evil}),
    )
    assert "script" not in Page(poisoned._repr_html_()).names


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ({"table": TABLE, "mode": ["m", "yes"]}, ["table", "yes", "no", "not shown", "m, yes"]),
        ({"histogram": {"a": 1}}, ["histogram", "a", "1"]),
        ({"product": [[1.0, 2.0], [3.0, 4.0]]}, ["product", "4"]),
        ({"intersection": ["x", "y"], "size_intersection": 2}, ["intersection", "y", "2"]),
        ({"sorted": list(range(60))}, ["sorted (the first 50 of 60)"]),
        ({"mixed": [1, [2, 3], {"a": 4}]}, ["mixed", "3", "4"]),
        ({}, []),
    ],
)
def test_every_shape_of_answer_is_shown(result: Result, answer: Any, texts: list[str]) -> None:
    page = Page(replace(result, result=answer)._repr_html_())
    assert set(texts) <= set(page.texts)


def test_one_line_for_debuggers(result: Result) -> None:
    assert repr(result) == "<Result SecureSum of clinic-a, clinic-b, clinic-c: sum=10.5>"
    many = replace(result, result={str(number): number for number in range(9)})
    assert repr(many).endswith("3=3, and 5 more>")


def test_text_for_print(result: Result) -> None:
    shown = str(replace(result, dropped=3))
    for expected in ("sum  10.5", "left out: 3", "security: masked", "at least 5 (clinic-a)", "cost: 2"):
        assert expected in shown


def test_results_are_frozen(result: Result) -> None:
    with pytest.raises(FrozenInstanceError):
        result.function = "x"  # type: ignore[misc]


def test_single_values_as_a_frame(result: Result) -> None:
    pytest.importorskip("pandas")
    frame = result.to_frame()
    assert frame.loc["sum", "value"] == 10.5


def test_a_table_as_a_frame(result: Result) -> None:
    pytest.importorskip("pandas")
    frame = replace(result, result={"table": TABLE, "mode": ["m", "yes"]}).to_frame()
    assert list(frame.index) == ["f", "m"]
    assert frame.loc["m", "yes"] == 5
    assert frame["no"].isna().all()


def test_lists_as_frames(result: Result) -> None:
    pytest.importorskip("pandas")
    answer = {"product": [[1.0, 2.0]], "top": [{"value": 3, "count": 1}], "histogram": {"a": 1}, "n": 7}
    many = replace(result, result=answer)
    assert many.to_frame("product").shape == (1, 2)
    assert list(many.to_frame("top").columns) == ["value", "count"]
    assert many.to_frame("histogram").loc["a", "histogram"] == 1
    assert list(many.to_frame().index) == ["n"], "of several tables none is taken by chance"
    with pytest.raises(UsageError, match="no `x`"):
        many.to_frame("x")


def test_without_pandas_it_is_said_what_to_install(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="cloister-client"):
        result.to_frame()
