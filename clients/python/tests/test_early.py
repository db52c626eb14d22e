"""Refusals that a node tells before a large body has arrived."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from cloister import ComputationFailed, Consortium, InvalidRequest, Member, Token, Unreachable

LARGE = {"clinic-a": [1 << 52] * 1_200_000}
"""Longer as JSON than what a connection takes before it is read."""

REFUSAL = {"code": "body_too_large", "message": "the body is longer than 9 bytes", "hint": "less"}


class Node:
    """Answers `PATCH` at its head, and hangs up so that bytes which are under way are refused."""

    def __init__(self, refuses: int) -> None:
        self.refuses = refuses
        """The number of times that it says why."""
        self.lengths: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = connection.recv(1)
                if not byte:
                    return
                head += byte
            if not head.startswith(b"PATCH "):
                self._tell(connection, 200, {"type": "uuid", "uuid": "a"})
                return
            lines = head.decode().lower().split("\r\n")
            self.lengths += [line.split(": ")[1] for line in lines if line.startswith("content-length")]
            assert "authorization: bearer word" in lines
            # The first answer is lost, as it is where the library is still sending.
            if len(self.lengths) > 1 and self.refuses:
                self.refuses -= 1
                self._tell(connection, 413, REFUSAL)
            # The end of a connection without a word.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _tell(self, connection: socket.socket, status: int, answer: dict[str, str]) -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node(refuses=1)
    yield node
    node.close()


def failure(node: Node) -> ComputationFailed:
    members = [Member("clinic-a", f"http://127.0.0.1:{node.port}", token=Token("word"))]
    with pytest.raises(ComputationFailed) as caught:
        Consortium(members).compute("SecureSum", data=LARGE)
    return caught.value


def test_a_refusal_that_comes_amid_a_large_body_is_raised(node: Node) -> None:
    error = failure(node).errors["clinic-a"]
    assert isinstance(error, InvalidRequest), error
    assert (error.status, error.code, error.hint) == (413, "body_too_large", "less")
    assert len(node.lengths) == 2
    assert node.lengths[0] == node.lengths[1]


def test_a_node_that_hangs_up_without_a_word_is_unreachable(node: Node) -> None:
    node.refuses = 0
    assert isinstance(failure(node).errors["clinic-a"], Unreachable)
    assert len(node.lengths) == 2
