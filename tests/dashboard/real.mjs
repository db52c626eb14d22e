// The checks of every view, on real nodes.
//
// Reads orders, one JSON document a line, from CLOISTER_TEST_REAL or from standard input. One browser looks at all of
// them, some pages at a time:
//
// {"nodes": [{"url": "http://127.0.0.1:8001", "token": "…"?, "name": "clinic-a"?}, …],
//  "expect": {"slow": EXPECTED?, "blocked": EXPECTED?, "failed": EXPECTED?, "done": EXPECTED?,
//             "start": {"node": 0, "function": "…", "dataset": "…", "column": "…", "network": "…"}?,
//             "approval": {"node": 0, "id": 7, "principal": "ada"?}?,
//             "down": {"node": 0, "member": "clinic-b", "text": "…"?}?},
//  "sizes": ["wide", "narrow"]?, "schemes": ["light", "dark"]?}
//
// EXPECTED is {"node": 0, "id": "…"} or {"node": 0, "network": "…"}, and what the page must say of it:
// "party" (who is awaited, or whom the error concerns), "for" (at what), "code" (of the error),
// "text" (a list of texts), "states" (a list of which its state must be one).
//
// What is expected is looked at first and at once, while it lasts; then every view of every node, light and dark,
// wide and narrow. Writes one JSON line for each order, {"pages": n, "screenshots": "…", "problems": […]}, and ends with
// 1 where there are problems, 2 where it was called wrongly, 77 where there is no browser. An order without nodes is
// answered when the browser is there.

import { createInterface } from "node:readline";
import { AT_A_TIME, PATIENCE, SCREENSHOTS, SIZES, VIEWS, available, check, closeShared, open, shared, shot, show } from "./browser.mjs";

if (!available()) {
  console.error("real.mjs: there is no browser");
  process.exit(77);
}

let problems = [];
let pages = 0;

/** Does all of this, some at a time. */
async function together(deeds) {
  const rest = [...deeds];
  const worker = async () => {
    for (let deed = rest.shift(); deed; deed = rest.shift()) await deed();
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

/** Shows a view, checks it, and takes a picture. */
async function look(page, route, name) {
  await show(page, route);
  for (const found of await check(page)) problems.push(`${name}: ${found}`);
  page.problems.length = 0;
  await shot(page, name);
  pages += 1;
}

/** Waits for a text, or notes that it does not come. */
async function told(page, name, ...texts) {
  for (const text of texts.filter((one) => one !== undefined && one !== null)) {
    try {
      await page.locator("#main").filter({ hasText: text }).waitFor({ timeout: PATIENCE });
    } catch {
      const there = (await page.locator("#main").innerText()).replace(/\s+/g, " ").slice(0, 600);
      problems.push(`${name}: it does not say ${text}, but: ${there}`);
    }
  }
}

/** This node's own id of a computation. */
async function idOf(node, expected) {
  if (expected.id) return expected.id;
  const headers = node.token ? { Authorization: `Bearer ${node.token}` } : {};
  const address = `${node.url}/v1/computations?state=all&network=${encodeURIComponent(expected.network)}&limit=1`;
  const answer = await fetch(address, { headers });
  return (await answer.json()).computations?.[0]?.id ?? "none";
}

const quoted = (text) => String(text).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

async function computation(page, node, which, expected) {
  const id = await idOf(node, expected);
  await show(page, `computations/${encodeURIComponent(id)}`);
  const texts = [...(expected.text ?? [])];
  if (which === "blocked" || (which === "slow" && expected.party)) {
    texts.push(new RegExp(`Waiting for ${expected.party ? quoted(expected.party) : ".+"} since \\d.*${expected.for ? `, at ${quoted(expected.for)}` : ""}`));
  }
  if (which === "failed") texts.push(expected.code, expected.party);
  if (which === "done") texts.push("Result", "Security", "Disclosure rules");
  await told(page, which, "Rounds", ...texts);
  const state = await page.locator("#main .title .badge").textContent();
  const states = expected.states ?? { failed: ["failed", "cancelled"], done: ["done"] }[which] ?? ["preparing", "connecting", "agreeing", "running", "opening"];
  if (!states.includes(state)) problems.push(`${which}: its state is ${state}`);
  return `computations/${encodeURIComponent(id)}`;
}

/** Starts a node's part of a computation by the form, and waits for its result. The others' parts are not its own. */
async function start(page, { function: which, dataset, column, network }) {
  await show(page, "start");
  await page.getByRole("combobox", { name: "Function" }).selectOption(which);
  await page.getByRole("combobox", { name: "Dataset" }).selectOption(dataset);
  await page.getByRole("combobox", { name: "Column", exact: true }).selectOption(column);
  await page.getByLabel("Name of the computation").fill(network);
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator("#main .title .badge").filter({ hasText: /^done$/ }).waitFor();
  await told(page, "start", "Result", dataset, column);
  return new URL(page.url()).hash.replace(/^#\//, "");
}

/** Looks at what is expected. Notes the routes of computations in `later`. */
async function expected(asked, which, wanted, later) {
  const node = asked.nodes[wanted.node ?? 0];
  const page = await open(await shared(), node.url, { token: node.token });
  try {
    await page.locator("#live[data-state=live]").waitFor({ timeout: PATIENCE });
    let route = "";
    if (which === "approval") {
      route = "approvals";
      await show(page, route);
      await told(page, which, new RegExp(`Request ${wanted.id}\\b`), wanted.principal, wanted.function, "Grant …");
    } else if (which === "start") {
      route = await start(page, wanted);
    } else if (which === "down") {
      await show(page, route);
      await told(page, which, `${wanted.member} cannot be reached`, wanted.text);
    } else {
      route = await computation(page, node, which, wanted);
    }
    for (const found of await check(page)) problems.push(`${which}: ${found}`);
    await shot(page, `real-${which}-light-wide`);
    pages += 1;
    later.push([which, node, route]);
  } catch (error) {
    problems.push(`${which}: ${error.message.split("\n")[0]}`);
  } finally {
    await page.context().close();
  }
}

/** Looks at some views of a node in one page. `routes` are pairs of a route and its picture's name. */
async function views(node, settings, name, routes, suffix) {
  const page = await open(await shared(), node.url, { ...settings, token: node.token });
  try {
    await page.locator("#live[data-state=live]").waitFor({ timeout: PATIENCE });
    for (const [route, of] of routes) await look(page, route, `real-${of}-${suffix}`);
  } catch (error) {
    problems.push(`${name}, ${suffix}: ${error.message.split("\n")[0]}`);
  } finally {
    await page.context().close();
  }
}

async function documentation(node, settings, name, suffix) {
  const page = await open(await shared(), `${node.url}/docs`, { ...settings, token: node.token });
  try {
    await page.locator("#main h1").waitFor();
    for (const found of await check(page)) problems.push(`${name} /docs: ${found}`);
    await shot(page, `real-${name}-docs-${suffix}`);
    pages += 1;
  } catch (error) {
    problems.push(`${name}, /docs: ${error.message.split("\n")[0]}`);
  } finally {
    await page.context().close();
  }
}

async function follow(asked) {
  [problems, pages] = [[], 0];
  await shared();
  const later = [];
  const wanted = Object.entries(asked.expect ?? {}).filter(([, of]) => of);
  await together(wanted.map(([which, of]) => () => expected(asked, which, of, later)));
  const deeds = [];
  for (const scheme of asked.schemes ?? ["light", "dark"]) {
    for (const width of asked.sizes ?? Object.keys(SIZES)) {
      const settings = { scheme, size: SIZES[width] };
      const suffix = `${scheme}-${width}`;
      for (const [at, node] of asked.nodes.entries()) {
        const name = node.name ?? `node-${at}`;
        const routes = VIEWS.map((view) => [view, `${name}-${view || "overview"}`]);
        for (const [which, of, route] of later) if (of === node && route.includes("/")) routes.push([route, which]);
        const half = Math.ceil(routes.length / 2);
        for (const part of [routes.slice(0, half), routes.slice(half)]) deeds.push(() => views(node, settings, name, part, suffix));
        deeds.push(() => documentation(node, settings, name, suffix));
      }
    }
  }
  await together(deeds);
  console.log(JSON.stringify({ pages, screenshots: SCREENSHOTS, problems }));
  return problems.length > 0;
}

let wrong = false;
try {
  const given = process.env.CLOISTER_TEST_REAL;
  for await (const line of given ? [given] : createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    if (!Array.isArray(asked.nodes)) throw new Error("`nodes` is missing");
    wrong = (await follow(asked)) || wrong;
  }
} catch (error) {
  console.error(`real.mjs: ${error.message}`);
  process.exitCode = 2;
} finally {
  await closeShared();
}
process.exit(process.exitCode ?? (wrong ? 1 : 0));
