"""Step by step, the way the reference service's introduction does it."""

import threading

import federatedsecure.client
from parties import PARTIES, URLS, fresh

network_uuid = fresh()
results = [None] * PARTIES


def participant(myself, data):
    # connect to the party's own server
    api = federatedsecure.client.Api(URLS[myself])
    # create an instance of the microservice
    microservice = api.create(protocol="Simon")
    # have it compute, with the data of this party
    result = microservice.compute(
        microprotocol="SecureSum", data=data,
        network={"nodes": URLS, "uuid": network_uuid, "myself": myself})
    # download the result, and only the result
    results[myself] = api.download(result)


threads = [threading.Thread(target=participant, args=(party, 42.0 + party))
           for party in range(PARTIES)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

total = sum(42.0 + party for party in range(PARTIES))
for result in results:
    assert result["inputs"] == PARTIES and result["result"] == {"sum": total}, result
