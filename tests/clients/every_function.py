"""Asks by the package `cloister` what other clients have asked, and compares the answers."""

import json
import sys

from cloister import Consortium

client, asked = sys.argv[1:]
consortium = Consortium.from_file(client)
with open(asked) as file:
    questions = json.load(file)
assert len(questions) > 20, len(questions)
for question in questions:
    function, parameters = question["function"], question["parameters"]
    data = dict(zip(consortium.parties, question["data"]))
    answer = consortium.compute(function, data=data, parameters=parameters)
    told = json.loads(json.dumps(dict(answer.result)))
    assert told == question["result"], (function, parameters, told, question["result"])
    assert answer.dropped == question["dropped"], (function, parameters, answer.dropped)
