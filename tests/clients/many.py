"""Computations that are repeated under one name, and computations at the same time."""

from parties import PARTIES, agreed, api, compute, everybody, fresh, network, simon

name = fresh()


def repeated(party):
    sums = []
    for number in range(10):
        result = simon(party).compute(
            microprotocol="SecureSum", data=number * (party + 1), network=network(party, name))
        sums.append(api(party).download(result))
    return sums


for number, answers in enumerate(zip(*everybody(repeated))):
    expected = number * sum(range(1, PARTIES + 1))
    assert agreed(answers) == {"sum": float(expected)}, answers

sums = everybody(lambda index: compute("SecureSum", [index] * PARTIES), count=6)
assert sums == [{"sum": float(index * PARTIES)} for index in range(6)], sums
