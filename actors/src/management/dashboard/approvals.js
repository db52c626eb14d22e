// Others' requests to compute on this party's data, and the decisions.

import { ask, clean, h, name, sentence } from "./dom.js";
import { NOTHING, counted, moment, now, time } from "./format.js";
import { badge, closed, empty, loading, names, panel, table, title, trouble } from "./parts.js";
import { decide, state } from "./store.js";

export function approvals() {
  return [title("Approvals"), content()];
}

function content() {
  const refusal = state.refusals.get("approvals");
  if (refusal?.code === "wrong_role") return closed(refusal, "approvals", ["owner"]);
  if (!state.approvals) return refusal ? trouble(refusal, "Approvals", { "data-key": "trouble" }) : loading("its approvals");
  const byNew = (a, b) => (moment(b.asked) ?? 0) - (moment(a.asked) ?? 0) || b.id - a.id;
  const asked = state.approvals.filter((one) => one.state === "asked").sort(byNew);
  const past = state.approvals.filter((one) => one.state !== "asked").sort(byNew);
  return [
    panel(
      "pending",
      "Waiting for you",
      { beside: h("span", { class: "soft" }, asked.length ? counted(asked.length, "request") : null) },
      asked.length === 0
        ? empty("Nothing waits for a decision.", "Requests come when a dataset's policy asks for approval.")
        : h("ul", { class: "requests" }, asked.map(request)),
    ),
    panel("decided", "Decided", {}, past.length === 0 ? empty("Nothing has been decided yet.") : decided(past)),
  ];
}

function request(one) {
  const { class: asked } = one;
  return h(
    "li",
    { class: "request", "data-key": `request ${one.id}` },
    h(
      "div",
      {},
      h("h3", { tabindex: "-1" }, name(asked?.principal), " asks to compute ", h("span", { class: "mono" }, clean(asked?.function))),
      h("p", {}, "on ", names(asked?.columns ?? []), " of the dataset ", name(asked?.dataset), ", ", rows(asked)),
      given(asked) ? h("p", {}, "with the parameters ", h("span", { class: "mono" }, clean(asked.parameters))) : null,
      Number.isInteger(asked?.equations) ? h("p", {}, `Each answer tells ${asked.equations === 1 ? "1 equation" : `${asked.equations} equations`} about rows.`) : null,
      Number.isFinite(asked?.told_percent) && Number.isFinite(asked?.tells_percent) ? h("p", {}, `${percent(asked.told_percent)} of a column's content is told so far; this tells ${percent(asked.tells_percent)} at most.`) : null,
      h("p", { class: "soft" }, `Request ${clean(one.id)} · asked `, time(one.asked), meaning(asked?.function)),
    ),
    h(
      "div",
      { class: "request-buttons" },
      h("button", { type: "button", class: "button primary", "data-do": "grant", "data-id": one.id }, "Grant …", h("span", { class: "hidden" }, ` request ${clean(one.id)}`)),
      h("button", { type: "button", class: "button", "data-do": "refuse", "data-id": one.id }, "Refuse …", h("span", { class: "hidden" }, ` request ${clean(one.id)}`)),
    ),
  );
}

const percent = (part) => `${part >= 9.95 ? part.toFixed(0) : part.toFixed(1)} %`;

/** The rows that a question is about. */
const rows = (asked) => (asked?.condition ? ["the rows with ", h("span", { class: "mono" }, clean(asked.condition))] : "all rows");

const given = (asked) => asked?.parameters && asked.parameters !== "{}";

function meaning(which) {
  const found = state.functions?.find((one) => one.name === which);
  return found ? [" · ", sentence(found.summary)] : null;
}

function decided(list) {
  return table({
    caption: "Requests that were decided",
    head: ["Request", "Who", "What", "Data", "Decision", "By", "Left"],
    stack: true,
    rows: list.map((one) => {
      const { class: asked } = one;
      const { word, by, left } = outcome(one.state);
      return {
        key: `decided ${one.id}`,
        cells: [
          clean(one.id),
          asked ? name(asked.principal) : NOTHING,
          asked ? h("span", { class: "mono" }, clean(asked.function)) : clean(one.study),
          asked ? [name(asked.dataset), ": ", names(asked.columns ?? []), ", ", rows(asked)] : served(one),
          badge(word),
          by ? name(by) : NOTHING,
          [
            left,
            word === "granted"
              ? null
              : h("button", { type: "button", class: "quiet small", "data-do": "grant", "data-id": one.id }, "Grant …", h("span", { class: "hidden" }, ` request ${clean(one.id)}`)),
            word === "granted"
              ? h("button", { type: "button", class: "quiet small", "data-do": "refuse", "data-id": one.id }, "Take back …", h("span", { class: "hidden" }, ` request ${clean(one.id)}`))
              : null,
          ],
        ],
      };
    }),
  });
}

/** The questions that were granted as a whole, in the node's words. */
const served = (one) => (one.state?.granted?.serves ?? []).map((words) => h("p", { class: "small" }, clean(words)));

/** A state as the node tells it: a word, or an object of one key. */
function outcome(told) {
  if (typeof told === "string") return { word: told, by: null, left: NOTHING };
  const granted = told?.granted;
  if (granted) {
    const over = (moment(granted.expires) ?? 0) <= now();
    const word = granted.times_left === 0 ? "used" : over ? "expired" : "granted";
    const left = [counted(granted.times_left, "time"), over ? null : [" · ", time(granted.expires, "left")]];
    return { word, by: granted.by, left: word === "expired" ? NOTHING : left };
  }
  const refused = told?.refused;
  return { word: refused ? "refused" : "unknown", by: refused?.by, left: NOTHING };
}

const find = (id) => state.approvals?.find((one) => String(one.id) === String(id));

const what = (one) =>
  one.class
    ? [
        name(one.class.principal),
        " computes ",
        h("b", { class: "mono" }, clean(one.class.function)),
        given(one.class) ? [" with ", h("span", { class: "mono" }, clean(one.class.parameters))] : null,
        " on ",
        names(one.class.columns ?? []),
        " of ",
        name(one.class.dataset),
        ", ",
        rows(one.class),
      ]
    : clean(one.study);

function field(id, label, value, most, hint, wrong) {
  return h(
    "div",
    { class: "field" },
    h("label", { for: `grant-${id}` }, label),
    h("input", { id: `grant-${id}`, name: id, type: "number", min: 1, max: most, step: 1, value, required: true, inputmode: "numeric", "aria-describedby": `grant-${id}-hint`, "data-wrong": wrong }),
    h("p", { class: "soft small", id: `grant-${id}-hint` }, hint),
  );
}

/** Asks for how often and how long, and grants. */
export async function grant(id) {
  const one = find(id);
  if (!one) return null;
  const answer = await ask({
    title: `Grant request ${clean(id)}?`,
    body: h("p", {}, what(one), ". It is granted for exactly this question. Each computation uses up one time, also one that is aborted."),
    fields: h(
      "div",
      { class: "fields" },
      field("times", "Times", 1, 4_294_967_295, "How often it may be computed.", "Times: a whole number from 1."),
      field("days", "Days", 7, 36_500, "For how long from now.", "Days: a whole number from 1."),
    ),
    confirm: "Grant",
  });
  if (!answer) return null;
  await decide(id, "grant", Number(answer.times), Number(answer.days));
  return `Request ${id} is granted.`;
}

/** Asks whether it is meant, and refuses. */
export async function refuse(id) {
  const one = find(id);
  if (!one) return null;
  const answer = await ask({
    title: one.state === "asked" ? `Refuse request ${clean(id)}?` : `Take back the approval of request ${clean(id)}?`,
    body: h("p", {}, "Then it is refused whenever ", what(one), ", until you grant it."),
    confirm: one.state === "asked" ? "Refuse" : "Take back",
    danger: true,
  });
  if (!answer) return null;
  await decide(id, "refuse");
  return `Request ${id} is refused.`;
}

