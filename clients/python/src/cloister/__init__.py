"""One client for all nodes of a consortium: joint computations on data that stay where they are.

    from cloister import Consortium

    consortium = Consortium.from_file("client.toml")
    result = consortium.compute("StatisticsUnivariate", dataset="trial", column="age")
    result["mean"]

All nodes are asked at once, and a result is believed only if all parties report the same. What is handed
to a node is that party's data and no other party's.
"""

from importlib.metadata import PackageNotFoundError, version

from cloister._config import Member, Token
from cloister._consortium import AsyncConsortium, Consortium
from cloister._errors import (
    AlienAnswer,
    CloisterError,
    ComputationFailed,
    ComputationRefused,
    ComputationTimedOut,
    ComputationUnreachable,
    ConfigurationError,
    Disagreement,
    InvalidRequest,
    NoAnswer,
    NodeError,
    NodeFailed,
    NotAwaited,
    PeerFailed,
    Refused,
    Unreachable,
    Untrusted,
    UsageError,
)
from cloister._inputs import Selection
from cloister._progress import Progress
from cloister._results import Cost, Disclosure, Preparation, Report, Result, Security
from cloister._views import (
    Column,
    Computation,
    Dataset,
    Failure,
    Function,
    Link,
    MemberStatus,
    NodeStatus,
    Parameter,
    Waiting,
)

try:
    __version__ = version("cloister-client")
except PackageNotFoundError:  # it is used from a folder, and not installed
    __version__ = "0"

__all__ = [
    "AlienAnswer",
    "AsyncConsortium",
    "CloisterError",
    "Column",
    "Computation",
    "ComputationFailed",
    "ComputationRefused",
    "ComputationTimedOut",
    "ComputationUnreachable",
    "ConfigurationError",
    "Consortium",
    "Cost",
    "Dataset",
    "Disagreement",
    "Disclosure",
    "Failure",
    "Function",
    "InvalidRequest",
    "Link",
    "Member",
    "MemberStatus",
    "NoAnswer",
    "NodeError",
    "NodeFailed",
    "NodeStatus",
    "NotAwaited",
    "Parameter",
    "PeerFailed",
    "Preparation",
    "Progress",
    "Refused",
    "Report",
    "Result",
    "Security",
    "Selection",
    "Token",
    "Unreachable",
    "Untrusted",
    "UsageError",
    "Waiting",
]
