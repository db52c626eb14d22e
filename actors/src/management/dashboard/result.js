// The answer of a computation, what it took for it to be secure, and which rules held: readable.

import { clean, h, name, s, sentence } from "./dom.js";
import { NOTHING, count, number, percent } from "./format.js";
import { suite } from "./functions.js";
import { anything, names, panel, table } from "./parts.js";
import { state } from "./store.js";

/** Rows, items or columns that are shown at first. */
const MOST = 100;

/** The result, whatever its function. */
export function results(detail, exports) {
  // A whole report is taken apart, as one that is downloaded has both in it.
  const told = detail.result;
  const answer = told && typeof told === "object" && told.result !== undefined && told.security !== undefined ? told.result : told;
  const parts = answer && typeof answer === "object" && !Array.isArray(answer) ? ordered(detail.function, answer) : [["answer", answer]];
  const scalars = parts.filter(([, value]) => value === null || typeof value !== "object");
  const others = parts.filter(([, value]) => value !== null && typeof value === "object");
  const mode = others.find(([key]) => key === "mode");
  return panel(
    "result",
    "Result",
    { class: "result", beside: [told?.inputs ? h("span", { class: "soft" }, `of ${told.inputs} parties`) : null, exports] },
    parts.length === 0 ? h("p", { class: "soft" }, "The answer is empty.") : null,
    figures([...scalars, ...(mode ? [mode] : [])]),
    others.filter((one) => one !== mode).map(([key, value]) => shape(key, value)),
  );
}

/** In the catalogue's order, as JSON objects have none. */
function ordered(of, answer) {
  const keys = state.functions?.find((one) => one.name === of)?.result_keys ?? [];
  const place = (key) => (keys.includes(key) ? keys.indexOf(key) : keys.length);
  return Object.entries(answer).sort(([a], [b]) => place(a) - place(b));
}

const LABELS = {
  regression_interceipt: "regression intercept",
  regression_slope_only: "regression slope, through the origin",
  r_squared: "R²",
  mle: "coefficients",
  size_intersection: "items that all parties have",
  size_union: "items in all",
  covariance_mle: "covariance, maximum likelihood",
  variance_mle: "variance, maximum likelihood",
  standard_deviation_mle: "standard deviation, maximum likelihood",
  coefficient_of_variation_mle: "coefficient of variation, maximum likelihood",
};

const label = (key) => LABELS[key] ?? clean(key.replaceAll("_", " "));

/** The leading part: the answer itself, if it is one number. */
function figures(list) {
  if (list.length === 0) return null;
  if (list.length <= 3) {
    return h(
      "dl",
      { class: "figures", "data-key": "figures" },
      list.map(([key, value]) => h("div", {}, h("dt", {}, label(key)), h("dd", { title: exact(value) }, scalar(value, key)))),
    );
  }
  return h(
    "dl",
    { class: "statistics", "data-key": "statistics" },
    list.map(([key, value]) => h("div", {}, h("dt", {}, label(key)), h("dd", { title: exact(value) }, scalar(value, key)))),
  );
}

/** All digits, to hover over. */
const exact = (value) => (typeof value === "number" ? String(value) : null);

/** Null is what is withheld, of counts and modes, and of statistics what the data do not define. */
function scalar(value, key = "") {
  if (value === null || value === undefined) return h("span", { class: "soft" }, /^(size|mode|count)/.test(key) ? "not shown" : "not defined");
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return names(value, "×");
  return name(value);
}

const isNumbers = (list) => list.every((one) => one === null || typeof one === "number");
const isMatrix = (value) => Array.isArray(value) && value.length > 0 && value.every((row) => Array.isArray(row) && isNumbers(row));
const isCounts = (value) => !Array.isArray(value) && Object.values(value).length > 0 && isNumbers(Object.values(value));
const isTable = (value) =>
  !Array.isArray(value) && Object.values(value).length > 0 && Object.values(value).every((row) => row && typeof row === "object" && !Array.isArray(row));

function shape(key, value) {
  const heading = h("h3", {}, label(key));
  const body = shaped(key, value);
  return h("div", { class: "part", "data-key": `part ${key}` }, heading, body);
}

function shaped(key, value) {
  if (isMatrix(value)) return matrix(key, value);
  if (Array.isArray(value) && value.every((one) => one === null || typeof one !== "object")) return list(key, value);
  if (Array.isArray(value) && value.every((one) => one && typeof one === "object" && !Array.isArray(one))) return records(key, value);
  if (isCounts(value)) return histogram(key, value);
  if (isTable(value)) return key === "table" ? crossed(value) : groups(key, value);
  return anything(value);
}

/** The count of each category. A category that is not shown is withheld or does not occur: the rules leave that open. */
function histogram(key, value) {
  const rows = Object.entries(value);
  const sum = rows.reduce((all, [, n]) => all + (n ?? 0), 0);
  const most = Math.max(...rows.map(([, n]) => n ?? 0), 1);
  const withheld = rows.some(([, n]) => n === null);
  return [
    table({
      caption: `${label(key)}: how often each category occurs`,
      className: "histogram",
      head: ["Category", ["Count", "number"], ["Share", "number"], "Bar"],
      rows: rows.map(([category, n]) => ({
        key: category,
        cells: [
          name(category),
          n === null ? h("span", { class: "soft" }, "not shown") : count(n),
          n === null || withheld || sum === 0 ? NOTHING : percent(n / sum),
          n === null ? null : s("svg", { class: "measure", width: "100%", height: 12, "aria-hidden": "true" }, s("rect", { class: "bar", width: `${((n / most) * 100).toFixed(2)}%`, height: 12, rx: 2 })),
        ],
      })),
    }),
    withheld ? note() : null,
  ];
}

const note = () => h("p", { class: "soft small", "data-key": "note" }, "Not shown: fewer than the smallest cell that the rules let be opened, or none at all.");

/** A table of two variables, shaded by count. */
function crossed(value) {
  const rows = Object.keys(value);
  const columns = [...new Set(Object.values(value).flatMap((row) => Object.keys(row)))].sort();
  const cells = Object.values(value).flatMap((row) => Object.values(row));
  const most = Math.max(...cells.map((n) => n ?? 0), 1);
  const open = cells.every((n) => n !== null);
  const total = (list) => (open ? [h("span", { class: "soft" }, count(list.reduce((all, n) => all + (n ?? 0), 0)))] : null);
  return [
    table({
      caption: "How often each pair of categories occurs",
      className: "crossed",
      head: ["", ...columns].map((column, at) => (at === 0 ? "Category" : [name(column), "number"])).concat(open ? [["all", "number"]] : []),
      rows: rows.map((row) => ({
        key: row,
        cells: [
          name(row),
          ...columns.map((column) => {
            const n = value[row][column] ?? null;
            return n === null ? h("span", { class: "soft" }, "not shown") : h("span", { class: "heat", "data-heat": Math.round((n / most) * 8) }, count(n));
          }),
          ...(open ? [total(columns.map((column) => value[row][column]))] : []),
        ],
      })),
    }),
    open ? null : note(),
  ];
}

/** Objects by name, of the same keys. */
function groups(key, value) {
  const columns = [...new Set(Object.values(value).flatMap((row) => Object.keys(row)))];
  return table({
    caption: label(key),
    head: ["Group", ...columns.map((column) => [label(column), "number"])],
    rows: Object.entries(value).map(([group, row]) => ({ key: group, cells: [name(group), ...columns.map((column) => scalar(row[column]))] })),
  });
}

function records(key, value) {
  const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
  return [
    table({
      caption: label(key),
      head: ["Place", ...columns.map((column) => [label(column), "number"])],
      rows: value.slice(0, MOST).map((row, at) => ({ key: String(at), cells: [count(at + 1), ...columns.map((column) => scalar(row[column]))] })),
    }),
    more(value.length),
  ];
}

function matrix(key, value) {
  const columns = Math.max(...value.map((row) => row.length));
  if (columns === 1) return list(key, value.map((row) => row[0]));
  const correlations = key === "correlation";
  const shown = Math.min(columns, 40);
  return [
    table({
      caption: `${label(key)}: ${value.length} × ${columns}`,
      className: "matrix",
      head: ["Row", ...Array.from({ length: shown }, (_, at) => [count(at + 1), "number"])],
      rows: value.slice(0, MOST).map((row, at) => ({
        key: String(at),
        cells: [
          count(at + 1),
          ...row.slice(0, shown).map((n) =>
            correlations && n !== null
              ? h("span", { class: "heat", "data-heat": Math.round(Math.abs(n) * 8), "data-sign": n < 0 ? "minus" : null, title: exact(n) }, number(Number(n.toFixed(4))))
              : h("span", { title: exact(n) }, scalar(n)),
          ),
        ],
      })),
    }),
    more(value.length),
    columns > shown ? h("p", { class: "soft small" }, `The first ${shown} of ${columns} columns.`) : null,
  ];
}

function list(key, value) {
  if (value.length === 0) return h("p", { class: "soft" }, "None.");
  const numbers = value.every((one) => typeof one === "number");
  return [
    h(
      "ol",
      { class: numbers ? "list numbers" : "list" },
      value.slice(0, MOST).map((one) => h("li", { title: exact(one) }, scalar(one))),
    ),
    more(value.length),
  ];
}

const more = (length) => (length > MOST ? h("p", { class: "soft small" }, `The first ${MOST} of ${count(length)}; clients get all.`) : null);

/** The protocols' assumptions, and the values that they reveal beside the answer. */
export function security(detail) {
  const { security: of } = detail;
  const parties = detail.members?.length ?? 0;
  return panel(
    "security",
    "Security",
    {},
    h(
      "p",
      { class: "assumption" },
      h("strong", {}, of.corruptible === 1 ? "Any one" : `Any ${count(of.corruptible)}`),
      ` of ${of.suite?.startsWith("replicated") ? "the three nodes that compute" : `the ${count(parties)} parties`} may be semi-honest: `,
      `${of.corruptible === 1 ? "it learns" : "even together they learn"} nothing but the answer, what is listed here, and what follows from these and ${of.corruptible === 1 ? "its" : "their"} own data.`,
    ),
    h(
      "dl",
      { class: "facts" },
      h("div", {}, h("dt", {}, "Suite"), h("dd", {}, clean(of.suite ?? NOTHING), suite(of.suite ?? "") ? h("span", { class: "soft" }, `: ${suite(of.suite)}`) : null)),
      h("div", {}, h("dt", {}, "Against"), h("dd", {}, sentence(of.adversary ?? NOTHING))),
    ),
    h("h3", {}, "What nodes got to know beside the answer"),
    of.reveals?.length ? h("ul", { class: "reveals" }, of.reveals.map((what) => h("li", {}, sentence(what)))) : h("p", { class: "soft" }, "Nothing."),
  );
}

const RULES = {
  min_parties: ["Fewest parties with data", (value) => count(value)],
  min_rows: ["Fewest rows in all", (value) => count(value)],
  min_cell: ["Smallest count that a table shows", (value) => count(value)],
  max_share: ["Largest part of one party", (value) => (value >= 100 ? "no rule" : percent(value / 100))],
  client_columns: ["Columns made by clients beside datasets", (value) => (value ? "allowed" : "not allowed")],
};

/** The rules that held, and whose each was. */
export function disclosure(detail) {
  const { disclosure: of } = detail;
  return panel(
    "disclosure",
    "Disclosure rules",
    { beside: h("span", { class: "soft" }, of.profile ? ["profile ", clean(of.profile)] : null) },
    h("p", { class: "soft" }, "The strictest of all members' rules held. What they ask was decided before the answer was opened."),
    of.rounded ? h("p", {}, "Numbers rounded to a part of their standard error: ", clean(of.rounded), ". Counts are exact.") : null,
    of.left_out ? h("p", {}, "Parties that left out rows by their own rules: ", count(of.left_out)) : null,
    table({
      caption: "Rules that held, and whose each is",
      className: "snug",
      head: ["Rule", ["Value", "number"], "Decided by"],
      rows: Object.entries(of.rules ?? {}).map(([rule, value]) => {
        const [what, write] = RULES[rule] ?? [label(rule), scalar];
        return { key: rule, cells: [what, write(value), of.decided_by?.[rule] ? name(of.decided_by[rule]) : NOTHING] };
      }),
    }),
  );
}
