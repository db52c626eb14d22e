"""Every function by tasks: create, invite, join, input, start, progress, result."""

from functions import check_all
from parties import PARTIES, api, fresh, network, simon, task

check_all(task)

# A task takes data several times, is found by its id, and says how far it is.
name = fresh()
mine = simon(0).create_task(microprotocol="SecureSum", network=network(0), task_id=name)
mine.input(data=[1, 2])
again = simon(0).get_task(task_id=name)
again.input(data=3)
assert api(0).download(again.progress()) == {"state": "collecting"}
assert again.result() is None
invitation = api(0).download(again.invite())
assert invitation["task_id"] == name and invitation["invitation_id"] is None
others = [simon(party).join_task(invitation, network(party)) for party in range(1, PARTIES)]
for other in others:
    other.input([10])
    other.start()
again.start()
for party, it in enumerate([mine] + others):
    while (result := it.result()) is None:
        assert api(party).download(it.progress())["state"] != "failed"
    assert api(party).download(result)["result"] == {"sum": 6.0 + 10 * (PARTIES - 1)}
