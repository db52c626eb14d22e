"""`client.toml`, and the tokens that belong to it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from cloister import AsyncConsortium, ConfigurationError, Consortium, Member, Token
from cloister._config import ClientFile

TWO = """
deadline_seconds = 20

[[member]]
name = "clinic-a"
api = "http://127.0.0.1:8001/"

[[member]]
name = "clinic-b"
api = "https://node.clinic-b.example"
fingerprint = "{fingerprint}"
token_file = "b.token"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "client.toml"
    path.write_text(text.replace("{fingerprint}", "AB:" * 31 + "AB"), encoding="utf-8")
    # As editors of Windows write it, with a byte order mark.
    (folder / "b.token").write_text("secret-of-b\n", encoding="utf-8-sig")
    return path


def test_members_are_read_in_order(tmp_path: Path) -> None:
    file = ClientFile.read(write(tmp_path, TWO), environment={})
    a, b = file.members
    assert (a.name, a.api, a.token) == ("clinic-a", "http://127.0.0.1:8001", None)
    assert b.fingerprint == "ab" * 32
    assert b.token is not None
    assert b.token.reveal() == "secret-of-b"
    assert file.deadline_seconds == 20


def test_a_folder_stands_for_the_file_in_it(tmp_path: Path) -> None:
    write(tmp_path, TWO)
    for kind in (Consortium, AsyncConsortium):
        assert kind.from_file(tmp_path).parties == ("clinic-a", "clinic-b")


CONSORTIUM = """
[[member]]
name = "clinic-a"
api = "http://127.0.0.1:8001/"
peer = "127.0.0.1:9001"
fingerprints = ["{ab}"]

[[member]]
name = "clinic-b"
api = "https://node.clinic-b.example"
peer = "node.clinic-b.example:9001"
fingerprints = ["{AB}", "{cd}"]

[[member]]
name = "clinic-c"
api = "https://node.clinic-c.example"
peer = "node.clinic-c.example:9001"
fingerprints = ["{cd}"]
"""


def write_consortium(folder: Path, name: str = "consortium.toml", text: str = CONSORTIUM) -> Path:
    path = folder / name
    for short, full in (("{ab}", "ab" * 32), ("{AB}", ":".join(["AB"] * 32)), ("{cd}", "cd" * 32)):
        text = text.replace(short, full)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["consortium.toml", "study.toml"])
def test_the_consortium_file_is_enough(tmp_path: Path, name: str) -> None:
    file = ClientFile.read(write_consortium(tmp_path, name), {"CLOISTER_TOKEN_CLINIC_B": "secret"})
    a, b, c = file.members
    assert (a.name, a.api, a.fingerprint) == ("clinic-a", "http://127.0.0.1:8001", None), "it is open"
    assert (b.fingerprint, b.next_fingerprint) == ("ab" * 32, "cd" * 32)
    assert (c.fingerprint, c.next_fingerprint) == ("cd" * 32, None)
    assert b.token is not None
    assert b.token.reveal() == "secret"
    assert file.deadline_seconds == 60


def test_of_a_folder_the_file_for_clients_comes_first(tmp_path: Path) -> None:
    write_consortium(tmp_path)
    assert Consortium.from_file(tmp_path).parties == ("clinic-a", "clinic-b", "clinic-c")
    with pytest.raises(ConfigurationError) as caught:
        Consortium.from_file(tmp_path / "client.toml")
    assert str(tmp_path / "consortium.toml") in caught.value.hint
    write(tmp_path, TWO)
    assert Consortium.from_file(tmp_path).parties == ("clinic-a", "clinic-b")


def test_a_fingerprint_that_is_to_follow_is_read(tmp_path: Path) -> None:
    text = TWO.replace("token_file", f'next_fingerprint = "{"cd" * 32}"\ntoken_file')
    _, b = ClientFile.read(write(tmp_path, text)).members
    assert (b.fingerprint, b.next_fingerprint) == ("ab" * 32, "cd" * 32)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[member]]", "deadline_seconds = 3\n[[member]]", "no `deadline_seconds` here"),
        ("peer =", "fingerprint = 'x'\npeer =", "no `fingerprint` here"),
        ('peer = "127.0.0.1:9001"\n', "", "no `peer`"),
        ('peer = "127.0.0.1:9001"', "peer = 1", "`peer` of a member is a text"),
        ('["{ab}"]', "[]", "`fingerprints` of clinic-a lists one, or two"),
        ('["{ab}"]', '["{ab}", "{ab}", "{ab}"]', "`fingerprints` of clinic-a lists one, or two"),
        ('["{ab}"]', "[3]", "`fingerprints` of clinic-a lists one, or two"),
        ('["{ab}"]', '["abandon ability"]', "64 hex digits"),
    ],
)
def test_a_consortium_file_that_cannot_be_used_says_why(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ClientFile.read(write_consortium(tmp_path, text=CONSORTIUM.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CLOISTER_TOKEN_CLINIC_A": "own", "CLOISTER_TOKEN": "common"}, "own"),
        ({"CLOISTER_TOKEN": "common"}, "common"),
    ],
)
def test_tokens_come_from_the_environment(
    tmp_path: Path, environment: dict[str, str], expected: str
) -> None:
    a, b = ClientFile.read(write(tmp_path, TWO), environment).members
    assert a.token is not None
    assert a.token.reveal() == expected
    assert b.token is not None
    assert b.token.reveal() == "secret-of-b", "the file goes before the environment"


def test_tokens_never_show(tmp_path: Path) -> None:
    file = ClientFile.read(write(tmp_path, TWO), {"CLOISTER_TOKEN": "secret-of-a"})
    consortium = Consortium(file.members)
    shown = repr((file, consortium, vars(consortium), file.members)) + str(file)
    assert "secret" not in shown
    assert "Token(…)" in shown


def test_tokens_are_not_pickled() -> None:
    for copying in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            copying(Token("secret"))


def test_a_password_in_the_url_is_a_token_and_does_not_show() -> None:
    member = Member("a", "https://me:s%3Acret@a.example:8001")
    assert member.api == "https://a.example:8001"
    assert member.token is not None
    assert member.token.reveal() == "s:cret"
    assert "cret" not in repr(member)
    with pytest.raises(ConfigurationError) as caught:
        Member("a", "ftp://me:secret@a.example")
    assert "secret" not in str(caught.value)


def test_a_token_in_the_clear_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="unencrypted to node.example"):
        Consortium([Member("a", "http://node.example", token=Token("secret"))])
    for loopback in ("localhost", "127.0.0.1", "[::1]"):
        Consortium([Member("a", f"http://{loopback}:8001", token=Token("secret"))])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no member"),
        ("member = 3", "lists no member"),
        ("member = [3]", "as a table"),
        ("x", "client.toml"),
        (TWO + "tokne = 'x'", "no `tokne` here"),
        ("tokne = 1" + TWO, "no `tokne` here"),
        (TWO.replace("deadline_seconds = 20", "deadline_seconds = 0"), "whole number above 0"),
        (TWO.replace("{fingerprint}", "AB"), "64 hex digits"),
        (TWO.replace("b.token", "none.token"), "cannot read the token"),
        (TWO.replace('clinic-b"', 'clinic-a"'), "a name of its own"),
        (TWO.replace("http://127", "127"), "no http:// or https:// URL"),
        ("[[member]]\nname = 'a'", "no `api`"),
        ("[[member]]\nname = 'a'\napi = 3", "`api` of a member is a text"),
        (TWO.replace("token_file", "authority").replace("fingerprint = ", "# "), "authority of clinic-b"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=message):
        Consortium.from_file(path)


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read") as caught:
        Consortium.from_file(tmp_path / "client.toml")
    assert "cloister init" in caught.value.hint
