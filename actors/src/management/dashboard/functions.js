// The catalogue of what can be computed.

import { clean, h, sentence } from "./dom.js";
import { badge, closed, empty, loading, slug, table, title, trouble } from "./parts.js";
import { state } from "./store.js";

const SUITES = [
  [/^masked/, "all parties add masks that cancel out; all but one may collude"],
  [/^replicated/, "three nodes compute on shares; any one of them may be curious"],
  [/^pairwise/, "all parties compute on shares; all but one may collude"],
  [/^intersection/, "items are blinded by every party in turn; all but one may collude"],
];

/** A suite in a sentence. */
export const suite = (which) => SUITES.find(([of]) => of.test(which))?.[1] ?? null;

export function functions(route) {
  const list = state.functions;
  const refusal = state.refusals.get("functions");
  const sought = (route.query.get("find") ?? "").trim().toLowerCase();
  return [
    title("Functions"),
    h("p", { class: "lead", "data-key": "lead" }, "What parties can compute together, and what nodes get to know beside the answer."),
    !list && refusal?.code === "wrong_role" ? closed(refusal, "the catalogue", ["researcher"]) : null,
    !list && refusal && refusal.code !== "wrong_role" ? trouble(refusal, "Functions", { "data-key": "trouble" }) : null,
    !list && !refusal ? loading("its functions") : null,
    list ? search(list, sought) : null,
    list ? shown(list, sought) : null,
  ];
}

function search(list, sought) {
  return h(
    "div",
    { class: "tools", "data-key": "tools" },
    h("label", { for: "find" }, "Find"),
    h("input", { id: "find", type: "search", "data-change": "find", value: sought, autocomplete: "off", spellcheck: "false", placeholder: "median, table, …" }),
    h("span", { class: "soft", role: "status" }, `${list.filter((one) => fits(one, sought)).length} of ${list.length}`),
  );
}

const fits = (one, sought) =>
  sought === "" || [one.name, one.summary, one.takes, ...(one.result_keys ?? [])].join(" ").toLowerCase().includes(sought);

function shown(list, sought) {
  const found = list.filter((one) => fits(one, sought));
  if (found.length === 0) return empty("No function is like that.");
  return h("div", { class: "functions", "data-key": "functions" }, found.map(entry));
}

function entry(one) {
  const parameters = one.parameters ?? [];
  return h(
    "article",
    { class: "panel function", "data-key": `function ${one.name}`, "aria-labelledby": `function-${slug(one.name)}` },
    h("h2", { id: `function-${slug(one.name)}`, class: "mono" }, clean(one.name)),
    h("p", { class: "summary" }, sentence(one.summary)),
    h("p", { class: "takes" }, h("span", { class: "soft" }, "Each party brings "), sentence(one.takes ?? one.input ?? "")),
    h(
      "p",
      { class: "suites" },
      (one.suites ?? []).map((which) => badge(which, "busy")),
    ),
    h(
      "details",
      { class: "disclose", "data-key": "more" },
      h("summary", {}, "Details", h("span", { class: "hidden" }, ` of ${clean(one.name)}`)),
      h("h3", {}, "Suites"),
      h("ul", { class: "reveals" }, (one.suites ?? []).map((which) => h("li", {}, h("b", {}, clean(which)), suite(which) ? `: ${suite(which)}` : null))),
      h("h3", {}, "Parameters"),
      parameters.length === 0
        ? h("p", { class: "soft" }, "It takes none.")
        : table({
            caption: `Parameters of ${clean(one.name)}`,
            head: ["Parameter", "Type", "Meaning"],
            stack: true,
            rows: parameters.map((parameter) => ({
              key: parameter.name,
              cells: [
                h("code", {}, clean(parameter.name)),
                [clean(parameter.type), parameter.required ? h("span", { class: "warn" }, " required") : null],
                h("span", {}, sentence(parameter.summary ?? "")),
              ],
            })),
          }),
      h("h3", {}, "Answer"),
      (one.result_keys ?? []).length === 0
        ? h("p", { class: "soft" }, "Nothing.")
        : h("p", { class: "chips" }, one.result_keys.map((key) => h("code", { class: "chip" }, clean(key)))),
      h("h3", {}, "What nodes get to know beside it"),
      (one.reveals ?? []).length === 0
        ? h("p", { class: "soft" }, "Nothing.")
        : h("ul", { class: "reveals" }, one.reveals.map((what) => h("li", {}, sentence(what)))),
    ),
  );
}
