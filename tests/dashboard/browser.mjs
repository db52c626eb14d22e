// A browser, and the checks that hold on every page, be it of a mock or of a real node.
//
// Installed packages lie outside of the repository's folders: `npm ci --prefix DIR` of this package.json, with
// CLOISTER_TEST_MODULES naming DIR/node_modules where it is not target/dashboard/node_modules.

import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MODULES = process.env.CLOISTER_TEST_MODULES ?? path.join(ROOT, "target/dashboard/node_modules");
const require = createRequire(path.join(MODULES, "none.js"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const SCREENSHOTS = process.env.CLOISTER_TEST_SCREENSHOTS ?? path.join(ROOT, "target/screenshots");
export const VIEWS = ["", "datasets", "computations", "approvals", "audit", "functions"];
export const SIZES = { wide: { width: 1360, height: 900 }, narrow: { width: 360, height: 780 } };

const EXECUTABLE = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

/** The longest wait for an event, in milliseconds, before a test fails because the event does not come. */
export const PATIENCE = Number(process.env.CLOISTER_TEST_PATIENCE ?? 180_000);

/** The tests that run at a time, each with a node and a page of its own in one browser. */
export const AT_A_TIME = 4;

/** Returns whether there is a browser here. */
export const available = () => (process.env.CLOISTER_TEST_CHROMIUM ?? EXECUTABLE) !== undefined;

let running = null;

/** Returns the browser of this process, which all its tests share. */
export const shared = () => (running ??= launch());

/** Closes the browser of this process. */
export async function closeShared() {
  const browser = await running;
  running = null;
  await browser?.close();
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CLOISTER_TEST_CHROMIUM ?? EXECUTABLE,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Runs in every page before its own scripts: what a test asks for later is noted from the begin on. */
function prepare(secret) {
  if (secret) sessionStorage.setItem("cloister.token", secret);
  // However slow a machine is, a page under test waits for answers, also for those that a test holds back.
  AbortSignal.timeout = () => new AbortController().signal;
  // Announcements follow each other: a later one takes the place of an earlier one before anybody has looked.
  window.announced = [];
  window.listeners = [];
  new MutationObserver(() => {
    const text = document.getElementById("said")?.textContent;
    if (!text || text === window.announced.at(-1)) return;
    window.announced.push(text);
    for (const listener of window.listeners) listener();
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

/** A context of its own, in which pages share storage, locks and channels. */
export async function contextOf(browser, { scheme = "light", size = SIZES.wide, token = "", motion = "no-preference" } = {}) {
  const context = await browser.newContext({ viewport: size, colorScheme: scheme, locale: "en-GB", reducedMotion: motion, bypassCSP: false, ignoreHTTPSErrors: true, acceptDownloads: true });
  await context.addInitScript(prepare, token);
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** A page of a context, which notes whatever goes wrong in it. */
export async function openIn(context, url) {
  const page = await context.newPage();
  // An announcement says again what the page shows. Texts are looked for outside of it.
  const anywhere = page.getByText.bind(page);
  page.getByText = (text, options) => page.locator(":not(#said)").and(anywhere(text, options));
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // A refused request is the page's to show, and not an error of the page.
    if (message.type() === "error" && !/Failed to load resource/.test(text)) page.problems.push(`console: ${text}`);
  });
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== new URL(url).origin && !["data:", "blob:"].includes(asked.protocol)) page.problems.push(`elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

/** A page of its own, in a context of its own. */
export const open = async (browser, url, settings) => openIn(await contextOf(browser, settings), url);

/** Goes to a view and waits until it is drawn, with all that it asks the node for. */
export async function show(page, route) {
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/${route}`);
  await drawn(page, route);
}

/** Waits until a view is drawn, with all that it asks the node for. */
export async function drawn(page, route) {
  const [section, id] = route.split("?")[0].split("/");
  const key = [section || "overview", ...(section === "computations" && id ? [decodeURIComponent(id)] : [])].join(" ");
  await page.locator(`#main > .view[data-key="${key}"] h1`).waitFor();
  await page.locator("#main [data-key=loading]").waitFor({ state: "detached" });
  await frames(page);
}

/** Waits until something was announced, be it the last or not. */
export async function said(page, text) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not announced: ${text}`)), PATIENCE);
  });
  await Promise.race([announced(page, text), late]).finally(() => clearTimeout(timer));
}

const announced = (page, text) =>
  page.evaluate(
    (expected) =>
      new Promise((resolve) => {
        const look = () => window.announced.some((one) => one.search(expected) >= 0) && resolve();
        window.listeners.push(look);
        look();
      }),
    typeof text === "string" ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : text,
  );

/** Waits until the page has drawn what it knows: frames, and the pause in which it gathers changes. */
export const frames = (page) =>
  page.evaluate(async () => {
    for (let count = 0; count < 2; count += 1) await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  });

/** The world of axe in a page's document: its own, where the page's policy on scripts stays as it is. */
async function world(page) {
  page.axe ??= { session: await page.context().newCDPSession(page) };
  const { session } = page.axe;
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", { contextId: page.axe.contextId, awaitPromise: true, returnByValue: true, expression });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  // A world lasts as long as its document.
  const lasts = page.axe.contextId && (await evaluate("typeof axe").catch(() => "gone")) === "object";
  if (!lasts) {
    const { frameTree } = await session.send("Page.getFrameTree");
    page.axe.contextId = (await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" })).executionContextId;
    await evaluate(`${AXE}; 0`);
  }
  return evaluate;
}

/** Returns the findings of axe, as one line each. */
export async function violations(page) {
  const evaluate = await world(page);
  return evaluate(`axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"], preload: false })
      .then((found) => found.violations.map((v) => v.id + ": " + v.nodes.slice(0, 4).map((n) => n.target.join(" ") + " (" + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? "") + ")").join("; ")))`);
}

/** Returns the elements that are wider than the page. */
export const overflow = (page) =>
  page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide <= 0) return [];
    const limit = document.documentElement.clientWidth;
    const out = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > limit + 1 && !one.closest(".wide") && !one.closest(".hidden"));
    return [`${wide} px too wide: ${out.slice(0, 5).map((one) => `${one.tagName}.${one.getAttribute("class")}`).join(", ")}`];
  });

export async function shot(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** All checks of a page as it stands: axe, no sideways scrolling, nothing that went wrong. Returns what is wrong. */
export async function check(page) {
  return [...(await violations(page)), ...(await overflow(page)), ...page.problems];
}
