// Computes as the JavaScript client for the reference server does: no body with GET and DELETE,
// connections kept open, the status ignored, JSON in every answer.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import http from "node:http";

const urls = process.argv.slice(2);

async function fetched(method, url, body) {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  return (await fetch(url, options)).json();
}

// The same with one connection for all requests to a node.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let connections = 0;

function kept(method, url, body) {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json" };
    const request = http.request(url, { method, agent, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(JSON.parse(text)));
    });
    request.on("socket", (socket) => { if (socket.connecting) connections += 1; });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

class Api {
  constructor(url, send) { this.url = url; this.send = send; }
  list() { return this.send("GET", `${this.url}/representations`); }
  create(kwargs) { return this.send("POST", `${this.url}/representations`, { args: [], kwargs }); }
  upload(value) { return this.send("PUT", `${this.url}/representations`, { args: [value], kwargs: {} }); }
  attribute(uuid, name) { return this.send("GET", `${this.url}/representation/${uuid}/${name}`); }
  call(uuid, args, kwargs) { return this.send("PATCH", `${this.url}/representation/${uuid}`, { args, kwargs }); }
  download(uuid) { return this.send("GET", `${this.url}/representation/${uuid}`); }
  release(uuid) { return this.send("DELETE", `${this.url}/representation/${uuid}`); }
}

async function compute(send, microprotocol, data, parameters) {
  const uuid = randomUUID();
  const answers = await Promise.all(urls.map(async (url, myself) => {
    const api = new Api(url, send);
    const simon = await api.create({ protocol: "Simon" });
    const method = await api.attribute(simon.uuid, "compute");
    const handle = await api.upload(data[myself]);
    const network = { nodes: urls, uuid, myself };
    const kwargs = { data: { representation_uuid: handle.uuid }, network, parameters };
    const result = await api.call(method.uuid, [microprotocol], kwargs);
    const { type, object } = await api.download(result.uuid);
    assert.equal(type, "object");
    assert.deepEqual(await api.release(result.uuid), { type: "none" });
    return object;
  }));
  for (const answer of answers) assert.deepEqual(answer.result, answers[0].result);
  assert.equal(answers[0].inputs, urls.length);
  return answers[0].result;
}

for (const send of [fetched, kept]) {
  const { type, list } = await new Api(urls[0], send).list();
  assert.equal(type, "list");
  assert.equal(list[0].protocol, "Simon");

  const numbers = urls.map((_, party) => [party, 0.5]);
  const sum = urls.reduce((sum, _, party) => sum + party + 0.5, 0);
  assert.deepEqual(await compute(send, "SecureSum", numbers), { sum });

  const texts = urls.map(() => ["ja", "nein", "ja"]);
  const { histogram, mode } = await compute(send, "StatisticsFrequency", texts, {});
  assert.deepEqual(histogram, { ja: 2 * urls.length, nein: urls.length });
  assert.equal(mode, "ja");

  // An error is JSON too, and says what to do.
  const refusal = await new Api(urls[0], send).download(randomUUID());
  assert.equal(refusal.code, "no_such_representation");
  assert.ok(refusal.message && refusal.hint && refusal.trace);
}
agent.destroy();
assert.equal(connections, urls.length, "each node's connection was kept open");
