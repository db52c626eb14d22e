"""Errors, by the party at fault.

Every error has what the nodes themselves say: a code for programs, a message and a hint for people,
the party concerned, and the trace under which the node's log has it. None carries a token.

Nothing here decides what is an error; `_node` and `_consortium` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from cloister._results import Report

_FORBIDDEN = (401, 403)
_PEER = (409, 502, 504)
_CALLER = range(400, 500)


class CloisterError(Exception):
    """The base of all errors of this package."""

    usual_code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        party: str | None = None,
        trace: str | None = None,
        at: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """The error in words, for people."""
        self.code = self.usual_code if code is None else code
        """The error's code, for programs."""
        self.hint = hint
        """The remedy; empty where none is known."""
        self.party = party
        """The party that it is about, if it is about one."""
        self.trace = trace
        """The name under which the node's log has it."""
        self.at = at
        """The party whose node was asked."""

    def __str__(self) -> str:
        where = f"{self.at}: " if self.at else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{where}{self.message} ({self.code}){hint}"


class ConfigurationError(CloisterError):
    """`client.toml`, or a file that it names, cannot be used."""

    usual_code = "bad_configuration"


class UsageError(CloisterError, ValueError):
    """The arguments make no sense; no node was asked."""

    usual_code = "bad_argument"


class NodeError(CloisterError):
    """A node answered that it cannot or will not."""

    usual_code = "node_error"

    def __init__(self, message: str, *, status: int | None = None, **said: Any) -> None:
        super().__init__(message, **said)
        self.status = status
        """The HTTP status."""


class Refused(NodeError):
    """A policy, a disclosure rule, or a missing right forbids it."""

    usual_code = "refused"


class InvalidRequest(NodeError):
    """The node cannot do this with these names, parameters or data: the caller can mend it."""

    usual_code = "invalid_request"


class PeerFailed(NodeError):
    """The node could not compute because of another party."""

    usual_code = "peer_failed"


class NodeFailed(NodeError):
    """The node failed by a fault of its own, or has too much to do."""

    usual_code = "node_failed"


class Unreachable(CloisterError):
    """No node answers at that address."""

    usual_code = "unreachable"


class Untrusted(Unreachable):
    """The node at that address is not the one of `client.toml`."""

    usual_code = "untrusted_certificate"


class NoAnswer(Unreachable):
    """A node took longer than the client waits."""

    usual_code = "no_answer"


class NotAwaited(CloisterError):
    """A node's answer was not awaited any longer, because another party cannot take part."""

    usual_code = "not_awaited"


class AlienAnswer(CloisterError):
    """The server at that address does not answer as a node does."""

    usual_code = "alien_answer"


class ComputationFailed(CloisterError):
    """There is no joint result.

    `errors` has what each party that failed said, the cause first. `code`, `party`, `hint` and `trace` are
    those of `reason`: the failure from which the others follow, as far as can be told.
    """

    usual_code = "computation_failed"

    def __init__(
        self, message: str, *, errors: Mapping[str, CloisterError] | None = None, **said: Any
    ) -> None:
        super().__init__(message, **said)
        by_distance = sorted((errors or {}).items(), key=lambda one: _distance_from_the_cause(one[1]))
        self.errors: dict[str, CloisterError] = dict(by_distance)
        self.network: str | None = None
        """The name of the computation, the same at all nodes."""

    @property
    def reason(self) -> CloisterError | None:
        """The failure from which the others follow."""
        return root(self.errors)

    def __str__(self) -> str:
        # Parties that say the same stand in one line.
        same: dict[tuple[str, str, str], list[str]] = {}
        for party, error in self.errors.items():
            same.setdefault((error.message, error.code, error.hint), []).append(party)
        lines = [self.message]
        for (message, code, hint), parties in same.items():
            lines.append(f"  {', '.join(parties)}: {message} ({code})")
            if hint:
                lines.append(f"    hint: {hint}")
        return "\n".join(lines)


class ComputationRefused(ComputationFailed, Refused):
    """There is no joint result, because a party refused."""


class ComputationUnreachable(ComputationFailed, Unreachable):
    """There is no joint result, because a party's node cannot be reached."""


class ComputationTimedOut(ComputationFailed, TimeoutError):
    """There is no joint result within the time that was given for it."""

    usual_code = "timed_out"


class Disagreement(CloisterError):
    """Parties report different results of one computation: none of them can be believed."""

    usual_code = "disagreement"

    def __init__(self, message: str, *, reports: Mapping[str, Report] | None = None, **said: Any) -> None:
        super().__init__(message, **said)
        self.reports: dict[str, Report] = dict(reports or {})
        """Each party's report."""


def reason_of(error: BaseException) -> str:
    """The words of an error of Python's own. An `SSLError` of a single argument would show as a tuple."""
    if isinstance(error, OSError):
        text = error.strerror or (error.args[0] if len(error.args) == 1 else "")
        if isinstance(text, str) and text:
            return text
    return str(error) or type(error).__name__


def of_status(status: int) -> type[NodeError]:
    """The kind of error that a node's status stands for."""
    if status in _FORBIDDEN:
        return Refused
    if status in _PEER:
        return PeerFailed
    if status in _CALLER:
        return InvalidRequest
    return NodeFailed


def joint_failure(errors: Mapping[str, CloisterError], network: str) -> ComputationFailed:
    """The error to raise when these parties have no result."""
    reason = root(errors)
    if reason is None:
        raise AssertionError("no party failed")
    kind: type[ComputationFailed] = ComputationFailed
    if isinstance(reason, Refused):
        kind = ComputationRefused
    elif isinstance(reason, Unreachable):
        kind = ComputationUnreachable
    failure = kind(
        "there is no joint result",
        errors=errors,
        code=reason.code,
        hint=reason.hint,
        party=reason.party or reason.at,
        trace=reason.trace,
        at=reason.at,
    )
    failure.network = network
    if isinstance(failure, Refused) and isinstance(reason, Refused):
        failure.status = reason.status
    return failure


def root(errors: Mapping[str, CloisterError]) -> CloisterError | None:
    """Of these, the failure from which the others follow, as far as can be told."""
    return min(errors.values(), key=_distance_from_the_cause, default=None)


def is_reason(error: CloisterError) -> bool:
    """Returns whether this failure follows from no other party's."""
    return _distance_from_the_cause(error) == 0


def _distance_from_the_cause(error: CloisterError) -> int:
    """A party that cannot take part is the cause of its peers' failures, not the other way round."""
    if isinstance(error, NotAwaited):
        return 4
    if error.code in ("cancelled", "declined", "peer_stopped"):
        return 3
    if isinstance(error, PeerFailed):
        return 2
    if isinstance(error, NoAnswer):
        return 1
    return 0
