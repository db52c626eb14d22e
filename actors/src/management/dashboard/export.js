// Makes files of the page's content: CSV and JSON, from the node's documents, in the page itself.

import { clean, h } from "./dom.js";

/** Buttons for both kinds of file. */
export const exports = (what, of, id) =>
  h(
    "span",
    { class: "exports", "data-key": `exports ${what}` },
    h("span", { class: "soft small", "aria-hidden": "true" }, "Export "),
    ["CSV", "JSON"].map((kind) => h("button", { type: "button", class: "button small", "data-do": "export", "data-what": what, "data-kind": kind, "data-id": id }, kind, h("span", { class: "hidden" }, ` ${of}`))),
  );

/** Has the browser keep a text as a file. */
function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: address, download: name }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A cell of CSV. A text that a spreadsheet would take for a formula begins with an apostrophe. */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = clean(value);
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csv = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

const COLUMNS = ["id", "function", "state", "suite", "dataset", "principal", "members", "helpers", "network", "run", "session", "started", "ended", "rounds", "bytes_sent", "bytes_received", "seconds", "error"];

const row = (one) =>
  COLUMNS.map((column) => {
    if (column === "members" || column === "helpers") return (one[column] ?? []).join(" ");
    if (column === "error") return one.error?.code;
    return column in one ? one[column] : one.cost?.[column];
  });

/** The list of computations. */
export function saveList(list, kind) {
  if (kind === "JSON") save("computations.json", "application/json", `${JSON.stringify({ computations: list }, null, 2)}\n`);
  else save("computations.csv", "text/csv", csv([COLUMNS, ...list.map(row)]));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** A result in the long form of `cloister compute --output`: its part, row, column and value. */
function long(part, value) {
  if (!isObject(value) && !Array.isArray(value)) return [[part, "", "", value]];
  return Object.entries(value).flatMap(([line, inner]) => {
    const place = Array.isArray(value) ? Number(line) + 1 : line;
    if (!isObject(inner) && !Array.isArray(inner)) return [[part, place, "", inner]];
    return Object.entries(inner).map(([column, last]) => [part, place, Array.isArray(inner) ? Number(column) + 1 : column, typeof last === "object" && last !== null ? JSON.stringify(last) : last]);
  });
}

/** The result of a computation. JSON has what belongs to it beside. */
export function saveResult(detail, kind) {
  const name = `${String(detail.function).replace(/[^\w-]+/g, "_")}-${String(detail.id).slice(0, 8)}`;
  const { rounds: _rounds, rounds_dropped: _dropped, waiting: _waiting, step: _step, ...kept } = detail;
  if (kind === "JSON") return save(`${name}.json`, "application/json", `${JSON.stringify(kept, null, 2)}\n`);
  const answer = isObject(detail.result) ? detail.result : { answer: detail.result };
  return save(`${name}.csv`, "text/csv", csv([["result", "row", "column", "value"], ...Object.entries(answer).flatMap(([part, value]) => long(part, value))]));
}
