// Looks at a page of `cloister compute --output` as a phone shows it: `node page.mjs FILE`. Nothing is wider than the
// screen, no number is broken, and the page is short. Ends with 1 where something is wrong.

import { pathToFileURL } from "node:url";
import { available, check, closeShared, open, shared, shot } from "./browser.mjs";

/** The most height of a page, in pixels. Long results are cut, and details are folded. */
const HIGHEST = 8_000;

if (!available()) {
  console.error("page.mjs: there is no browser");
  process.exit(77);
}

/** Returns the words with a digit that stand on more than one line. */
const broken = (page) =>
  page.evaluate(() => {
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data } = texts.currentNode;
      for (const { 0: word, index } of data.matchAll(/\S*\d\S*/g)) {
        const range = document.createRange();
        range.setStart(texts.currentNode, index);
        range.setEnd(texts.currentNode, index + word.length);
        const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
        if (lines.size > 1) found.push(word);
      }
    }
    return found;
  });

try {
  const page = await open(await shared(), pathToFileURL(process.argv[2]).href, { size: { width: 390, height: 844 } });
  const problems = [...(await check(page)), ...(await broken(page)).map((word) => `on several lines: ${word}`)];
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  if (height > HIGHEST) problems.push(`${height} pixels high`);
  await shot(page, "result-page-phone");
  console.log(JSON.stringify({ height, problems }));
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  await closeShared();
}
