// The way of a computation to its end: the steps of every one, and the rounds of one whose like has been done before.
// No time is part of it: a computation that waits makes no progress, however near its deadline is.

import { clean, h } from "./dom.js";
import { count } from "./format.js";
import { computations } from "./store.js";

const STEPS = [
  ["preparing", "preparing"],
  ["connecting", "connecting"],
  ["agreeing", "agreeing"],
  ["running", "computing"],
  ["opening", "opening the answer"],
];

/** The rounds that the latest computation like this one took, as far as this page knows one. */
function usual(one) {
  const alike = (past) =>
    past.state === "done" &&
    past.function === one.function &&
    past.suite === one.suite &&
    past.dataset === one.dataset &&
    past.members?.length === one.members?.length &&
    past.cost?.rounds > 0;
  return computations().find(alike)?.cost.rounds ?? null;
}

/** The progress, in words and as a bar of five steps. */
export function progress(one) {
  const at = Math.max(0, STEPS.findIndex(([state]) => state === one.state));
  const [state, word] = STEPS[at];
  const rounds = state === "running" ? usual(one) : null;
  const share = rounds === null ? 0 : Math.min(1, one.round / rounds);
  const round = one.round > 0 ? `round ${count(one.round)}${rounds === null ? "" : ` of ${one.round > rounds ? "more than" : "about"} ${count(rounds)}`}` : null;
  const step = one.step && one.step !== word && one.step !== state ? clean(one.step) : null;
  const words = [`Step ${at + 1} of ${STEPS.length}: ${word}`, round, step].filter(Boolean).join(", ");
  return h(
    "div",
    { class: "progress", "data-key": "progress" },
    h("progress", { max: STEPS.length * 100, value: Math.round((at + share) * 100), "aria-label": `Progress of ${clean(one.function)}` }),
    h("p", { class: "small soft" }, words),
  );
}
