"""Handles, vectors, and the small services beside Simon."""

import math
import random

from parties import PARTIES, agreed, api, compute, everybody, fresh, network, simon


def refused(status, act):
    try:
        act()
    except Exception as error:
        assert f"\t{status}\t" in str(error), error
    else:
        raise AssertionError(f"nobody refused with {status}")


def check_descriptions():
    descriptions = api(0).list()
    assert {"namespace": "federatedsecure", "protocol": "Simon", "version": "0.6.0"} in descriptions
    for plugin, service in [("Sync", "Barrier"), ("Sync", "Broadcast"), ("Util", "KeyValueStorage")]:
        assert {"namespace": "federatedsecure", "plugin": plugin, "version": "0.6.0",
                "microservice": service} in descriptions, descriptions
    # The uuid of a service is stable; without requirements it is Simon's.
    assert api(0).create() == api(0).create(protocol="Simon")


def check_uploads():
    name = fresh()

    def act(party):
        mine = api(party)
        data = mine.upload([party, 0.25])
        refused(403, lambda: mine.download(data))
        result = simon(party).compute("SecureSum", data, network(party, name))
        answer = mine.download(result)
        mine.release(data["representation_uuid"])
        refused(404, lambda: mine.download(data))
        return answer

    expected = sum(range(PARTIES)) + 0.25 * PARTIES
    assert agreed(everybody(act)) == {"sum": expected}


def check_vectors():
    rng = random.Random(7)
    data = [[rng.gauss(0, 1e6) for _ in range(20)] for _ in range(PARTIES)]
    expected = [math.fsum(column) for column in zip(*data)]
    result = compute("SecureVectorSum", [[vector] for vector in data])
    assert result == {"sum": expected}, result


def check_barrier():
    name = fresh()
    barrier = api(0).create(microservice="Barrier").create(name)
    count = lambda counter: api(0).download(counter())
    assert count(barrier.arrived) == 0
    for party in ["a", "b", "a"]:
        assert barrier.arrive(party) is None
    assert count(barrier.arrived) == 2
    barrier.depart(party="a")
    assert count(barrier.departed) == 1
    same = api(0).create(microservice="Barrier").create(uuid=name)
    assert count(same.arrived) == 2
    barrier.reset()
    assert count(same.arrived) == 0
    api(0).create(microservice="Barrier").delete(name)
    refused(404, lambda: barrier.arrive("a"))


def check_broadcast():
    name = fresh()
    broadcast = api(0).create(plugin="Sync", microservice="Broadcast")
    broadcast.create(name)
    assert broadcast.receive(name) is None
    broadcast.send(name, {"text": [1, 2.5, None]})
    assert api(0).download(broadcast.receive(uuid=name)) == {"text": [1, 2.5, None]}
    secret = api(0).upload("secret")
    refused(403, lambda: broadcast.send(name, secret))
    assert broadcast.delete(name) is None
    assert broadcast.receive(name) is None


def check_storage():
    storage = api(0).create(microservice="KeyValueStorage").create(storage=fresh())
    storage.store("inline", [1, 2])
    storage.store(key="private", value=api(0).upload([3, 4]))
    assert api(0).download(storage.exists("inline")) is True
    assert api(0).download(storage.exists("other")) is False
    assert storage.retrieve("other") is None
    refused(403, lambda: api(0).download(storage.retrieve("private")))
    refused(403, lambda: api(0).download(storage.retrieve("inline")))
    name = fresh()
    inputs = [storage.retrieve("private")] + [1] * (PARTIES - 1)
    answers = everybody(lambda party: api(party).download(simon(party).compute(
        "SecureSum", inputs[party], network(party, name))))
    assert agreed(answers) == {"sum": 7.0 + PARTIES - 1}
    storage.delete("private")
    assert api(0).download(storage.exists("private")) is False


check_descriptions()
check_uploads()
check_vectors()
check_barrier()
check_broadcast()
check_storage()
