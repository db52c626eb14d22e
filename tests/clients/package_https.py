"""The package `cloister` over HTTPS: nodes with certificates of their own, and tokens from the environment."""

import os
import sys

from cloister import ComputationRefused, Consortium, Refused, Unreachable, Untrusted

[path] = sys.argv[1:]
consortium = Consortium.from_file(path)
data = {party: [index + 0.5] for index, party in enumerate(consortium.parties)}
expected = sum(values[0] for values in data.values())

result = consortium.compute("SecureSum", data=data, progress=lambda _: None)
assert result["sum"] == expected, result
assert all(member.ready and member.node.principal == "ada" for member in consortium.members())

# Another certificate than the file names gets no token.
with open(path) as file:
    lines = file.read().splitlines()
first = next(index for index, line in enumerate(lines) if line.startswith("fingerprint"))
lines[first] = f'fingerprint = "{"ab" * 32}"'
wrong = os.path.join(os.path.dirname(path), "wrong.toml")
with open(wrong, "w") as file:
    file.write("\n".join(lines))
try:
    Consortium.from_file(wrong).functions()
    raise AssertionError("a wrong certificate was believed")
except Untrusted as error:
    assert error.party == consortium.parties[0], error

# Without a token each node refuses.
tokens = [name for name in os.environ if name.startswith("CLOISTER_TOKEN")]
secrets = [os.environ.pop(name) for name in tokens]
try:
    Consortium.from_file(path).compute("SecureSum", data=data)
    raise AssertionError("no token was needed")
except ComputationRefused as failure:
    assert isinstance(failure, Refused) and not isinstance(failure, Unreachable)
    assert failure.code == "no_token" and failure.status == 401, failure
assert not any(secret in repr((consortium, vars(consortium), result)) for secret in secrets)
