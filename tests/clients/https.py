"""The unmodified client over HTTPS, with each party's token as the password in its URL."""

import sys
import threading

from federatedsecure.client import Api

urls = sys.argv[1:]
mine, nodes = urls[: len(urls) // 2], urls[len(urls) // 2 :]
sums = [None] * len(nodes)


def party(index):
    api = Api(mine[index])
    simon = api.create(protocol="Simon")
    network = {"nodes": nodes, "uuid": "https", "myself": index}
    result = simon.compute(microprotocol="SecureSum", data=[index + 0.5], network=network)
    sums[index] = api.download(result)["result"]["sum"]


threads = [threading.Thread(target=party, args=(index,)) for index in range(len(nodes))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
expected = sum(index + 0.5 for index in range(len(nodes)))
assert sums == [expected] * len(nodes), sums
