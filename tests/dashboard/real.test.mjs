// The checks of real nodes say what is right and what is wrong: tried on mocks.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { available } from "./browser.mjs";
import { IDS, mock } from "./mock.mjs";

const SCRIPT = fileURLToPath(new URL("real.mjs", import.meta.url));

async function run(asked) {
  const child = spawn(process.execPath, [SCRIPT], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, CLOISTER_TEST_REAL: "" } });
  child.stdin.end(JSON.stringify(asked));
  let text = "";
  child.stdout.on("data", (part) => (text += part));
  const code = await new Promise((resolve) => child.on("close", resolve));
  return { code, told: text ? JSON.parse(text) : null };
}

const few = { sizes: ["narrow"], schemes: ["light"] };

test("what is as expected is right", { skip: !available() && "no browser" }, async () => {
  const [node, down] = await Promise.all([mock(), mock({ scene: "down" })]);
  try {
    const expect = {
      blocked: { node: 0, id: IDS.blocked, party: "clinic-b", for: "agreeing" },
      slow: { node: 0, network: node.known.computations[0].network },
      failed: { node: 0, id: IDS.failed, code: "deadline", party: "clinic-b" },
      done: { node: 0, id: IDS.statistics },
      approval: { node: 0, id: 7, principal: "ada" },
      down: { node: 1, member: "clinic-b", text: "nobody listens" },
    };
    const { code, told } = await run({ nodes: [{ url: node.url }, { url: down.url, name: "second" }], expect, ...few });
    assert.deepEqual([code, told.problems, told.pages], [0, [], 24]);
  } finally {
    await Promise.all([node.close(), down.close()]);
  }
});

test("what is not is wrong", { skip: !available() && "no browser" }, async () => {
  const node = await mock();
  try {
    const expect = { blocked: { node: 0, id: IDS.statistics, party: "clinic-b" }, failed: { node: 0, id: IDS.failed, code: "peer_lost" } };
    const { code, told } = await run({ nodes: [{ url: node.url }], expect, ...few });
    assert.equal(code, 1);
    assert.match(told.problems.join("\n"), /blocked: it does not say.*Waiting for clinic-b/);
    assert.match(told.problems.join("\n"), /blocked: its state is done/);
    assert.match(told.problems.join("\n"), /failed: it does not say peer_lost/);
  } finally {
    await node.close();
  }
});

test("a call that makes no sense ends with 2", async () => {
  assert.equal((await run({})).code, 2);
});
