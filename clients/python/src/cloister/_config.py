"""The members, and the addresses at which a client reaches them: `client.toml`, or `consortium.toml`.

Reads files and the environment, and opens no connection. A token never shows: it is a `Token`, which
has no representation.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from cloister._errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

USUAL_DEADLINE_SECONDS = 60

_FINGERPRINT_DIGITS = 64
_FILE_KEYS = frozenset({"deadline_seconds", "member"})
_MEMBER_KEYS = frozenset({"name", "api", "fingerprint", "next_fingerprint", "authority", "token_file"})
_CONSORTIUM_FILE_KEYS = frozenset({"member"})
_CONSORTIUM_MEMBER_KEYS = frozenset({"name", "api", "peer", "fingerprints"})
_MOST_FINGERPRINTS = 2


class Token:
    """A client's token for a node. It shows in no representation, and cannot be pickled."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        if not self._text or not self._text.isascii() or not self._text.isprintable():
            raise ConfigurationError("a token is one line of printable characters")

    def reveal(self) -> str:
        """The token itself, for the header of a request and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "Token(…)"

    def __reduce__(self) -> str:
        raise TypeError("a token is not pickled")


@dataclass(frozen=True)
class Member:
    """A member as clients know it."""

    name: str
    """Its name."""
    api: str
    """The URL of its node's API."""
    fingerprint: str | None = None
    """The SHA-256 of the certificate that the node shows, in hex, for HTTPS with its own identity."""
    authority: Path | None = None
    """A file with the authority that signed the node's certificate, for HTTPS otherwise."""
    token: Token | None = field(default=None, compare=False)
    """The client's token for this node."""
    next_fingerprint: str | None = None
    """The fingerprint that is to follow, while the certificate is renewed."""

    def __post_init__(self) -> None:
        api, token = _without_password(self.api, self.name)
        object.__setattr__(self, "api", api)
        if self.token is None and token is not None:
            object.__setattr__(self, "token", token)
        for field_name in ("fingerprint", "next_fingerprint"):
            written = getattr(self, field_name)
            if written is not None:
                object.__setattr__(self, field_name, _fingerprint(written, self.name, field_name))


@dataclass(frozen=True)
class ClientFile:
    """A client's knowledge of a consortium."""

    members: tuple[Member, ...]
    """In the order of the consortium file."""
    deadline_seconds: float = USUAL_DEADLINE_SECONDS
    """The longest deadline of the members' nodes."""

    @classmethod
    def read(cls, path: str | os.PathLike[str], environment: Mapping[str, str] | None = None) -> ClientFile:
        """Reads a `client.toml` or a `consortium.toml`, and the files with tokens it names.

        Of a folder it reads `client.toml`, or else `consortium.toml`, as the command does. The consortium
        file names no tokens, authorities or deadline: tokens come from the environment, the deadline is
        the usual one, and an API over HTTPS shows the certificate that is pinned there.
        """
        where = _file(Path(path))
        document = _toml(where)
        environment = os.environ if environment is None else environment
        if _is_consortium_file(document, where):
            _no_other_keys(document, _CONSORTIUM_FILE_KEYS, where)
            entries = _entries(document, where)
            return cls(tuple(_pinned_member(entry, where, environment) for entry in entries))
        _no_other_keys(document, _FILE_KEYS, where)
        entries = _entries(document, where)
        members = tuple(_member(entry, where, environment) for entry in entries)
        return cls(members, _deadline(document, where))


def token_variables(name: str) -> tuple[str, str]:
    """The environment variables in which a member's token may be, the more special first."""
    return f"CLOISTER_TOKEN_{name.upper().replace('-', '_')}", "CLOISTER_TOKEN"


def _file(path: Path) -> Path:
    """The file that a path stands for."""
    if not path.is_dir():
        return path
    client, consortium = path / "client.toml", path / "consortium.toml"
    return consortium if not client.exists() and consortium.exists() else client


def _is_consortium_file(document: Mapping[str, Any], where: Path) -> bool:
    """Returns whether it is the file of the nodes. It is known by its contents, too, if it is renamed."""
    members = document.get("member")
    own_keys = _CONSORTIUM_MEMBER_KEYS - _MEMBER_KEYS
    return where.name == "consortium.toml" or (
        isinstance(members, list) and any(isinstance(one, dict) and own_keys & set(one) for one in members)
    )


def _entries(document: Mapping[str, Any], where: Path) -> list[Any]:
    entries = document.get("member", [])
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(f"{where} lists no member")
    return entries


def _toml(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path}: {error.strerror}",
            hint=_hint_for_no(path),
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return document


def _hint_for_no(path: Path) -> str:
    beside = path.with_name("consortium.toml")
    if beside.exists() and beside != path:
        return f"there is {beside}, which is enough where no token_file or authority is needed"
    return "`cloister init` makes a consortium with its client.toml"


def _member(entry: object, where: Path, environment: Mapping[str, str]) -> Member:
    table = _table(entry, _MEMBER_KEYS, where)
    for key, value in table.items():
        if not isinstance(value, str):
            raise ConfigurationError(f"{where}: `{key}` of a member is a text")
    _require(table, ("name", "api"), where)
    authority = table.get("authority")
    return Member(
        name=table["name"],
        api=table["api"],
        fingerprint=table.get("fingerprint"),
        next_fingerprint=table.get("next_fingerprint"),
        authority=None if authority is None else where.parent / authority,
        token=_token(table, where, environment),
    )


def _pinned_member(entry: object, where: Path, environment: Mapping[str, str]) -> Member:
    """A member of the consortium file. An API over HTTPS shows the certificate that is pinned there."""
    table = _table(entry, _CONSORTIUM_MEMBER_KEYS, where)
    _require(table, ("name", "api", "peer", "fingerprints"), where)
    for key in ("name", "api", "peer"):
        if not isinstance(table[key], str):
            raise ConfigurationError(f"{where}: `{key}` of a member is a text")
    name, prints = table["name"], table["fingerprints"]
    if (
        not isinstance(prints, list)
        or not 1 <= len(prints) <= _MOST_FINGERPRINTS
        or not all(isinstance(one, str) for one in prints)
    ):
        raise ConfigurationError(
            f"{where}: `fingerprints` of {name} lists one, or two while its certificate is renewed"
        )
    read = [_fingerprint(one, name, "fingerprints") for one in prints]
    pinned = read if urlsplit(table["api"]).scheme == "https" else []
    first, second = [*pinned, None, None][:_MOST_FINGERPRINTS]
    return Member(
        name=name,
        api=table["api"],
        fingerprint=first,
        next_fingerprint=second,
        token=_token({"name": name}, where, environment),
    )


def _table(entry: object, known: frozenset[str], where: Path) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where}: write each member as a table `[[member]]`")
    _no_other_keys(entry, known, where)
    return entry


def _require(table: Mapping[str, Any], keys: tuple[str, ...], where: Path) -> None:
    for key in keys:
        if key not in table:
            raise ConfigurationError(f"{where}: a member has no `{key}`")


def _token(entry: Mapping[str, str], where: Path, environment: Mapping[str, str]) -> Token | None:
    if "token_file" in entry:
        path = where.parent / entry["token_file"]
        try:
            return Token(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigurationError(f"cannot read the token in {path}: {reason}") from None
    for variable in token_variables(entry["name"]):
        if variable in environment:
            return Token(environment[variable])
    return None


def _deadline(document: Mapping[str, Any], where: Path) -> float:
    deadline = document.get("deadline_seconds", USUAL_DEADLINE_SECONDS)
    if not isinstance(deadline, int) or isinstance(deadline, bool) or deadline <= 0:
        raise ConfigurationError(f"{where}: `deadline_seconds` is a whole number above 0")
    return deadline


def _no_other_keys(table: Mapping[str, Any], known: frozenset[str], where: Path) -> None:
    for key in table:
        if key not in known:
            allowed = ", ".join(sorted(known))
            raise ConfigurationError(f"{where}: there is no `{key}` here", hint=f"known: {allowed}")


def _without_password(api: str, name: str) -> tuple[str, Token | None]:
    """The URL without what must not show, and the token if there was one in it."""
    parts = urlsplit(api)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # The text itself may hold a password: it is not repeated.
        raise ConfigurationError(f"the `api` of {name} is no http:// or https:// URL")
    host = parts.netloc.rpartition("@")[2]
    token = None if parts.password is None else Token(unquote(parts.password))
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")), token


def _fingerprint(text: str, name: str, key: str) -> str:
    digits = re.sub(r"[\s:]", "", text).lower()
    if len(digits) != _FINGERPRINT_DIGITS or not re.fullmatch("[0-9a-f]*", digits):
        raise ConfigurationError(
            f"the `{key}` of {name} is not one: write {_FINGERPRINT_DIGITS} hex digits",
            hint="this client does not read the form of 24 words; `cloister` prints both",
        )
    return digits
