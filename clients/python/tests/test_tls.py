"""The servers that a client believes over HTTPS, against a server with certificates made for the test."""

from __future__ import annotations

import asyncio
import datetime
import gc
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cloister import Consortium, Member, Token, Unreachable, Untrusted
from cloister._errors import reason_of
from cloister._tls import context_for

cryptography = pytest.importorskip("cryptography")

from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

# Python 3.10's own server forgets a connection whose handshake has failed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ANSWER = b'{"functions": []}'


@dataclass
class Server:
    """Answers everything with no functions, and counts the bytes that it gets."""

    port: int
    certificate: Path
    received: list[bytes]

    @property
    def fingerprint(self) -> str:
        pem = self.certificate.read_text(encoding="ascii")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "private.pem"
    make_certificate(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(ANSWER)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + ANSWER)
        await writer.drain()
        writer.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # handshakes that fail are what is tested

        async def serve() -> asyncio.Server:
            return await asyncio.start_server(answer, sock=listening, ssl=context)

        serving = loop.run_until_complete(serve())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        yield Server(port, certificate, received)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        serving.close()
        loop.run_until_complete(serving.wait_closed())
        loop.close()
        gc.collect()


def make_certificate(certificate: Path, key: Path) -> None:
    """One that signs itself, as a node's does, for 127.0.0.1."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "clinic-a")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_the_certificate_of_the_fingerprint_is_believed(server: Server) -> None:
    member = Member("clinic-a", server.url, fingerprint=server.fingerprint, token=Token("secret"))
    assert Consortium([member]).functions() == ()
    [request] = server.received
    assert b"Authorization: Bearer secret\r\n" in request


def test_another_certificate_gets_no_byte_of_a_request(server: Server) -> None:
    member = Member("clinic-a", server.url, fingerprint="ab" * 32, token=Token("secret"))
    with pytest.raises(Untrusted, match=server.fingerprint) as caught:
        Consortium([member]).functions()
    assert caught.value.code == "untrusted_certificate"
    assert caught.value.party == "clinic-a"
    shown = str(caught.value)
    assert "is not trusted: it shows another certificate than the client's file names" in shown
    assert "('" not in shown, "a text, and no tuple"
    assert not server.received


def test_the_certificate_that_is_to_follow_is_believed_too(server: Server) -> None:
    member = Member("clinic-a", server.url, fingerprint="ab" * 32, next_fingerprint=server.fingerprint)
    assert Consortium([member]).functions() == ()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLError("the text"), "the text"),
        (ssl.SSLCertVerificationError("the text"), "the text"),
        (ssl.SSLError(1, "the text"), "the text"),
        (OSError(111, "refused"), "refused"),
        (OSError(), "OSError"),
        (ValueError("the text"), "the text"),
    ],
)
def test_an_error_of_tls_is_a_text(error: Exception, words: str) -> None:
    assert reason_of(error) == words


def test_an_error_of_tls_of_one_argument_shows_its_text() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        cause = ssl.SSLError("the handshake broke off")
        raise httpx.ConnectError(str(cause), request=request) from cause

    consortium = Consortium([Member("clinic-a", "http://a.test")], transport=httpx.MockTransport(fail))
    with pytest.raises(Unreachable, match=r"at http://a\.test: the handshake broke off \("):
        consortium.functions()


def test_an_authority_is_believed(server: Server) -> None:
    member = Member("clinic-a", server.url, authority=server.certificate)
    assert Consortium([member]).functions() == ()


def test_the_name_must_fit_the_authoritys_certificate(server: Server) -> None:
    member = Member("clinic-a", f"https://localhost:{server.port}", authority=server.certificate)
    with pytest.raises(Untrusted, match="localhost"):
        Consortium([member]).functions()
    assert not server.received


def test_without_either_the_systems_authorities_decide(server: Server) -> None:
    with pytest.raises(Untrusted, match="self"):
        Consortium([Member("clinic-a", server.url)]).functions()
    assert not server.received


def test_a_blocking_socket_compares_too(server: Server) -> None:
    context = context_for(Member("clinic-a", server.url, fingerprint="ab" * 32))
    with (
        socket.create_connection(("127.0.0.1", server.port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="another certificate"),
    ):
        context.wrap_socket(plain)
