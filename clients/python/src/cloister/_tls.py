"""The certificate that is accepted at an HTTPS address.

A member with a fingerprint has one accepted certificate, with any signer, or two while it is renewed: a
node's own certificate signs itself, and its dates are not looked at. With an authority in `client.toml`,
that authority and no other is believed. Otherwise the system's authorities are.
"""

from __future__ import annotations

import hashlib
import ssl

from cloister._config import Member
from cloister._errors import ConfigurationError, reason_of


def context_for(member: Member) -> ssl.SSLContext:
    """The TLS settings for calls of this member's node."""
    if member.api.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not needed, and believes no certificate
    if member.fingerprint is not None:
        pinned = (member.fingerprint, member.next_fingerprint)
        return PinnedContext(frozenset(one for one in pinned if one is not None))
    if member.authority is None:
        return ssl.create_default_context()
    try:
        context = ssl.create_default_context(cafile=str(member.authority))
    except OSError as error:  # ssl.SSLError is one, too
        raise ConfigurationError(
            f"the authority of {member.name} in {member.authority} cannot be used: {reason_of(error)}",
            hint="name a PEM file that holds certificates",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class PinnedContext(ssl.SSLContext):
    """TLS with the one whose certificate has one of these SHA-256.

    The library's own verification is off, since it only knows authorities. The certificate is compared
    when the handshake ends, before a byte of a request is sent; the handshake itself has proved that
    the other side has the certificate's key.
    """

    fingerprints: frozenset[str]

    def __new__(cls, _fingerprints: frozenset[str]) -> PinnedContext:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, fingerprints: frozenset[str]) -> None:
        super().__init__()
        self.fingerprints = fingerprints
        self.check_hostname = False
        self.verify_mode = ssl.CERT_NONE
        self.minimum_version = ssl.TLSVersion.TLSv1_3
        self.sslobject_class = _PinnedObject
        self.sslsocket_class = _PinnedSocket


class _PinnedObject(ssl.SSLObject):
    """TLS over a buffer, as asyncio does it."""

    def do_handshake(self) -> None:
        super().do_handshake()
        _compare(self)


class _PinnedSocket(ssl.SSLSocket):
    """TLS over a socket: so that no way round the comparison exists."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _compare(self)


def _compare(connection: ssl.SSLObject | ssl.SSLSocket) -> None:
    context = connection.context
    shown = connection.getpeercert(binary_form=True)
    found = hashlib.sha256(shown or b"").hexdigest()
    if not isinstance(context, PinnedContext) or found not in context.fingerprints:
        # With a number before it: an SSLError of a single argument shows as a tuple.
        raise ssl.SSLCertVerificationError(
            ssl.SSL_ERROR_SSL,
            f"it shows another certificate than the client's file names, with the fingerprint {found}",
        )
