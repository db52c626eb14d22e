"""Reading JSON documents into what cannot be wrong, once, at the edge.

Documents of nodes are read here and nowhere else. Unknown keys are passed over, so that newer nodes can be
asked. A key that is missing or of another kind is `Malformed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any


class Malformed(ValueError):
    """A document is not what it should be."""


class Document:
    """A JSON object, read key by key."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{where} is no object")
        self.entries: Mapping[str, Any] = value
        self._where = where

    def text(self, key: str) -> str:
        """A text."""
        value = self._present(key)
        if not isinstance(value, str):
            raise self._wrong(key, "text")
        return value

    def text_or_none(self, key: str) -> str | None:
        """A text, or nothing."""
        return None if self.entries.get(key) is None else self.text(key)

    def whole(self, key: str) -> int:
        """A whole number."""
        value = self._present(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(key, "whole number")
        return value

    def whole_or_none(self, key: str) -> int | None:
        """A whole number, or nothing."""
        return None if self.entries.get(key) is None else self.whole(key)

    def number(self, key: str) -> float:
        """A number."""
        value = self._present(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self._wrong(key, "number")
        return float(value)

    def number_or_none(self, key: str) -> float | None:
        """A number, or nothing."""
        return None if self.entries.get(key) is None else self.number(key)

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._present(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "boolean")
        return value

    def time(self, key: str) -> datetime:
        """A time after RFC 3339."""
        text = self.text(key)
        try:
            # Before Python 3.11 it does not know the letter Z.
            return datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise self._wrong(key, "time") from None

    def time_or_none(self, key: str) -> datetime | None:
        """A time, or nothing."""
        return None if self.entries.get(key) is None else self.time(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(key, "list of texts")
        return tuple(values)

    def texts_or_none(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, or nothing."""
        return None if self.entries.get(key) is None else self.texts(key)

    def numbers_or_none(self, key: str) -> tuple[float, ...] | None:
        """A list of numbers, or nothing."""
        if self.entries.get(key) is None:
            return None
        values = self._list(key)
        if not all(isinstance(value, (int, float)) for value in values):
            raise self._wrong(key, "list of numbers")
        return tuple(map(float, values))

    def mapping(self, key: str) -> dict[str, Any]:
        """An object with any values."""
        value = self._present(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "object")
        return dict(value)

    def document(self, key: str) -> Document:
        """An object that is read in turn."""
        return Document(self._present(key), f"{self._where}.{key}")

    def document_or_none(self, key: str) -> Document | None:
        """An object that is read in turn, or nothing."""
        return None if self.entries.get(key) is None else self.document(key)

    def documents(self, key: str) -> Iterator[Document]:
        """A list of objects that are read in turn."""
        for index, value in enumerate(self._list(key)):
            yield Document(value, f"{self._where}.{key}[{index}]")

    def _list(self, key: str) -> list[Any]:
        value = self._present(key)
        if not isinstance(value, list):
            raise self._wrong(key, "list")
        return value

    def _present(self, key: str) -> Any:
        if key not in self.entries:
            raise Malformed(f"{self._where} has no `{key}`")
        return self.entries[key]

    def _wrong(self, key: str, wanted: str) -> Malformed:
        return Malformed(f"`{key}` of {self._where} is no {wanted}")
