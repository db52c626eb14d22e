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
export const PATIENCE = 180_000;

/** Returns whether there is a browser here. */
export const available = () => (process.env.CLOISTER_TEST_CHROMIUM ?? EXECUTABLE) !== undefined;

export function launch() {
  return chromium.launch({
    executablePath: process.env.CLOISTER_TEST_CHROMIUM ?? EXECUTABLE,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page of its own, which notes whatever goes wrong in it. */
export async function open(browser, url, { scheme = "light", size = SIZES.wide, token, motion = "no-preference" } = {}) {
  const context = await browser.newContext({ viewport: size, colorScheme: scheme, locale: "en-GB", reducedMotion: motion, bypassCSP: false, ignoreHTTPSErrors: true });
  if (token) await context.addInitScript((secret) => sessionStorage.setItem("cloister.token", secret), token);
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // A refused request is the page's to show, and not an error of the page.
    if (message.type() === "error" && !/Failed to load resource/.test(text)) page.problems.push(`console: ${text}`);
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin && !request.url().startsWith("data:")) page.problems.push(`elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

/** Goes to a view and waits until it is there. */
export async function show(page, route) {
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/${route}`);
  await page.waitForSelector("#main h1");
  await page.locator("#main [data-key=loading]").waitFor({ state: "detached" });
  await page.waitForTimeout(120);
}

/** Returns the findings of axe, as one line each. */
export async function violations(page) {
  // In a world of its own, where the page's policy on scripts stays as it is.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  await session.send("Runtime.evaluate", { expression: AXE, contextId });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    contextId,
    awaitPromise: true,
    returnByValue: true,
    expression: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] })
      .then((found) => found.violations.map((v) => v.id + ": " + v.nodes.slice(0, 4).map((n) => n.target.join(" ") + " (" + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? "") + ")").join("; ")))`,
  });
  await session.detach();
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
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
