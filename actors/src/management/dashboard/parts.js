// The parts of views.

import { clean, h, memo, name, s, sentence } from "./dom.js";
import { NOTHING, time } from "./format.js";

const ICONS = {
  overview: "M3 11.5 12 4l9 7.5M5.5 9.8V20h13V9.8M10 20v-5.5h4V20",
  datasets: "M4 6.5C4 5 7.6 4 12 4s8 1 8 2.5M4 6.5v11C4 19 7.6 20 12 20s8-1 8-2.5v-11M4 6.5C4 8 7.6 9 12 9s8-1 8-2.5M4 12c0 1.5 3.6 2.5 8 2.5s8-1 8-2.5",
  computations: "M4 6h7M4 12h12M4 18h5M15 6h5M13 18h7",
  approvals: "M12 3 5 6v5.5c0 4.3 2.9 7.6 7 9.5 4.1-1.9 7-5.2 7-9.5V6zM9 12l2.2 2.2L15.2 10",
  audit: "M6 3.5h9l3.5 3.5v13.5H6zM9 9h6M9 12.5h6M9 16h4",
  functions: "M17 5h-1.5c-2 0-2.8 1-3.2 3L10 18c-.4 2-1.2 3-3.2 3H6M7.5 11h8",
  warning: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.3",
  lock: "M6.5 11h11v8.5h-11zM9 11V8a3 3 0 0 1 6 0v3",
  check: "M5 12.5 10 17.5 19.5 7",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  dark: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  system: "M3.5 5h17v11h-17zM9 20h6M12 16v4",
};

/** A drawing beside words that say the same. */
export const icon = (which) =>
  s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, s("path", { d: ICONS[which] }));

/** The heading of a view, which gets the focus when it is opened. */
export const title = (text, ...beside) =>
  h("div", { class: "title", "data-key": "title" }, h("h1", { tabindex: "-1" }, text), ...beside);

/** A name from elsewhere as part of an id: letters, digits, and the codes of all else. */
export const slug = (text) => String(text).replace(/[^A-Za-z0-9-]/g, (c) => `_${c.charCodeAt(0).toString(16)}`);

/** A part of a view with its heading. */
export function panel(key, heading, attributes, ...children) {
  const id = `${slug(key)}-heading`;
  const { beside, level, ...rest } = attributes ?? {};
  return h(
    "section",
    { "data-key": key, "aria-labelledby": id, ...rest, class: `panel ${rest.class ?? ""}`.trim() },
    h("div", { class: "panel-head" }, h(level ?? "h2", { id, tabindex: "-1" }, heading), beside ?? null),
    ...children,
  );
}

/** Names and values. */
export const facts = (pairs, attributes) =>
  h(
    "dl",
    { class: "facts", ...attributes },
    pairs.filter(Boolean).map(([term, ...values]) => h("div", { class: term === "API" ? "full" : null }, h("dt", {}, term), h("dd", {}, ...values))),
  );

/**
 * A table. `head`: texts, or `[text, class]`; `rows`: `{key, cells, class}`, the first cell is its row's heading;
 * `cells` may be a function of what the row is `of`, which is then asked only where that is another than before.
 * `stack` turns rows into blocks on narrow screens.
 */
export function table({ caption, shown, head, rows, stack, className }) {
  const of = (column) => (Array.isArray(column) ? column : [column, null]);
  const cell = (content, at) => {
    const [heading, kind] = of(head[at]);
    const attributes = { class: kind, "data-label": stack ? heading : null };
    return at === 0
      ? h("th", { ...attributes, scope: "row", role: "rowheader" }, content)
      : h("td", { ...attributes, role: "cell" }, content);
  };
  const made = (row) => h("tr", { "data-key": row.key, class: row.class, role: "row" }, (row.of ? row.cells() : row.cells).map(cell));
  const all = h(
    "table",
    { class: `${stack ? "stack" : ""} ${className ?? ""}`.trim() || null, role: "table" },
    h("caption", { class: shown ? null : "hidden" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        head.map((column) => {
          const [heading, kind] = of(column);
          return h("th", { scope: "col", class: kind, role: "columnheader" }, heading);
        }),
      ),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((row) => (row.of ? memo("tr", row.key, row.of, () => made(row)) : made(row))),
    ),
  );
  return wide(caption, all, stack);
}

/** A part that may be wider than the page scrolls by itself; `measure` lets it do so by keyboard. */
export const wide = (label, content, stack) =>
  h("div", { class: stack ? "wide stacks" : "wide", "data-label": label }, content);

const TONES = {
  up: "ok",
  down: "bad",
  done: "ok",
  failed: "bad",
  cancelled: "off",
  preparing: "busy",
  connecting: "busy",
  agreeing: "busy",
  running: "busy",
  opening: "busy",
  granted: "ok",
  refused: "bad",
  asked: "warn",
  used: "off",
  expired: "off",
};

/** A state, in a word and a colour. */
export const badge = (state, tone) =>
  h("span", { class: "badge", "data-tone": tone ?? TONES[state] ?? "off" }, clean(state));

/** Several names as a sentence has them. */
export function names(list, between = "and") {
  const shown = list.map((one) => name(one));
  return shown.flatMap((one, at) => {
    if (at === 0) return [one];
    return [at === shown.length - 1 ? ` ${between} ` : ", ", one];
  });
}

/** The same without elements. */
export const listed = (list) => {
  const shown = list.map(clean);
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
};

/** A hash or another long name: shortened to look at, whole to copy. */
export function hash(value, what, length = 12) {
  if (!value) return h("span", { class: "soft" }, NOTHING);
  return h(
    "span",
    { class: "hash" },
    h("code", { title: clean(value) }, value.length > length ? `${clean(value.slice(0, length))}…` : clean(value)),
    h("button", { type: "button", class: "copy", "data-do": "copy", "data-text": value, "aria-label": `Copy ${what}` }, "copy"),
  );
}

/** An error, with its remedy. */
export function trouble(refusal, heading, attributes) {
  return h(
    "div",
    { class: "trouble", ...attributes },
    icon("warning"),
    h(
      "div",
      {},
      h("p", { class: "trouble-head" }, heading ? [heading, ": "] : null, sentence(refusal.message)),
      refusal.hint ? h("p", {}, sentence(refusal.hint)) : null,
      h(
        "p",
        { class: "soft small" },
        "code ",
        h("code", {}, clean(refusal.code)),
        refusal.party ? [" · party ", name(refusal.party)] : null,
        refusal.trace ? [" · trace ", h("code", {}, clean(refusal.trace))] : null,
      ),
    ),
  );
}

/** A section that this principal may not see, and whose it is. */
export function closed(refusal, what, roles) {
  return h(
    "div",
    { class: "panel closed", "data-key": "closed" },
    h("h2", {}, `Your role does not show ${what}`),
    h("p", {}, sentence(refusal.message), "."),
    h("p", {}, `Seen by the ${roles.length > 1 ? "roles" : "role"} `, roles.flatMap((r, at) => [at ? " and " : "", h("b", {}, r)]), "."),
    refusal.hint ? h("p", { class: "soft" }, sentence(refusal.hint)) : null,
  );
}

/** A field that narrows a list down; what is typed stands in the address. */
export const search = ({ sought, found, of, example, beside }) =>
  h(
    "div",
    { class: "tools", "data-key": "tools" },
    h("label", { for: "find" }, "Find"),
    h("input", { id: "find", type: "search", "data-change": "find", value: sought, autocomplete: "off", spellcheck: "false", placeholder: example }),
    h("span", { class: "soft", role: "status" }, `${found} of ${of}`),
    beside ?? null,
  );

/** Nothing here yet. */
export const empty = (text, more) =>
  h("div", { class: "empty", "data-key": "empty" }, h("p", {}, text), more ? h("p", { class: "soft" }, more) : null);

/** Something is on its way. */
export const loading = (what) => h("p", { class: "empty soft", "data-key": "loading" }, `Asking the node for ${what} …`);

/** Words to be read aloud, numbered. */
export const words = (text) =>
  h(
    "ol",
    { class: "words" },
    clean(text).split(/\s+/).filter(Boolean).map((word) => h("li", {}, word)),
  );

/** Days that a certificate holds, with a warning in the last month. */
export function days(left) {
  if (!Number.isFinite(left)) return h("span", { class: "soft" }, NOTHING);
  if (left <= 0) return h("span", { class: "bad" }, "expired");
  const text = left === 1 ? "1 day" : `${left} days`;
  return h("span", { class: left <= 7 ? "bad" : left <= 30 ? "warn" : null }, text);
}

/** The awaited parties, since when, at which step. */
export function waiting(computation) {
  const { parties, for: at, since } = computation.waiting;
  return [
    "waiting for ",
    parties.length > 0 ? names(parties) : "this node",
    " since ",
    time(since, "since"),
    at ? [", at ", h("span", { class: "nowrap" }, clean(at))] : null,
  ];
}

/** Something as it came, if nothing better is known: names and values, lists, texts. */
export function anything(value, depth = 0) {
  if (value === null || value === undefined) return h("span", { class: "soft" }, NOTHING);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object") return h("span", { class: "value" }, clean(value));
  if (Array.isArray(value)) {
    if (value.length === 0) return h("span", { class: "soft" }, "none");
    if (value.every((one) => typeof one !== "object" || one === null)) {
      return value.flatMap((one, at) => [at ? ", " : "", anything(one, depth + 1)]);
    }
    return h("ul", { class: "plain" }, value.map((one) => h("li", {}, anything(one, depth + 1))));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || depth > 6) return h("span", { class: "soft" }, "none");
  return h(
    "dl",
    { class: "nested" },
    entries.map(([k, v]) => h("div", {}, h("dt", {}, clean(k.replaceAll("_", " "))), h("dd", {}, anything(v, depth + 1)))),
  );
}
