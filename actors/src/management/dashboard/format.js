// Numbers, sizes and times as text. Numbers follow the reader's locale.

import { h } from "./dom.js";

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 8 });
const scientific = new Intl.NumberFormat(undefined, { notation: "scientific", maximumSignificantDigits: 7 });
const share = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const ago = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "long" });

/** The mark of an empty place. */
export const NOTHING = "–";

/** A count. */
export const count = (value) => (Number.isFinite(value) ? whole.format(value) : NOTHING);

/** So many of something. */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** A share of 1 in percent. */
export const percent = (value) => (Number.isFinite(value) ? share.format(value) : NOTHING);

/** A number of a result. Very large and very small ones in scientific notation. */
export function number(value) {
  if (typeof value !== "number") return value === null || value === undefined ? NOTHING : String(value);
  if (!Number.isFinite(value)) return String(value);
  if (Number.isSafeInteger(value) && Math.abs(value) < 1e15) return whole.format(value);
  const size = Math.abs(value);
  if (size < 1e12 && size >= 1e-4) return precise.format(value);
  return scientific.formatToParts(value).map(power).join("");
}

/** Powers of ten as they are printed. */
function power({ type, value }) {
  if (type === "exponentSeparator") return " × 10";
  if (type === "exponentMinusSign") return "⁻";
  return type === "exponentInteger" ? [...value].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)] ?? digit).join("") : value;
}

/** Bytes. */
export function bytes(value) {
  if (!Number.isFinite(value)) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let at = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 1000 && at < units.length - 1) {
    scaled /= 1000;
    at += 1;
  }
  const digits = at === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(scaled)} ${units[at]}`;
}

/** Seconds that were measured: with a unit that fits. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return NOTHING;
  const size = Math.abs(seconds);
  if (size === 0) return "0 s";
  if (size < 1e-3) return `${plain.format(Math.round(seconds * 1e6))} µs`;
  if (size < 1) return `${plain.format(Number((seconds * 1e3).toPrecision(3)))} ms`;
  if (size < 60) return `${plain.format(Number(seconds.toPrecision(3)))} s`;
  return lasting(seconds);
}

/** Seconds that were rounded to tenths, as those of computations on datasets are. */
export const coarsely = (seconds) => (Number.isFinite(seconds) && seconds < 0.05 ? "under 0.1 s" : span(seconds));

/** Seconds that people count. */
export function lasting(seconds) {
  if (!Number.isFinite(seconds)) return NOTHING;
  const all = Math.max(0, Math.floor(seconds));
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${Math.floor(all / 60)} min ${String(all % 60).padStart(2, "0")} s`;
  if (all < 86400) return `${Math.floor(all / 3600)} h ${String(Math.floor((all % 3600) / 60)).padStart(2, "0")} min`;
  const days = Math.floor(all / 86400);
  return days < 3 ? `${days} d ${Math.floor((all % 86400) / 3600)} h` : `${count(days)} days`;
}

let skew = 0;

/** The node's clock, as it told it just now: what is “ago” is so by the node's clock. */
export function setClock(nodes) {
  const at = moment(nodes);
  if (at === null) return;
  const told = at - Date.now();
  // Less than a second may be the way of the message.
  skew = Math.abs(told) < 1_000 ? 0 : told;
}

/** Now, by the node's clock, in milliseconds. */
export const now = () => Date.now() + skew;

/** A time in milliseconds: RFC 3339, or a number of seconds or milliseconds since 1970. */
export function moment(time) {
  if (typeof time === "number") return time < 1e11 ? time * 1000 : time;
  const parsed = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}

/** A time as a date. */
export const date = (time) => {
  const at = moment(time);
  return at === null ? NOTHING : day.format(at);
};

/** A time with date and zone. */
export const exactly = (time) => {
  const at = moment(time);
  return at === null ? NOTHING : absolute.format(at);
};

/** The time since a moment, or until it. */
function relative(at) {
  const seconds = (at - now()) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return seconds > 0 ? "in a moment" : "just now";
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(([, l]) => size >= l);
  return ago.format(Math.trunc(seconds / length), unit);
}

const WORDS = {
  ago: relative,
  since: (at) => lasting((now() - at) / 1000),
  // By this page's own clock.
  own: (at) => lasting((Date.now() - at) / 1000),
  left: (at) => (at <= now() ? "over" : lasting((at - now()) / 1000)),
};

/** A time that goes with the clock: `ago` (12 seconds ago), `since` (12 s), `left` (48 s), `own` (12 s, of what this page saw). */
export function time(at, way = "ago") {
  const milliseconds = moment(at);
  if (milliseconds === null) return h("span", { class: "soft" }, NOTHING);
  const attributes = {
    datetime: new Date(milliseconds).toISOString(),
    title: absolute.format(milliseconds),
    "data-tick": way,
  };
  return h("time", attributes, WORDS[way](milliseconds));
}

/** Moves all times on. Nothing else is touched. */
export function tick(root) {
  for (const element of root.querySelectorAll("time[data-tick]")) {
    const text = WORDS[element.dataset.tick](Date.parse(element.dateTime));
    if (element.textContent !== text) element.textContent = text;
  }
}
