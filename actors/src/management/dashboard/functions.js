// The catalogue of what can be computed.

import { clean, h, sentence } from "./dom.js";
import { badge, closed, empty, loading, search, slug, table, title, trouble } from "./parts.js";
import { may, state } from "./store.js";

const SUITES = [
  [/^masked/, "all parties add masks that cancel out; all but one may collude"],
  [/^replicated/, "three nodes compute on shares; any one of them may be semi-honest"],
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
    list ? search({ sought, found: list.filter((one) => fits(one, sought)).length, of: list.length, example: "median, table, …" }) : null,
    list ? shown(list, sought) : null,
  ];
}

const fits = (one, sought) =>
  sought === "" || [one.name, one.summary, one.takes, ...(one.result_keys ?? [])].join(" ").toLowerCase().includes(sought);

function shown(list, sought) {
  const found = list.filter((one) => fits(one, sought));
  if (found.length === 0) return empty("No function is like that.");
  const [measuring, computing] = [found.filter(measures), found.filter((one) => !measures(one))];
  return [
    computing.length > 0 ? h("div", { class: "functions", "data-key": "functions" }, computing.map((one) => entry(one))) : null,
    measuring.length > 0
      ? h(
          "section",
          { class: "view apart", "data-key": "measuring", "aria-labelledby": "measuring-heading" },
          h("div", {}, h("h2", { id: "measuring-heading", tabindex: "-1" }, "For measuring"), h("p", { class: "soft" }, "These compute nothing on data. They show what links and nodes can do, and prepare for computations.")),
          h("div", { class: "functions", "data-key": "functions" }, measuring.map((one) => entry(one, "h3"))),
        )
      : null,
  ];
}

/** Returns whether a function takes no data: what nodes do is measured by it. */
export const measures = (one) => one.input === "other";

function entry(one, level = "h2") {
  const parameters = one.parameters ?? [];
  return h(
    "article",
    { class: "panel function", "data-key": `function ${one.name}`, "aria-labelledby": `function-${slug(one.name)}` },
    h(level, { id: `function-${slug(one.name)}`, class: "mono function-name" }, clean(one.name)),
    h("p", { class: "summary" }, sentence(one.summary)),
    h("p", { class: "takes" }, h("span", { class: "soft" }, "Each party brings "), sentence(one.takes ?? one.input ?? "")),
    h(
      "p",
      { class: "suites" },
      (one.suites ?? []).map((which) => badge(which, "busy")),
      may("compute") ? h("a", { class: "begin", href: `#/start?function=${encodeURIComponent(one.name)}` }, "Start", h("span", { class: "hidden" }, ` ${clean(one.name)}`)) : null,
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
