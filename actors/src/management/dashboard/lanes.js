// The rounds of a computation as swim lanes over time: above what each round was for, below who was awaited.
// The same is there as a table.

import { clean, h, name, s } from "./dom.js";
import { NOTHING, coarsely, count, moment, now, number, span } from "./format.js";
import { names, panel, table } from "./parts.js";
import { ENDED } from "./store.js";

/** Rows of the table that are shown; the lanes show all. */
const MOST = 200;

export function lanes(detail) {
  const rounds = detail.rounds ?? [];
  const running = !ENDED.has(detail.state);
  const beside = h("span", { class: "soft" }, rounds.length ? `${count(rounds.length)} ${rounds.length === 1 ? "round" : "rounds"} as this node saw them` : null);
  if (rounds.length === 0) {
    return panel("rounds", "Rounds", {}, h("p", { class: "soft" }, running ? "No round has begun yet." : "It ended before a round began."));
  }
  const end = reach(detail, rounds, running);
  const write = detail.dataset ? coarsely : span;
  // Of datasets times are told in tenths of a second. Where that says nothing, the order does.
  const flat = !running && rounds.every((round) => (round.ended ?? 0) === 0);
  const drawn = flat
    ? chart(detail, rounds.map((round, at) => ({ ...round, started: at, ended: at + 1 })), rounds.length, false, true)
    : chart(detail, rounds, end, running, false);
  return panel("rounds", "Rounds", { beside }, drawn, flat ? inOrder() : null, dropped(detail), asTable(rounds, running, end, write));
}

/** Until when, in seconds since it started. */
function reach(detail, rounds, running) {
  const from = moment(detail.started) ?? now();
  const told = Math.max(...rounds.map((round) => round.ended ?? round.started));
  const until = running ? (now() - from) / 1000 : ((moment(detail.ended) ?? from) - from) / 1000;
  return Math.max(told, running || rounds.some((round) => round.ended === null) ? until : 0, 1e-6);
}

const inOrder = () =>
  h("p", { class: "soft small", "data-key": "in-order" }, "Drawn in their order, not by time: of datasets times are told in tenths of a second, as they would tell how many rows were read.");

function chart(detail, rounds, end, running, flat) {
  const share = (seconds) => `${Math.min(100, Math.max(0, (seconds / end) * 100)).toFixed(3)}%`;
  const bar = (round, kind) => {
    const until = round.ended ?? end;
    const width = Math.max(0.35, ((until - round.started) / end) * 100);
    const x = Math.min(100 - width, Math.max(0, (round.started / end) * 100));
    return s(
      "rect",
      { class: kind, x: `${x.toFixed(3)}%`, width: `${width.toFixed(3)}%`, y: 4, height: 14, rx: 2 },
      s("title", {}, `round ${round.round}, ${round.stage}${flat ? "" : `: ${span(until - round.started)}`}`),
    );
  };
  const stages = [...new Set(rounds.map((round) => round.stage))];
  const awaited = [...(detail.members ?? []), ...(detail.helpers ?? [])].filter((member) => member !== detail.me);
  const waits = waitsOf(detail, rounds, end, running);
  const lane = (key, label, bars, kind) =>
    h(
      "div",
      { class: `lane ${kind ?? ""}`.trim(), "data-key": key },
      h("span", { class: "lane-name" }, label),
      s("svg", { class: "lane-bars", height: 22, width: "100%", preserveAspectRatio: "none" }, s("line", { class: "lane-line", x1: 0, x2: "100%", y1: 11, y2: 11 }), bars),
    );
  return h(
    "figure",
    { class: "chart", "data-key": "chart" },
    h("figcaption", { class: "legend" }, key("stage", "what a round was for"), key("wait", "who was awaited: came last"), running ? key("open", "going on") : null),
    h(
      "div",
      { class: "lanes", "aria-hidden": "true" },
      stages.map((stage) =>
        lane(
          `stage ${stage}`,
          clean(stage || "round"),
          rounds.filter((round) => round.stage === stage).map((round) => bar(round, round.ended === null && running ? "bar open" : "bar")),
        ),
      ),
      awaited.map((member) => lane(`member ${member}`, name(member), (waits.get(member) ?? []).map((round) => bar(round, round.ended === null && running ? "wait open" : "wait")), "of-member")),
      flat ? null : h(
        "div",
        { class: "lane axis", "data-key": "axis" },
        h("span", { class: "lane-name" }),
        s(
          "svg",
          { height: 18, width: "100%" },
          ticks(end).map((at, i, list) => s("text", { x: share(at), y: 13, "text-anchor": i === 0 ? "start" : i === list.length - 1 && at / end > 0.9 ? "end" : "middle" }, at === 0 ? "0" : span(at))),
        ),
      ),
    ),
  );
}

const key = (kind, text) => h("span", {}, s("svg", { width: 16, height: 10, "aria-hidden": "true" }, s("rect", { class: kind === "stage" ? "bar" : kind === "wait" ? "wait" : "bar open", width: 16, height: 10, rx: 2 })), text);

/** Of each member the rounds in which it was awaited, and what is awaited right now. */
function waitsOf(detail, rounds, end, running) {
  const waits = new Map();
  const add = (member, round) => waits.set(member, [...(waits.get(member) ?? []), round]);
  for (const round of rounds) for (const member of round.waited_for ?? []) add(member, round);
  if (running && detail.waiting) {
    const started = ((moment(detail.waiting.since) ?? now()) - (moment(detail.started) ?? now())) / 1000;
    for (const member of detail.waiting.parties) {
      const known = (waits.get(member) ?? []).some((round) => round.ended === null);
      if (!known) add(member, { round: detail.round, stage: detail.waiting.for, started: Math.max(0, Math.min(started, end)), ended: null });
    }
  }
  return waits;
}

/** Round numbers on the axis, five or so. */
function ticks(end) {
  const rough = end / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const list = [];
  for (let at = 0; at <= end * 1.0001; at += step) list.push(at);
  return list;
}

const dropped = (detail) => (detail.rounds_dropped > 0 ? h("p", { class: "soft small", "data-key": "dropped" }, `${count(detail.rounds_dropped)} more rounds are not kept.`) : null);

function asTable(rounds, running, end, write) {
  const shown = rounds.slice(-MOST);
  return h(
    "details",
    { class: "disclose", "data-key": "as-table" },
    h("summary", {}, "The rounds as a table"),
    rounds.length > MOST ? h("p", { class: "soft" }, `The last ${MOST} of ${count(rounds.length)}.`) : null,
    table({
      caption: "Rounds: what each was for, when, and who came last",
      className: "snug",
      head: ["Round", "For", ["Began after", "number"], ["Took", "number"], "Awaited"],
      rows: shown.map((round) => ({
        key: `round ${round.round} ${round.stage}`,
        cells: [
          number(round.round),
          clean(round.stage),
          round.started === 0 ? "0 s" : write(round.started),
          round.ended === null ? (running ? `${span(Math.max(0, end - round.started))} so far` : "not ended") : write(round.ended - round.started),
          round.waited_for?.length ? names(round.waited_for) : NOTHING,
        ],
      })),
    }),
  );
}
