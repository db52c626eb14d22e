"""Answers that come before a request was sent in full.

A node that takes no body of that length says so at its head, and hangs up. The HTTP library is still
sending then, and can lose the answer. So the head alone is sent once more, and the answer is read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpcore
import httpx

LONGEST_IN_ONE_PIECE = 64 << 10
"""The longest body, in bytes, that is sent before any answer can come."""

_SECONDS = 5.0
"""The longest time for the answer. A node that would take the body waits for it."""

_LONGEST_ANSWER = 64 << 10
"""In bytes."""


async def refusal(http: httpx.AsyncClient, request: httpx.Request) -> tuple[int, bytes] | None:
    """Sends the head of a request, and returns the refusal that it gets: its status and its body."""
    again = http.build_request(
        request.method, request.url, headers=request.headers, content=_nothing(), timeout=_SECONDS
    )
    # Of the last connection the library may not know yet that it has ended.
    again.headers["Connection"] = "close"
    received = bytearray()
    try:
        response = await http.send(again, stream=True)
        try:
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > _LONGEST_ANSWER:
                    return None
        finally:
            await response.aclose()
    except httpx.HTTPError:
        return None
    return None if response.is_success else (response.status_code, bytes(received))


def may_have_come(error: httpx.HTTPError, request: httpx.Request) -> bool:
    """Returns whether an answer may have been lost by this error, which came amid the body."""
    length = int(request.headers.get("Content-Length", "0"))
    ended = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
    return length > LONGEST_IN_ONE_PIECE and isinstance(error, ended)


async def _nothing() -> AsyncIterator[bytes]:
    """Is a body that cannot be written. The HTTP library reads the answer then."""
    raise httpcore.WriteError("the body is not sent")
    yield b""
