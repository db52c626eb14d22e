// The checks of every view, on real nodes.
//
// Reads JSON from CLOISTER_TEST_REAL, or from standard input:
//
// {"nodes": [{"url": "http://127.0.0.1:8001", "token": "…"?, "name": "clinic-a"?}, …],
//  "expect": {"slow": EXPECTED?, "blocked": EXPECTED?, "failed": EXPECTED?, "done": EXPECTED?,
//             "approval": {"node": 0, "id": 7, "principal": "ada"?}?,
//             "down": {"node": 0, "member": "clinic-b", "text": "…"?}?},
//  "sizes": ["wide", "narrow"]?, "schemes": ["light", "dark"]?}
//
// EXPECTED is {"node": 0, "id": "…"} or {"node": 0, "network": "…"}, and what the page must say of it:
// "party" (who is awaited, or whom the error concerns), "for" (at what), "code" (of the error),
// "text" (a list of texts), "states" (a list of which its state must be one).
//
// What is expected is looked at first and at once, while it lasts; then every view of every node, light and dark,
// wide and narrow. Writes one JSON line, {"pages": n, "screenshots": "…", "problems": […]}, and ends with 1 where
// there are problems, 2 where it was called wrongly, 77 where there is no browser.

import { PATIENCE, SCREENSHOTS, SIZES, VIEWS, available, check, launch, open, shot, show } from "./browser.mjs";

async function input() {
  if (process.env.CLOISTER_TEST_REAL) return process.env.CLOISTER_TEST_REAL;
  let text = "";
  for await (const part of process.stdin) text += part;
  return text;
}

let asked;
try {
  asked = JSON.parse(await input());
  if (!Array.isArray(asked.nodes) || asked.nodes.length === 0) throw new Error("`nodes` is missing");
} catch (error) {
  console.error(`real.mjs: ${error.message}`);
  process.exit(2);
}
if (!available()) {
  console.error("real.mjs: there is no browser");
  process.exit(77);
}

const problems = [];
let pages = 0;

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

const browser = await launch();
try {
  const later = [];
  for (const [which, expected] of Object.entries(asked.expect ?? {})) {
    if (!expected) continue;
    const node = asked.nodes[expected.node ?? 0];
    const page = await open(browser, node.url, { token: node.token });
    try {
      await page.locator("#live[data-state=live]").waitFor({ timeout: PATIENCE });
      let route = "";
      if (which === "approval") {
        route = "approvals";
        await show(page, route);
        await told(page, which, new RegExp(`Request ${expected.id}\\b`), expected.principal, expected.function, "Grant …");
      } else if (which === "down") {
        await show(page, route);
        await told(page, which, `${expected.member} cannot be reached`, expected.text);
      } else {
        route = await computation(page, node, which, expected);
      }
      await shot(page, `real-${which}-light-wide`);
      pages += 1;
      later.push([which, node, route]);
    } catch (error) {
      problems.push(`${which}: ${error.message.split("\n")[0]}`);
    } finally {
      await page.context().close();
    }
  }
  for (const scheme of asked.schemes ?? ["light", "dark"]) {
    for (const width of asked.sizes ?? Object.keys(SIZES)) {
      const settings = { scheme, size: SIZES[width] };
      for (const [at, node] of asked.nodes.entries()) {
        const page = await open(browser, node.url, { ...settings, token: node.token });
        const name = node.name ?? `node-${at}`;
        try {
          await page.locator("#live[data-state=live]").waitFor({ timeout: PATIENCE });
          for (const view of VIEWS) await look(page, view, `real-${name}-${view || "overview"}-${scheme}-${width}`);
          for (const [which, of, route] of later) if (of === node && route.includes("/")) await look(page, route, `real-${which}-${scheme}-${width}`);
          await page.goto(`${node.url}/docs`);
          await page.locator("#main h1").waitFor();
          for (const found of await check(page)) problems.push(`${name} /docs: ${found}`);
          await shot(page, `real-${name}-docs-${scheme}-${width}`);
          pages += 1;
        } catch (error) {
          problems.push(`${name}, ${scheme}, ${width}: ${error.message.split("\n")[0]}`);
        } finally {
          await page.context().close();
        }
      }
    }
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify({ pages, screenshots: SCREENSHOTS, problems }));
process.exit(problems.length > 0 ? 1 : 0);
