"""Sets: what all parties have, and how much, against Python's own sets."""

import os
import random
import unicodedata

from parties import PARTIES, agreed, compute, reports, task

SEED = int(os.environ.get("CLOISTER_SEED") or random.SystemRandom().randrange(2**32))
print(f"CLOISTER_SEED={SEED}")
RNG = random.Random(SEED)


def check(sets, **parameters):
    more = {"parameters": parameters} if parameters else {}
    common = set.intersection(*map(set, sets))
    result = compute("SetIntersection", [[list(items)] for items in sets], **more)
    padded = {"padded_to": parameters["pad_to"]} if "pad_to" in parameters else {}
    due = {"intersection": sorted(common), "size_intersection": len(common), **padded}
    assert result == due, (result, due)
    result = compute("SetIntersectionSize", [[list(items)] for items in sets], **more)
    assert result == {"size_intersection": len(common), **padded}, result
    result = compute("SetUnionSize", [[list(items)] for items in sets], **more)
    assert result == {"size_union": len(set.union(*map(set, sets))), **padded}, result


def some(count, among):
    return [f"patient {number}" for number in RNG.sample(range(among), count)]


check([some(40 + party, 60) for party in range(PARTIES)])
check([some(30 if party else 6, 40) for party in range(PARTIES)])
check([[f"{party} {item}" for item in range(5)] for party in range(PARTIES)])
check([["one"] for _ in range(PARTIES)])
check([some(20, 30) for _ in range(PARTIES)], pad_to=64)
check([["b", "a", "b", "a"], *[["a", "c", "a"] for _ in range(PARTIES - 1)]])

# A party that has nothing; numbers stand for their text.
result = compute("SetIntersection", [[[]], *[[["a"]] for _ in range(PARTIES - 1)]])
assert result == {"intersection": [], "size_intersection": 0}, result
result = compute("SetIntersection", [[[1, 2, 3]], *[[["2", "3", "4"]] for _ in range(PARTIES - 1)]])
assert result == {"intersection": ["2", "3"], "size_intersection": 2}, result

# The same text written otherwise is the same; what looks alike is not.
composed, parts = unicodedata.normalize("NFC", "Zoë"), unicodedata.normalize("NFD", " Zoë\t")
result = compute("SetIntersection", [[[composed, "a"]], *[[[parts, "\u0430"]] for _ in range(PARTIES - 1)]])
assert result == {"intersection": [composed], "size_intersection": 1}, result
result = compute("SetIntersection", [[["ADA"]], *[[["Ada "]] for _ in range(PARTIES - 1)]],
                 parameters={"case": "lower"})
assert result == {"intersection": ["ada"], "size_intersection": 1}, result

# By tasks, fed as lists in a list.
sets = [some(15, 20) for _ in range(PARTIES)]
common = sorted(set.intersection(*map(set, sets)))
result = task("SetIntersection", [[items] for items in sets])
assert result == {"intersection": common, "size_intersection": len(common)}, result
result = task("SetIntersectionSize", [[items] for items in sets])
assert result == {"size_intersection": len(common)}, result

# Nothing but sizes, and of which kind the ids are, is told beside the answer.
for function in ("SetIntersection", "SetIntersectionSize"):
    for report in reports(function, [[items] for items in sets]):
        told = report["security"]["reveals"]
        assert "which kind" in told[0] and "how many" in told[1], told
        assert all("its ids in order" in text for text in told[2:]), told
