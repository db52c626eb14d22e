// The dashboard's behaviour: live, by keyboard, with roles, and with the names of hostile parties.

import assert from "node:assert/strict";
import { after, describe, test as alone } from "node:test";
import { Cutter } from "../../actors/src/management/dashboard/api.js";
import { AT_A_TIME, PATIENCE, available, closeShared, contextOf, frames, open, openIn, said, shared, show } from "./browser.mjs";
import { HELD, HOSTILE, IDS, mock } from "./mock.mjs";

after(closeShared);

const tests = [];
const test = (...of) => tests.push(of);

/** A test with a node of its own, whose page must end without anything having gone wrong. */
function driven(name, settings, body) {
  test(name, { skip: !available() && "no browser", timeout: 600_000 }, async () => {
    const node = await mock(settings);
    try {
      const page = await open(await shared(), `${node.url}/${settings.route ?? ""}`, settings);
      await page.locator("#main h1").waitFor();
      await body({ page, node });
      assert.deepEqual(page.problems, []);
      await page.context().close();
    } finally {
      await node.close();
    }
  });
}

/**
 * The same, where the answers to these first requests of the page are held: `held` has them in their order. The
 * stream's first events, and `meanwhile`, come before these are asked for. No page asks the node before, so that no
 * request but this page's can be held.
 */
function late(name, { paths, meanwhile = () => {}, ...settings }, body) {
  test(name, { skip: !available() && "no browser", timeout: 600_000 }, async () => {
    const node = await mock(settings);
    try {
      const first = node.hold("/v1/node");
      const held = paths.map((path) => node.hold(path));
      const page = await open(await shared(), `${node.url}/${settings.route ?? ""}`, settings);
      await first.came;
      await live(page, "live");
      await settled(page, node);
      await meanwhile({ page, node });
      first.release();
      await Promise.all(held.map(({ came }) => came));
      await body({ page, node, held });
      assert.deepEqual(page.problems, []);
      await page.context().close();
    } finally {
      await node.close();
    }
  });
}

const live = (page, state) => page.locator(`#live[data-state=${state}]`).waitFor({ timeout: PATIENCE });
const focused = (page) => page.evaluate(() => document.activeElement?.dataset?.id || document.activeElement?.id || document.activeElement?.textContent);

/** Sends an answer that was held back, and waits until the page has taken it. */
async function release(page, held, node) {
  const taken = page.waitForResponse((response) => response.headers()[HELD] === held.number);
  held.release();
  await (await taken).finished();
  await settled(page, node);
}

/** Waits until the page has taken and drawn what the node has sent on the stream until now. */
async function settled(page, node) {
  const mark = node.mark();
  await page.locator("#foot").getByText(`cloister ${mark}`, { exact: true }).waitFor();
  await frames(page);
}

const ENDS = { state: "failed", waiting: null, error: { code: "deadline", message: "too late", hint: "", party: null } };
const ends = (node, id) => node.change(id, { ...ENDS, ended: new Date().toISOString() });
const goTo = (page, route) => page.evaluate((to) => (location.hash = to), `#/${route}`);
const runs = (page, name) => page.locator(".run").filter({ hasText: name }).count();

test("events are cut out of a stream wherever its pieces end", () => {
  const stream = ": hello\r\n\r\nevent: node\ndata: {\"a\":\ndata: 1}\n\ndata:x\n\nevent: nothing\n\nevent: members\rdata: {}\r\r";
  const whole = [...new Cutter().push(`${stream} `)];
  assert.deepEqual(whole, [{ event: "node", data: '{"a":\n1}' }, { event: "message", data: "x" }, { event: "members", data: "{}" }]);
  for (let size = 1; size < 9; size += 1) {
    const cutter = new Cutter();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...cutter.push(stream.slice(at, at + size)));
    found.push(...cutter.push(" "));
    assert.deepEqual(found, whole, `pieces of ${size}`);
  }
});

driven("who is blocking, since when and at what, is told and goes on", {}, async ({ page, node }) => {
  await show(page, "computations");
  const blocked = page.locator(".run").filter({ hasText: "StatisticsBivariate" });
  await blocked.getByText(/waiting for clinic-b since (\d+ min )?\d+ s, at agreeing/).waitFor();
  const before = await blocked.locator(".blocking").textContent();
  await blocked.locator(".blocking").filter({ hasNotText: before }).waitFor();
  node.change(IDS.blocked, { state: "running", step: "share", round: 1, waiting: { parties: ["clinic-c"], for: "share", since: new Date(Date.now() - 4_000).toISOString() } });
  await blocked.getByText(/waiting for clinic-c since (\d+ min )?\d+ s, at share/).waitFor();
  await said(page, /StatisticsBivariate waits for clinic-c since (\d+ min )?\d+ s/);
});

driven("what changes leaves focus, what was typed and what was opened alone", {}, async ({ page, node }) => {
  await live(page, "live");
  await show(page, "computations");
  const button = page.getByRole("button", { name: "Cancel … StatisticsBivariate" });
  await button.focus();
  await page.evaluate(() => (window.same = document.activeElement));
  // A new one above, one below ends, and the order changes.
  const first = node.known.computations[0];
  node.known.computations.unshift({ ...first, id: "new", function: "SecureMedian", started: new Date().toISOString() });
  node.change("new", {});
  node.change(IDS.slow, { state: "done", ended: new Date().toISOString(), waiting: null, started: new Date(Date.now() - 100_000).toISOString() });
  await page.locator(".run").filter({ hasText: "SecureMedian" }).waitFor();
  await page.locator(".past").getByText("Sort").first().waitFor();
  await settled(page, node);
  assert.equal(await page.evaluate(() => window.same === document.activeElement && document.activeElement.isConnected), true);
  // What has the focus goes away with what it is about: its heading gets it, not the top of the page.
  node.change(IDS.blocked, { state: "failed", ended: new Date().toISOString(), waiting: null, error: { code: "deadline", message: "too late", hint: "", party: null } });
  await said(page, "StatisticsBivariate has failed: too late");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H2");

  await show(page, "functions");
  await page.getByLabel("Find").fill("med");
  await page.getByText("No function is like that").waitFor();
  await page.getByLabel("Find").fill("quan");
  await page.getByText("Details of Quantiles").click();
  await page.getByText("numbers from 0 to 1").waitFor();
  node.send("node");
  node.send("members");
  await settled(page, node);
  assert.equal(await page.getByLabel("Find").inputValue(), "quan");
  assert.equal(await page.getByText("numbers from 0 to 1").isVisible(), true);
});

driven("a link that breaks is told at once, with what to do", {}, async ({ page, node }) => {
  await live(page, "live");
  await page.getByText("All links are up").waitFor({ state: "detached" });
  node.known.members[1].link = { ...node.known.members[1].link, state: "down", since: new Date().toISOString(), problem: "nobody listens at 127.0.0.1:9002: ask clinic-b whether its node runs" };
  node.send("members");
  await page.getByRole("heading", { name: "clinic-b cannot be reached" }).waitFor();
  await said(page, "clinic-b cannot be reached: nobody listens at 127.0.0.1:9002");
  await page.getByRole("button", { name: "Find out why" }).click();
  await page.getByText("start the node, or open port 9002 in its firewall").waitFor();
  assert.equal(node.requests.some(({ path, body }) => path === "/v1/probes" && JSON.parse(body).member === "clinic-b"), true);
});

driven("without a stream it says so, asks by itself, and is live again", {}, async ({ page, node }) => {
  await live(page, "live");
  await show(page, "computations");
  node.silence(true);
  await live(page, "reconnecting");
  await page.locator("#live").getByText(/Reconnecting since (\d+ min )?\d+ s/).waitFor();
  // No event comes, and yet it is known.
  Object.assign(node.known.computations.find((one) => one.id === IDS.blocked), { function: "ByAsking" });
  await page.locator(".run").filter({ hasText: "ByAsking" }).waitFor({ timeout: PATIENCE });
  // What the node has forgotten when it is there again is not shown as running for ever.
  await show(page, `computations/${IDS.slow}`);
  await page.getByRole("heading", { name: "Sort", level: 1 }).waitFor();
  node.known.computations = node.known.computations.filter((one) => one.id !== IDS.slow);
  node.silence(false);
  // It may be live again by itself before anybody clicks.
  await page.evaluate(() => document.querySelector("#live [data-do=wake]")?.click());
  await live(page, "live");
  await page.getByText("There is no such computation here").waitFor();
  await show(page, "computations");
  assert.equal(await page.locator(".run").filter({ hasText: "Sort" }).count(), 0);
});

driven("a late answer about a computation does not undo its end", {}, async ({ page, node }) => {
  await live(page, "live");
  const path = `/v1/computations/${IDS.blocked}`;
  const late = node.hold(path);
  await goTo(page, `computations/${IDS.blocked}`);
  await late.came;
  ends(node, IDS.blocked);
  await said(page, "StatisticsBivariate has failed: too late");
  await show(page, "computations");
  await release(page, late, node);
  assert.equal(await runs(page, "StatisticsBivariate"), 0);
  // Where it is looked at, a late answer is asked for again.
  const again = node.hold(`/v1/computations/${IDS.slow}`);
  await goTo(page, `computations/${IDS.slow}`);
  await again.came;
  ends(node, IDS.slow);
  await said(page, "Sort has failed: too late");
  await release(page, again, node);
  await page.getByRole("button", { name: /^Cancel/ }).waitFor({ state: "detached" });
  await page.locator("#main [data-key=loading]").waitFor({ state: "detached" });
  await page.locator("#main [data-key=error]").getByText("too late").waitFor();
});

driven("an event that an answer has overtaken does not undo an end", {}, async ({ page, node }) => {
  await live(page, "live");
  const before = structuredClone(node.known.computations.find((one) => one.id === IDS.blocked));
  Object.assign(node.known.computations.find((one) => one.id === IDS.blocked), ENDS, { ended: new Date().toISOString() });
  await show(page, `computations/${IDS.blocked}`);
  await said(page, "StatisticsBivariate has failed: too late");
  await show(page, "computations");
  node.send("computations", () => ({ computations: [before] }));
  await settled(page, node);
  assert.equal(await runs(page, "StatisticsBivariate"), 0);
});

/** Opens two computations whose answers are held. The second one then changes, so that its answer is too old. */
async function twoOpened(page, node) {
  await live(page, "live");
  const paths = [IDS.blocked, IDS.statistics].map((id) => `/v1/computations/${id}`);
  const held = paths.map((path) => node.hold(path));
  await goTo(page, `computations/${IDS.blocked}`);
  await held[0].came;
  await goTo(page, `computations/${IDS.statistics}`);
  await held[1].came;
  node.change(IDS.statistics, { function: "Later", result: { samples: 98765 } });
  await page.getByRole("heading", { name: "Later", level: 1 }).waitFor();
  return held.map((one) => () => release(page, one, node));
}

driven("the answer of one computation leaves the repetition of another", {}, async ({ page, node }) => {
  const [first, second] = await twoOpened(page, node);
  await first();
  await second();
  await page.locator("#main").getByText(/98.?765/).first().waitFor();
});

driven("a computation is asked for once at a time, whatever others answer", {}, async ({ page, node }) => {
  const asked = () => node.requests.filter(({ path }) => path === `/v1/computations/${IDS.statistics}`).length;
  const [first, second] = await twoOpened(page, node);
  await first();
  node.change(IDS.statistics, { function: "Last" });
  await page.getByRole("heading", { name: "Last", level: 1 }).waitFor();
  await settled(page, node);
  assert.equal(asked(), 1);
  await second();
  await page.locator("#main").getByText(/98.?765/).first().waitFor();
  assert.equal(asked(), 2);
});

late("a late list leaves what events have told since", { route: "#/computations", paths: ["/v1/computations"] }, async ({ page, node, held: [late] }) => {
  await page.locator(".run").filter({ hasText: "StatisticsBivariate" }).waitFor();
  node.known.computations.unshift({ ...node.known.computations[0], id: "new", function: "SecureMedian", started: new Date().toISOString() });
  node.change("new", {});
  ends(node, IDS.blocked);
  await said(page, "StatisticsBivariate has failed: too late");
  await release(page, late, node);
  assert.deepEqual([await runs(page, "StatisticsBivariate"), await runs(page, "SecureMedian"), await runs(page, "Sort")], [0, 1, 1]);
});

driven("a late list does not bring back what the node has forgotten", {}, async ({ page, node }) => {
  await live(page, "live");
  await show(page, "computations");
  const late = node.hold("/v1/computations");
  node.silence(true);
  await live(page, "reconnecting");
  await late.came;
  node.known.computations = node.known.computations.filter((one) => one.id !== IDS.slow);
  node.silence(false);
  await live(page, "live");
  await page.locator(".run").filter({ hasText: "Sort" }).waitFor({ state: "detached" });
  await release(page, late, node);
  assert.deepEqual([await runs(page, "Sort"), await runs(page, "StatisticsBivariate")], [0, 1]);
});

const partyOf = (page) => page.locator("header").getByText("clinic-z");
const renamed = async ({ page, node }) => {
  node.known.party = "clinic-z";
  node.send("node");
  await partyOf(page).waitFor();
};

late("late answers of every kind leave what events have told since", { paths: ["/v1/members", "/v1/approvals"], meanwhile: renamed }, async ({ page, node, held }) => {
  // Events leave the memory out: of the late answer this is news, and the party is not.
  await page.getByText("23 MB").waitFor();
  assert.equal(await partyOf(page).count(), 1);
  const down = page.getByRole("heading", { name: "clinic-b cannot be reached" });
  node.known.approvals = [];
  node.send("approvals");
  node.known.members[1].link = { ...node.known.members[1].link, state: "down", problem: "nobody listens" };
  node.send("members");
  await down.waitFor();
  for (const one of held) await release(page, one, node);
  assert.equal(await down.count(), 1);
  await show(page, "approvals");
  assert.equal(await page.getByText("Nothing waits for a decision").count(), 1);
  await show(page, "audit");
  await page.getByRole("link", { name: "Older" }).click();
  await page.getByText("35 to 84 of 134").waitFor();
  const late = node.hold("/v1/audit");
  await page.getByRole("link", { name: "Newest" }).click();
  await late.came;
  const last = node.known.audit.at(-1);
  node.known.audit.push({ ...last, number: 135, previous: last.hash, hash: "f".repeat(64) });
  node.send("audit");
  await page.getByText("86 to 135 of 135").waitFor();
  await release(page, late, node);
  assert.equal(await page.getByText("86 to 135 of 135").count(), 1);
});

late("late answers are not for who has signed in since", { scene: "tokens", token: "cloister_operator", route: "#/computations", paths: ["/v1/computations"] }, async ({ page, node, held: [late] }) => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").fill("cloister_researcher");
  await page.keyboard.press("Enter");
  await page.getByText("Signed in as ada").waitFor();
  await live(page, "live");
  await settled(page, node);
  await release(page, late, node);
  assert.equal(await page.locator(".run").count(), 0);
});

driven("a node that is stopped is told from one that is slow", {}, async ({ page, node }) => {
  await live(page, "live");
  node.stop(true);
  await page.getByText("This node does not answer since").waitFor({ timeout: PATIENCE });
  assert.match(await page.locator("#live").textContent(), /No answer since/);
  assert.equal(await page.getByText("clinic-a").first().isVisible(), true, "what was known is still there");
  node.stop(false);
  await live(page, "live");
  await page.getByText("This node does not answer since").waitFor({ state: "detached" });
});

driven("hostile names stay text", { scene: "hostile" }, async ({ page, node }) => {
  for (const route of ["", "datasets", "computations", "approvals", "audit", "functions", ...["blocked", "failed", "table"].map((which) => `computations/${IDS[which]}`)]) {
    await show(page, route);
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
    assert.equal(await page.locator("#main img, #main script").count(), 0, route);
    assert.ok((await page.locator("#main").textContent()).includes(HOSTILE), route);
  }
  await show(page, "datasets");
  await page.getByRole("heading", { name: "trial\\u{202e}gnp.exe" }).waitFor();
  await show(page, "approvals");
  await page.getByRole("button", { name: /Grant … request 1/ }).click();
  assert.equal(await page.locator("dialog img").count(), 0);
  await page.keyboard.press("Escape");
  node.send("members");
  assert.equal(await page.evaluate(() => window.injected), undefined);
  const styled = await page.evaluate(() => document.querySelectorAll("[style], style, script:not([src])").length);
  assert.equal(styled, 0, "no inline style or script");
});

driven("by keyboard alone: skip link, sections, a computation, its cancellation", {}, async ({ page, node }) => {
  await live(page, "live");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "main");
  await page.getByRole("link", { name: /^Computations/ }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Computations", level: 1 }).waitFor();
  assert.equal(await focused(page), "Computations");
  assert.equal(await page.getByRole("link", { name: /^Computations/ }).getAttribute("aria-current"), "page");
  for (let presses = 0; (await focused(page)) !== "StatisticsBivariate"; presses += 1) {
    assert.ok(presses < 30, "the computation is reached");
    await page.keyboard.press("Tab");
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", "focus is seen");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "StatisticsBivariate", level: 1 }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), IDS.blocked);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Cancel StatisticsBivariate?" });
  await dialog.waitFor();
  assert.equal(await focused(page), "Let it run", "the harmless answer comes first");
  for (let presses = 0; presses < 6; presses += 1) {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null), true, "focus stays in the dialog");
  }
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await focused(page), IDS.blocked, "focus comes back");
  assert.equal(node.requests.some(({ method }) => method === "DELETE"), false);
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Cancel it" }).click();
  await page.getByText("Cancelled, clinic-a: clinic-a cancelled the computation").waitFor();
  await said(page, "StatisticsBivariate was cancelled");
  assert.equal(await focused(page), "StatisticsBivariate");
});

driven("a question that is asked again at once is not answered by the one before", {}, async ({ page, node }) => {
  await show(page, `computations/${IDS.blocked}`);
  const deletions = () => node.requests.filter(({ method }) => method === "DELETE").length;
  const dialog = page.getByRole("dialog", { name: "Cancel StatisticsBivariate?" });
  // Leaves the question and asks it anew in one task, so that the event of the first one's closing comes while the
  // second one is open. A machine under load does this to keys that are pressed one after the other.
  const again = () =>
    page.evaluate(async () => {
      const shared = document.getElementById("dialog");
      const closed = new Promise((resolve) => shared.addEventListener("close", () => resolve(shared.open), { once: true }));
      shared.querySelector("[data-leave]").click();
      document.querySelector("#main [data-do=cancel]").click();
      return closed;
    });
  await page.getByRole("button", { name: /^Cancel/ }).click();
  await dialog.waitFor();
  assert.equal(await again(), true, "the event comes when the next question is open");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(deletions(), 0);
  await page.getByRole("button", { name: /^Cancel/ }).click();
  await dialog.waitFor();
  assert.equal(await again(), true, "the event comes when the next question is open");
  await dialog.getByRole("button", { name: "Cancel it" }).click();
  await page.getByText("Cancelled, clinic-a: clinic-a cancelled the computation").waitFor();
  assert.equal(deletions(), 1);
});

driven("what has ended meanwhile cannot be cancelled, and that is said", {}, async ({ page, node }) => {
  await show(page, "computations");
  await page.getByRole("button", { name: "Cancel … Sort" }).click();
  node.known.computations.find((one) => one.id === IDS.slow).ended = new Date().toISOString();
  await page.getByRole("button", { name: "Cancel it" }).click();
  await page.getByRole("dialog", { name: "It was not cancelled" }).getByText("the computation has ended").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
});

driven("requests are granted so often for so long, refused, and taken back", {}, async ({ page, node }) => {
  const sent = () => node.requests.filter(({ method, path }) => method === "POST" && path.startsWith("/v1/approvals")).map(({ path, body }) => [path, JSON.parse(body)]);
  await show(page, "approvals");
  await page.getByText("ada asks to compute StatisticsBivariate").waitFor();
  await page.getByRole("button", { name: "Grant … request 7" }).click();
  const dialog = page.getByRole("dialog", { name: "Grant request 7?" });
  await dialog.getByLabel("Times").fill("0");
  await dialog.getByRole("button", { name: "Grant" }).click();
  await dialog.getByText("Times: a whole number from 1.").waitFor();
  assert.equal(await focused(page), "grant-times");
  await dialog.getByLabel("Times").fill("10");
  await dialog.getByLabel("Days").fill("30");
  await page.keyboard.press("Enter");
  await page.locator(".request").filter({ hasText: "ada" }).waitFor({ state: "detached" });
  await said(page, "Request 7 is granted");
  assert.deepEqual(sent().at(-1), ["/v1/approvals/7", { decision: "grant", times: 10, days: 30 }]);
  await page.getByRole("row").filter({ hasText: "10 times" }).waitFor();
  await page.getByRole("button", { name: "Refuse … request 9" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Refuse" }).click();
  await page.getByText("Nothing waits for a decision").waitFor();
  assert.deepEqual(sent().at(-1), ["/v1/approvals/9", { decision: "refuse" }]);
  await page.getByRole("button", { name: "Take back … request 7" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await page.getByRole("button", { name: "Grant … request 7" }).waitFor();
  node.known.approvals.push({ id: 12, class: { principal: "grace", function: "SecureSum", parameters: "{}", dataset: "trial", columns: ["age"], condition: null }, study: null, asked: Date.now() / 1000, state: "asked" });
  node.send("approvals");
  await page.getByText("grace asks to compute SecureSum").waitFor();
  await said(page, "Request 12: grace asks to compute SecureSum");
});

driven("the log is read page by page, and its chain is checked", {}, async ({ page, node }) => {
  await show(page, "audit");
  await page.getByText("85 to 134 of 134").waitFor();
  await page.getByRole("link", { name: "Older" }).click();
  await page.getByText("35 to 84 of 134").waitFor();
  await page.getByRole("link", { name: "Oldest" }).click();
  await page.getByText("1 to 50 of 134").waitFor();
  await page.locator(".entry").last().locator("summary").click();
  await page.locator(".entry").last().getByText("clinic-a").first().waitFor();
  await page.getByRole("link", { name: "Newest" }).click();
  await page.getByText("85 to 134 of 134").waitFor();
  const last = node.known.audit.at(-1);
  node.known.audit.push({ ...last, number: 135, previous: last.hash, hash: "f".repeat(64), at: Date.now(), kind: "token made", document: { name: "grace", roles: ["owner"] } });
  node.send("audit");
  await page.getByText("86 to 135 of 135").waitFor();
  await page.getByText("token made").waitFor();
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.locator("#main").getByText("135 entries").waitFor();
  await said(page, "The log is whole: 135 entries");
  node.known.broken = true;
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByText("entry 41 does not follow from entry 40").first().waitFor();
});

test("a token is asked for, kept in this tab, and forgotten", { skip: !available() && "no browser" }, async () => {
  const node = await mock({ scene: "tokens" });
  try {
    const page = await open(await shared(), node.url);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Enter a token.").waitFor();
    await page.getByLabel("Token").fill("cloister_wrong");
    await page.keyboard.press("Enter");
    await page.getByText("does not know this token").waitFor();
    await page.getByLabel("Token").fill("cloister_owner");
    await page.keyboard.press("Enter");
    await page.getByText("Signed in as").first().waitFor();
    await page.locator("#live[data-state=live]").waitFor();
    const kept = await page.evaluate(() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie, location.href]);
    assert.deepEqual([kept[0].includes("cloister_owner"), kept.slice(1).some((text) => text.includes("cloister_owner"))], [true, false]);
    await page.reload();
    await page.getByText("Signed in as").first().waitFor();
    // What is shown is so by its roles; what is not says whose it is.
    await show(page, "approvals");
    await page.getByText("ada asks to compute").waitFor();
    await show(page, "audit");
    await page.getByRole("heading", { name: "Your role does not show the audit log" }).waitFor();
    await page.getByText("auditor and operator").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal((await page.locator("body").textContent()).includes("trial"), false);
    await node.until((streams) => streams.size === 0);
    // A token that is revoked while the page is open.
    await page.getByLabel("Token").fill("cloister_auditor");
    await page.keyboard.press("Enter");
    await page.locator("#live[data-state=live]").waitFor();
    await show(page, "approvals");
    await page.getByRole("heading", { name: "Your role does not show approvals" }).waitFor();
    await show(page, `computations/${IDS.statistics}`);
    await page.getByText("Its result is shown to anybody, who computed it").waitFor();
    assert.equal(await page.getByRole("button", { name: /^Cancel/ }).count(), 0);
    delete node.known.tokens.cloister_auditor;
    for (const { response } of node.streams) response.destroy();
    await page.getByRole("heading", { name: "Sign in" }).waitFor({ timeout: PATIENCE });
    assert.deepEqual(page.problems, []);
    await page.context().close();
  } finally {
    await node.close();
  }
});

driven("a theme can be chosen, and is kept", { scheme: "dark" }, async ({ page }) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.getByRole("button", { name: /Theme: system/ }).click();
  assert.notEqual(await ground(), dark);
  await page.reload();
  await page.getByRole("button", { name: /Theme: light/ }).click();
  assert.equal(await ground(), dark);
});

driven("nothing moves for who wants no motion", { motion: "reduce" }, async ({ page }) => {
  await show(page, `computations/${IDS.slow}`);
  await page.locator(".lanes .open").first().waitFor({ state: "attached" });
  const moving = await page.evaluate(() => document.getAnimations().filter((one) => one.playState === "running").length);
  assert.equal(moving, 0);
});

driven("an answer is readable: tables, bars, matrices, with what was revealed and whose rules held", {}, async ({ page }) => {
  await show(page, `computations/${IDS.table}`);
  const cell = page.getByRole("row").filter({ hasText: "malignant" });
  assert.match(await cell.textContent(), /23.*74.*66/);
  await page.getByText("Not shown: fewer than the smallest cell").waitFor();
  await page.getByRole("row").filter({ hasText: "Fewest rows in all" }).filter({ hasText: "clinic-b" }).waitFor();
  await page.getByText("the exact joint sums n").waitFor();
  await show(page, `computations/${IDS.median}`);
  assert.equal(await page.locator(".figures dd").textContent(), "61.5");
  await page.getByText("The rounds as a table").click();
  assert.equal(await page.getByRole("table", { name: /^Rounds/ }).getByRole("row").count(), 65);
  await show(page, `computations/${IDS.rounded}`);
  await page.getByText("Drawn in their order, not by time").waitFor();
  await page.getByText("under 0.1 s from the request to the result").waitFor();
  await show(page, `computations/${IDS.failed}`);
  await page.getByText("ask clinic-b whether its client has asked").waitFor();
  assert.equal(await page.locator(".trouble code").first().textContent(), "deadline");
});

test("the documentation shows paths, parameters, schemas and examples", { skip: !available() && "no browser" }, async () => {
  const node = await mock();
  try {
    const page = await open(await shared(), `${node.url}/docs#schema-Error`);
    const grant = page.getByRole("article", { name: /post \/v1\/approvals/ });
    await grant.waitFor();
    assert.match(await grant.textContent(), /Ten times within a month/);
    assert.match(await grant.textContent(), /1 where nothing is said/);
    await page.getByRole("article", { name: "schema Node" }).waitFor();
    await page.getByLabel("Find an operation").fill("cancel");
    assert.equal(await page.locator("#toc a").count(), 1);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  } finally {
    await node.close();
  }
});

driven("the bar shows the progress of a computation, not the time until its deadline", {}, async ({ page, node }) => {
  await live(page, "live");
  await show(page, "computations");
  const bar = (what) => page.getByRole("progressbar", { name: `Progress of ${what}`, exact: true });
  const blocked = bar("StatisticsBivariate");
  assert.deepEqual([await blocked.getAttribute("value"), await blocked.getAttribute("max")], ["200", "500"]);
  // It waits and comes no further, however near its deadline is.
  node.change(IDS.blocked, { deadline: new Date(Date.now() + 1_000).toISOString() });
  await settled(page, node);
  assert.equal(await blocked.getAttribute("value"), "200");
  const run = page.locator(".run").filter({ hasText: "Sort" });
  await run.getByText("Step 4 of 5: computing, round 41, shuffle").waitFor();
  // A computation like it took so many rounds.
  node.known.computations.push({ ...node.known.computations.find((one) => one.id === IDS.slow), id: "before", state: "done", waiting: null, ended: new Date().toISOString(), cost: { rounds: 82, bytes_sent: 1, bytes_received: 1, seconds: 1 } });
  node.change("before", {});
  await run.getByText("round 41 of about 82, shuffle").waitFor();
  assert.equal(await bar("Sort").getAttribute("value"), "350");
  node.change(IDS.slow, { state: "opening", round: 90 });
  await run.getByText("Step 5 of 5: opening the answer").waitFor();
});

driven("columns and conditions are shown to those who may see them", { scene: "tokens", token: "cloister_researcher" }, async ({ page, node }) => {
  const own = node.known.computations.find((one) => one.id === IDS.others);
  const fact = (term) => page.locator("[data-key=about] dl > div").filter({ has: page.getByText(term, { exact: true }) }).locator("dd");
  await show(page, `computations/${IDS.others}`);
  await page.getByText('"age" >= 18 and "sex" = "female"').waitFor();
  assert.equal(await fact("Columns").textContent(), "age and risk");
  own.selections[0].condition = null;
  await page.getByRole("button", { name: "Sign out" }).click();
  const secret = page.getByLabel("Token");
  for (const [token, sees] of [["cloister_owner", false], ["cloister_auditor", true]]) {
    await secret.fill(token);
    await page.keyboard.press("Enter");
    await page.getByText("Signed in as").first().waitFor();
    await show(page, `computations/${IDS.others}`);
    if (sees) assert.deepEqual([await fact("Columns").textContent(), await fact("Rows").textContent()], ["age and risk", "all"]);
    else assert.match(await fact("Columns").textContent(), /shown to ada, who computed it, and to auditors/);
    await page.getByRole("button", { name: "Sign out" }).click();
  }
});

driven("computations and datasets are searched", {}, async ({ page, node }) => {
  await live(page, "live");
  await show(page, "computations");
  await page.getByLabel("Find").fill("statistics clinic-b done");
  await page.getByText(/^4 of \d+$/).waitFor();
  assert.equal(await page.locator(".past tbody tr").count(), 4);
  await page.getByText("Nothing like that is being computed").waitFor();
  await page.getByRole("link", { name: /^Failed/ }).click();
  await page.getByText("None is like that").waitFor();
  assert.equal(await page.getByLabel("Find").inputValue(), "statistics clinic-b done", "the filter keeps what was typed");
  await page.getByLabel("Find").fill("deadline");
  await page.locator(".past tbody tr").getByText("StatisticsUnivariate").waitFor();
  assert.match(await page.evaluate(() => location.hash), /state=failed&find=deadline/);
  node.send("members");
  await settled(page, node);
  assert.equal(await page.getByLabel("Find").inputValue(), "deadline");
  await show(page, "datasets");
  await page.getByLabel("Find").fill("icd");
  await page.getByText("1 of 2").waitFor();
  assert.deepEqual(await page.locator(".dataset h2").allTextContents(), ["registry"]);
  await page.getByLabel("Find").fill("nothing such");
  await page.getByText("No dataset is like that").waitFor();
});

driven("a computation is started by a form of the catalogue's descriptors", {}, async ({ page, node }) => {
  await live(page, "live");
  await show(page, "computations");
  await page.getByRole("link", { name: "Start a computation" }).click();
  await page.getByRole("heading", { name: "Start a computation", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("Choose a function.").waitFor();
  assert.equal(await focused(page), "start-function");
  await page.getByRole("combobox", { name: "Function" }).selectOption("Quantiles");
  await page.getByText("Each party brings one column of numbers").waitFor();
  await page.getByRole("combobox", { name: "Dataset" }).selectOption("trial");
  await page.getByRole("combobox", { name: "Column", exact: true }).selectOption("age");
  await page.getByRole("button", { name: "Add a condition" }).click();
  const condition = page.getByRole("group", { name: "Condition 1" });
  await condition.getByLabel("Column").selectOption("age");
  await condition.getByLabel("Is").selectOption(">=");
  await condition.getByLabel("Value").fill("old");
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("probabilities: it is required").waitFor();
  await page.getByLabel("probabilities").fill("0.25, 0.5");
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("Condition 1: age is compared with a number").waitFor();
  assert.equal(await focused(page), "start-where-value-0");
  // Changes meanwhile leave choices and typed text alone.
  node.send("members");
  await settled(page, node);
  await condition.getByLabel("Value").fill("18");
  await page.getByRole("button", { name: "Add a condition" }).click();
  const second = page.getByRole("group", { name: "Condition 2" });
  await second.getByLabel("Column").selectOption("sex");
  await second.getByLabel("Value").fill("female");
  await page.getByLabel("clinic-c").uncheck();
  await page.getByLabel("Name of the computation").fill("quantiles-of-age");
  node.known.refusal = [429, { code: "too_many", message: "as many computations run as may", hint: "try again later" }];
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("as many computations run as may. try again later").waitFor();
  node.known.refusal = null;
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("heading", { name: "Quantiles", level: 1 }).waitFor();
  const [selection, task] = node.known.tasks.slice(-2);
  assert.deepEqual(selection, { dataset: "trial", columns: ["age"], where: { and: [{ column: "age", op: ">=", value: 18 }, { column: "sex", op: "=", value: "female" }] } });
  assert.deepEqual(task.network, { nodes: ["clinic-a", "clinic-b"], uuid: "quantiles-of-age", myself: 0 });
  assert.deepEqual([task.microprotocol, task.parameters], ["Quantiles", { probabilities: [0.25, 0.5] }]);
  // An address that names another function or dataset opens a new form.
  await show(page, "start");
  const unnamed = await page.getByLabel("Name of the computation").inputValue();
  await page.evaluate(() => (location.hash = "#/start?function=SecureSum&dataset=registry"));
  await page.getByText("the sum of all numbers").waitFor();
  assert.deepEqual([await page.getByRole("combobox", { name: "Function" }).inputValue(), await page.getByRole("combobox", { name: "Dataset" }).inputValue()], ["SecureSum", "registry"]);
  assert.notEqual(await page.getByLabel("Name of the computation").inputValue(), unnamed);
  await page.goBack();
  await page.goBack();
  await page.getByRole("heading", { name: "Quantiles", level: 1 }).waitFor();
  // The other party opens the same form, filled in but for its data.
  const address = await page.locator("[data-key=invitations] [data-do=copy]").getAttribute("data-text");
  assert.match(address, /^http:\/\/127.0.0.1:8002\/#\/start\?function=Quantiles&network=quantiles-of-age/);
  await page.evaluate((to) => (location.hash = to), new URL(address).hash);
  await page.getByText("Another party has chosen what is computed").waitFor();
  assert.deepEqual([await page.getByRole("combobox", { name: "Function" }).inputValue(), await page.getByLabel("probabilities").inputValue(), await page.getByLabel("Name of the computation").inputValue()], ["Quantiles", "[0.25,0.5]", "quantiles-of-age"]);
});

driven("nobody starts what their role does not allow", { scene: "tokens", token: "cloister_auditor" }, async ({ page }) => {
  await show(page, "computations");
  assert.equal(await page.getByRole("link", { name: "Start a computation" }).count(), 0);
  await show(page, "start");
  await page.getByRole("heading", { name: "Your role does not show how to start computations" }).waitFor();
});

/** Clicks a button that has a file kept, and returns the file's name and text. */
async function kept(page, button) {
  const coming = page.waitForEvent("download");
  await button.click();
  const file = await coming;
  const parts = [];
  for await (const part of await file.createReadStream()) parts.push(part);
  return [file.suggestedFilename(), Buffer.concat(parts).toString()];
}

driven("results and the list are kept as CSV and JSON", {}, async ({ page, node }) => {
  await live(page, "live");
  const one = node.known.computations.find(({ id }) => id === IDS.table);
  one.result = { table: { '=cmd|"x"': { "stage I": 140, "a,b": null } }, mode: ["benign", "stage I"], ratio: 0.1 + 0.2 };
  await show(page, `computations/${IDS.table}`);
  const [name, text] = await kept(page, page.getByRole("button", { name: "CSV of the result" }));
  assert.match(name, /^StatisticsContingency-[0-9a-f]{8}\.csv$/);
  assert.equal(text, 'result,row,column,value\r\ntable,"\'=cmd|""x""",stage I,140\r\ntable,"\'=cmd|""x""","a,b",\r\nmode,1,,benign\r\nmode,2,,stage I\r\nratio,,,0.30000000000000004\r\n');
  const [, whole] = await kept(page, page.getByRole("button", { name: "JSON of the result" }));
  assert.deepEqual(JSON.parse(whole).result, one.result);
  await show(page, "computations?state=failed");
  const [, list] = await kept(page, page.getByRole("button", { name: "CSV of this list" }));
  assert.deepEqual(list.trim().split("\r\n").map((line) => line.split(",")[1]), ["function", "StatisticsUnivariate"]);
  const [, documents] = await kept(page, page.getByRole("button", { name: "JSON of this list" }));
  assert.deepEqual(JSON.parse(documents).computations.map(({ id }) => id), [IDS.failed]);
});

driven("on a phone the list of computations is short", { size: { width: 390, height: 844 } }, async ({ page, node }) => {
  node.known.computations = node.known.computations.filter(({ ended }) => ended).slice(0, 12);
  assert.equal(node.known.computations.length, 12);
  await page.reload();
  await show(page, "computations");
  assert.equal(await page.locator(".past tbody tr").count(), 12);
  const { height, rows } = await page.evaluate(() => ({ height: document.documentElement.scrollHeight, rows: [...document.querySelectorAll(".past tbody tr")].map((row) => row.getBoundingClientRect().height) }));
  assert.ok(Math.max(...rows) <= 80, `${rows}`);
  assert.ok(height <= 1_600, `${height} pixels`);
});

driven("functions that measure stand apart", {}, async ({ page }) => {
  await show(page, "functions");
  const apart = page.getByRole("region", { name: "For measuring" });
  assert.deepEqual(await apart.locator(".function-name").allTextContents(), ["Empty"]);
  assert.equal(await page.locator(".function-name").count(), 6);
});

test("all pages of a browser share one stream, and it goes on when its page is closed", { skip: !available() && "no browser", timeout: 600_000 }, async () => {
  const node = await mock();
  try {
    const context = await contextOf(await shared());
    const pages = [];
    // More than the connections of a browser to one node: with a stream each, the last ones would never be there.
    for (let count = 0; count < 8; count += 1) {
      const page = await openIn(context, `${node.url}/#/computations`);
      await live(page, "live");
      pages.push(page);
    }
    const [first, ...others] = node.streams;
    assert.equal(others.length, 0);
    ends(node, IDS.blocked);
    for (const page of pages) await said(page, "StatisticsBivariate has failed: too late");
    await pages[0].close();
    await node.until((streams) => streams.size === 1 && !streams.has(first));
    ends(node, IDS.slow);
    for (const page of pages.slice(1)) {
      await said(page, "Sort has failed: too late");
      await live(page, "live");
      assert.deepEqual(page.problems, []);
    }
    assert.equal(node.streams.size, 1);
    await context.close();
  } finally {
    await node.close();
  }
});

test("pages with other tokens share no stream", { skip: !available() && "no browser", timeout: 600_000 }, async () => {
  const node = await mock({ scene: "tokens" });
  try {
    const context = await contextOf(await shared());
    for (const token of ["cloister_researcher", "cloister_operator"]) {
      const page = await openIn(context, node.url);
      await page.getByLabel("Token").fill(token);
      await page.keyboard.press("Enter");
      await live(page, "live");
    }
    assert.deepEqual([...node.streams].map(({ who }) => who.name), ["ada", "operator-olga"]);
    await context.close();
  } finally {
    await node.close();
  }
});

describe("behaviour", { concurrency: AT_A_TIME }, () => {
  for (const of of tests) alone(...of);
});
