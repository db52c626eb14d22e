"""Lists of nodes as tables, which behave as the tuples or dicts that they are."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest

from cloister import Consortium
from cloister._tables import Computations, Datasets, Functions, Members
from tests.fake import Fake
from tests.test_display import Page

EVIL = "<script>alert('x')</script>\x1b[2J\n"


def test_functions_show_as_a_table(consortium: Consortium) -> None:
    functions = consortium.functions()
    assert repr(functions).splitlines() == [
        "name       takes                  parameters     gives",
        "SecureSum  one column of numbers  digits_before  sum",
    ]
    page = Page(functions._repr_html_())
    assert {"1 function", "SecureSum", "digits_before", "sum"} <= set(page.texts)


def test_functions_are_a_tuple_as_before(consortium: Consortium) -> None:
    functions = consortium.functions()
    [one] = functions
    assert isinstance(functions, tuple)
    assert functions == (one,)
    assert hash(functions) == hash((one,))
    assert functions[:1] == (one,)
    assert functions + functions == (one, one)
    assert one in functions
    for copied in (pickle.loads(pickle.dumps(functions)), copy.copy(functions)):  # noqa: S301
        assert copied == functions
        assert repr(copied) == repr(functions)


def test_members_show_as_a_table_with_those_that_do_not_answer(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].reachable = False
    shown = repr(consortium.members()).splitlines()
    assert shown[0].split() == ["name", "api", "ready", "version", "profile", "certificate", "problem"]
    assert shown[1].split()[:5] == ["clinic-a", "http://clinic-a.test", "no", "0.1.0", "teaching"]
    assert shown[1].endswith("clinic-b: down")
    assert "no node answers at http://clinic-b.test" in shown[2]
    assert "3 members" in Page(consortium.members()._repr_html_()).texts


def test_datasets_show_as_a_table_and_are_a_dict_as_before(consortium: Consortium) -> None:
    datasets = consortium.datasets()
    assert repr(datasets).splitlines() == [
        "dataset  party     rows        columns",
        "trial    clinic-a  20 or more  age (number)",
        "trial    clinic-b  20 or more  age (number), years (number)",
        "trial    clinic-c  20 or more  age (number)",
    ]
    assert "years (number)" in " ".join(Page(datasets._repr_html_()).texts)
    assert isinstance(datasets, dict)
    assert list(datasets) == ["trial"]
    assert datasets == dict(datasets)
    assert pickle.loads(pickle.dumps(datasets)) == datasets  # noqa: S301


def test_computations_show_as_a_table(consortium: Consortium) -> None:
    consortium.compute(
        "SecureSum", data={"clinic-a": [1], "clinic-b": [2], "clinic-c": [3]}, network="monday"
    )
    shown = repr(consortium.computations(state="all"))
    assert "clinic-c  monday   SecureSum  done   0      2026-11-28 19:00:00+00:00" in shown
    assert "waits for" not in shown, "what is empty everywhere takes no room"


@pytest.mark.parametrize(
    ("empty", "shown"),
    [
        (Functions(), "no functions"),
        (Members(), "no members"),
        (Computations(), "no computations"),
        (Datasets(), "no datasets"),
    ],
)
def test_an_empty_table_says_so(empty: Functions | Datasets, shown: str) -> None:
    assert repr(empty) == shown
    assert Page(empty._repr_html_()).names.count("table") == 1


def test_what_came_from_nodes_is_escaped_and_steers_no_terminal(consortium: Consortium) -> None:
    [one] = consortium.functions()
    functions = Functions([replace(one, name=EVIL, takes="x" * 500)])
    member = replace(consortium.members()[0], name=EVIL)
    dataset = replace(consortium.datasets()["trial"]["clinic-a"], party=EVIL)
    for listed in (functions, Members([member]), Datasets({EVIL: {EVIL: dataset}})):
        assert "script" not in Page(listed._repr_html_()).names
        assert "\x1b" not in repr(listed)
        assert len(repr(listed).splitlines()) == 2
    assert max(map(len, repr(functions).splitlines())) < 150


def test_many_columns_are_counted(consortium: Consortium) -> None:
    dataset = consortium.datasets()["trial"]["clinic-a"]
    wide = replace(
        dataset, columns=tuple(replace(dataset.columns[0], name=f"c{at}", unit="kg") for at in range(20))
    )
    html = Datasets({"trial": {"clinic-a": wide}})._repr_html_()
    assert "c0 (number, kg)" in html
    assert "and 8 more" in html
