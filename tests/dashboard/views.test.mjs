// Every view, light and dark, wide and narrow: axe finds nothing, nothing scrolls sideways, nothing goes wrong, and
// there is a screenshot of it.

import assert from "node:assert/strict";
import { after, describe, test as alone } from "node:test";
import { AT_A_TIME, PATIENCE, SIZES, VIEWS, available, check, closeShared, drawn, open, openIn, contextOf, shared, shot, show } from "./browser.mjs";
import { HOSTILE, IDS, mock } from "./mock.mjs";

const DETAILS = ["blocked", "slow", "failed", "statistics", "table", "histogram", "median", "correlation", "cancelled", "others", "product", "groups", "top", "rounded"];
const SCENES = [
  { scene: "usual", routes: [...VIEWS, "computations?state=failed", ...DETAILS.map((which) => `computations/${IDS[which]}`), "computations/none", "start", "start?function=Quantiles&dataset=trial", "computations?find=statistics+done"] },
  { scene: "down", routes: [""] },
  { scene: "empty", routes: VIEWS },
  { scene: "hostile", routes: [...VIEWS, `start?function=${encodeURIComponent(HOSTILE)}&dataset=${encodeURIComponent(HOSTILE)}`, ...["blocked", "failed", "table"].map((which) => `computations/${IDS[which]}`)] },
  { scene: "tokens", token: "cloister_researcher", routes: ["", "approvals", "audit", `computations/${IDS.others}`] },
];

const label = (route) => (route === "" ? "overview" : Object.entries(IDS).reduce((text, [which, id]) => text.replace(`computations/${id}`, which), route).replace(/[^\w-]+/g, "-"));

// Colours depend on the scheme and layout on the width: each is looked at with one of the other, and all four only in
// the long form.
const ALL = ["light", "dark"].flatMap((scheme) => Object.entries(SIZES).map(([width, size]) => ({ scheme, width, size })));
const LOOKS = process.env.CLOISTER_LONG_TESTS ? ALL : ALL.filter(({ scheme, width }) => (scheme === "light") === (width === "wide"));

after(closeShared);

const tests = [];
const test = (...of) => tests.push(of);

/** The routes of one test. Tests run side by side, so many short ones end sooner than a few long ones. */
const AT_ONCE = 5;

const parts = (routes) => Array.from({ length: Math.ceil(routes.length / AT_ONCE) }, (_, at) => routes.slice(at * AT_ONCE, (at + 1) * AT_ONCE));

for (const { scene, routes, token } of SCENES.flatMap(({ routes, ...scene }) => parts(routes).map((part) => ({ ...scene, routes: part })))) {
  for (const { scheme, width, size } of LOOKS) {
    test(`${scene} from ${label(routes[0])}, ${scheme}, ${width}`, { skip: !available() && "no browser" }, async () => {
      const node = await mock({ scene });
      try {
        const page = await open(await shared(), node.url, { scheme, size, token });
        for (const route of routes) {
          await show(page, route);
          // Everything that can be opened is part of the page.
          await page.evaluate(() => document.querySelectorAll("#main details").forEach((one, at) => (one.open = at < 4)));
          assert.deepEqual(await check(page), [], `${scene} #/${route}`);
          await shot(page, `${scene}-${label(route)}-${scheme}-${width}`);
        }
        await page.context().close();
      } finally {
        await node.close();
      }
    });
  }
}

for (const { scheme, width, size } of LOOKS) {
  test(`documentation, sign-in, dialogs, banners: ${scheme}, ${width}`, { skip: !available() && "no browser" }, async () => {
    const node = await mock({ scene: "down" });
    const locked = await mock({ scene: "tokens" });
    try {
      const docs = await open(await shared(), `${node.url}/docs`, { scheme, size });
      await docs.getByRole("heading", { name: /cloister/ }).first().waitFor();
      assert.deepEqual(await check(docs), []);
      await shot(docs, `docs-${scheme}-${width}`);
      await docs.context().close();

      const stranger = await open(await shared(), locked.url, { scheme, size, token: "cloister_nobody" });
      await stranger.getByRole("alert").filter({ hasText: "does not know this token" }).waitFor();
      assert.deepEqual(await check(stranger), []);
      await shot(stranger, `sign-in-${scheme}-${width}`);
      await stranger.context().close();

      const page = await open(await shared(), node.url, { scheme, size });
      await show(page, "");
      await page.getByRole("button", { name: "Find out why" }).click();
      await page.getByText("start the node, or open port 9002").waitFor();
      assert.deepEqual(await check(page), []);
      await shot(page, `probe-${scheme}-${width}`);
      for (const [route, button] of [["approvals", "Grant … request 7"], ["approvals", "Refuse … request 7"], ["computations", "Cancel … StatisticsBivariate"]]) {
        await show(page, route);
        await page.getByRole("button", { name: button }).click();
        await page.getByRole("dialog").waitFor();
        assert.deepEqual(await check(page), [], button);
        await shot(page, `dialog-${button.split(" ")[0].toLowerCase()}-${scheme}-${width}`);
        await page.keyboard.press("Escape");
      }
      node.stop(true);
      await page.getByText("This node does not answer since").waitFor({ timeout: PATIENCE });
      assert.deepEqual(await check(page), []);
      await shot(page, `lost-${scheme}-${width}`);
      await page.context().close();
    } finally {
      await node.close();
      await locked.close();
    }
  });
}

test("axe finds what is wrong", { skip: !available() && "no browser" }, async () => {
  const node = await mock();
  try {
    const page = await open(await shared(), node.url);
    await show(page, "datasets");
    await page.evaluate(() => document.querySelector("#main h1").after(document.createElement("button")));
    assert.match((await check(page)).join("\n"), /button-name/);
    await page.context().close();
  } finally {
    await node.close();
  }
});

describe("views", { concurrency: AT_A_TIME }, () => {
  for (const of of tests) alone(...of);
});
