"""The common part of the programs of this folder: one thread a party, each with its own node."""

import os
import sys
import threading
import time
import uuid

import federatedsecure.client

EVERYBODY = sys.argv[1:]
# So many of the nodes, the last ones, bring no data.
HELPERS = int(os.environ.get("HELPERS", "0"))
URLS = EVERYBODY[:len(EVERYBODY) - HELPERS]
PARTIES = len(URLS)


def api(party):
    return federatedsecure.client.Api(URLS[party])


def simon(party):
    return api(party).create(protocol="Simon")


def network(party, name=None):
    network = {"nodes": URLS, "myself": party}
    return network if name is None else {**network, "uuid": name}


def fresh():
    return str(uuid.uuid4())


def everybody(act, count=PARTIES):
    """Runs act(party) in a thread for each party; the answers in order."""
    answers, errors = [None] * count, []

    def run(party):
        try:
            answers[party] = act(party)
        except BaseException as error:
            errors.append((party, error))

    threads = [threading.Thread(target=run, args=(party,)) for party in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0][1]
    return answers


def agreed(answers):
    """Returns the answer of all parties, if it is the same."""
    for answer in answers:
        assert answer["inputs"] == PARTIES, answer
        assert answer["result"] == answers[0]["result"], answers
    return answers[0]["result"]


def compute(function, data, **more):
    """All parties compute in one call; data[party] is what each has."""
    return agreed(reports(function, data, **more))


def reports(function, data, **more):
    """The same, with all that each party is told."""
    name = fresh()

    def act(party):
        result = simon(party).compute(
            microprotocol=function, data=data[party], network=network(party, name), **more)
        return api(party).download(result)

    return everybody(act)


def task(function, data, parameters=None):
    """All parties compute by a task: the first creates it, the others join by its invitation.

    The invitation comes to the others as it would in earnest: by the Broadcast service of the
    first party's node.
    """
    room = fresh()
    invited = threading.Event()

    def act(party):
        if party == 0:
            mine = simon(party).create_task(
                microprotocol=function, network=network(party), parameters=parameters or {})
            broadcast = api(0).create(microservice="Broadcast")
            broadcast.send(uuid=room, message=mine.invite())
            invited.set()
        else:
            invited.wait()
            broadcast = api(0).create(microservice="Broadcast")
            invitation = api(0).download(broadcast.receive(uuid=room))
            assert invitation["microprotocol"] == function
            assert set(invitation) == {
                "task_id", "microprotocol", "invitation_id", "parameters", "parent"}
            mine = simon(party).join_task(invitation=invitation, network=network(party))
        mine.input(data=data[party])
        assert mine.start() is None
        return wait_for(party, mine)

    return agreed(everybody(act))


def wait_for(party, task):
    while True:
        result = task.result()
        if result is not None:
            progress = api(party).download(task.progress())
            assert progress["state"] == "done", progress
            return api(party).download(result)
        time.sleep(0.005)


def close(a, b, tolerance=1e-12):
    assert abs(a - b) <= tolerance * max(abs(a), abs(b)), (a, b)
