// The catalogue's description of the data: never a value.

import { clean, h, name } from "./dom.js";
import { NOTHING, count, counted, number } from "./format.js";
import { badge, closed, empty, loading, panel, search, table, title, trouble } from "./parts.js";
import { may, state } from "./store.js";

export function datasets(route) {
  const sought = route.query.get("find") ?? "";
  return [title("Datasets"), h("p", { class: "lead", "data-key": "lead" }, "What this node's party has made known, as you may see it: descriptions, never rows. Numbers of rows are rounded down to a band."), content(sought)];
}

function content(sought) {
  const refusal = state.refusals.get("datasets");
  if (refusal?.code === "wrong_role") return closed(refusal, "datasets", ["researcher"]);
  if (refusal && !state.datasets) return trouble(refusal, "Datasets", { "data-key": "trouble" });
  if (!state.datasets) return loading("its datasets");
  if (state.datasets.length === 0) {
    return empty("There is no dataset that you may see.", "An owner or operator makes one known with `cloister data register`; its policy says for whom.");
  }
  const found = state.datasets.filter((one) => fits(one, sought));
  return [
    search({ sought, found: found.length, of: state.datasets.length, example: "a dataset, a column, a unit …" }),
    found.length === 0 ? empty("No dataset is like that.") : found.map(dataset),
  ];
}

/** Returns whether each word stands somewhere in its description. */
function fits(one, sought) {
  const parts = [one.name, ...(one.columns ?? []).flatMap((column) => [column.name, column.type ?? column.kind, column.unit, ...(column.levels ?? [])])];
  const text = parts.filter(Boolean).join("\n").toLowerCase();
  return sought.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function dataset(one) {
  const columns = one.columns ?? [];
  return panel(
    `dataset-${one.name}`,
    name(one.name),
    {
      class: "dataset",
      beside: h(
        "span",
        { class: "soft" },
        `${rows(one.rows)} · ${counted(columns.length, "column")} `,
        one.readable === false ? badge("not readable", "bad") : null,
        may("compute") ? h("a", { class: "begin", href: `#/start?dataset=${encodeURIComponent(one.name)}` }, "Start a computation", h("span", { class: "hidden" }, ` on ${clean(one.name)}`)) : null,
      ),
    },
    one.readable === false ? h("p", { class: "bad" }, "Its source cannot be read right now: computations with it are refused. The node's log says why.") : null,
    table({
      caption: `Columns of ${clean(one.name)}`,
      head: ["Column", "Type", "Unit", "Range", "Levels", "Missing"],
      stack: true,
      rows: columns.map((column) => ({
        key: column.name,
        cells: [
          name(column.name),
          clean(column.type ?? column.kind ?? NOTHING),
          column.unit ? clean(column.unit) : none(),
          Array.isArray(column.range) ? `${number(column.range[0])} to ${number(column.range[1])}` : none(),
          levels(column),
          missing(column.missing),
        ],
      })),
    }),
  );
}

const none = () => h("span", { class: "soft" }, NOTHING);

function rows(known) {
  if (!Number.isFinite(known)) return "rows not told";
  return known === 0 ? "few rows" : `${count(known)} rows or more`;
}

function levels(column) {
  if (!Array.isArray(column.levels)) return none();
  return h(
    "span",
    { class: "chips" },
    column.levels.slice(0, 12).map((level) => name(level, { class: "chip" })),
    column.levels.length > 12 ? h("span", { class: "soft" }, `and ${column.levels.length - 12} more`) : null,
  );
}

function missing(band) {
  if (!band) return none();
  return h("span", { class: band === "none" ? "soft" : band.startsWith("over") ? "warn" : null }, clean(band));
}
