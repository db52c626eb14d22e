// The log of every decision, page by page, and whether its chain is whole.

import { clean, h, name } from "./dom.js";
import { count, counted, exactly, time } from "./format.js";
import { anything, badge, closed, empty, facts, hash, loading, panel, title, trouble } from "./parts.js";
import { PAGE, state } from "./store.js";

export function audit(route) {
  return [title("Audit log"), content(route)];
}

function content(route) {
  const refusal = state.refusals.get("audit");
  if (refusal?.code === "wrong_role") return closed(refusal, "the audit log", ["auditor", "operator"]);
  if (!state.audit) return refusal ? trouble(refusal, "Audit log", { "data-key": "trouble" }) : loading("its log");
  return [chain(), log(route)];
}

function chain() {
  const { head } = state.audit;
  const running = state.verification?.running;
  return panel(
    "chain",
    "The chain",
    {
      beside: h(
        "button",
        { type: "button", class: "button", "data-do": "verify", "aria-disabled": running ? "true" : null },
        running ? "Checking …" : "Verify now",
      ),
    },
    facts([
      ["Entries", count(head?.number)],
      ["Head", hash(head?.hash, "the hash of the newest entry", 32)],
      ["Checked", verdict()],
    ]),
    h("p", { class: "soft small" }, "Every entry holds the hash of the one before, and other members' logs hold heads of this one: what is changed afterwards is found."),
  );
}

function verdict() {
  const known = state.verification;
  if (!known) return h("span", { class: "soft" }, "not since this page was opened");
  if (known.running) return "every entry is being read …";
  if (known.error) return trouble(known.error, "Not checked");
  if (known.verified) return [badge("whole", "ok"), ` ${counted(known.entries, "entry", "entries")}, `, time(known.at)];
  return [badge("broken", "bad"), " ", h("span", { class: "bad" }, clean(known.problem ?? "")), known.hint ? h("span", { class: "block" }, clean(known.hint)) : null];
}

const TONES = { refused: "bad", denied: "bad", granted: "ok", ended: "ok", asked: "busy", helped: "busy", started: "off" };

function log(route) {
  const entries = [...state.audit.entries].sort((a, b) => b.number - a.number);
  const last = state.audit.head?.number ?? 0;
  if (entries.length === 0) return last === 0 ? empty("The log has no entries yet.") : loading("entries");
  const [newest, oldest] = [entries[0].number, entries.at(-1).number];
  return panel(
    "log",
    "Entries",
    { beside: h("span", { class: "soft" }, `${count(oldest)} to ${count(newest)} of ${count(last)}`) },
    h("ul", { class: "entries" }, entries.map(entry)),
    pages(oldest, newest, last, route),
  );
}

function pages(oldest, newest, last) {
  const to = (label, first, on) =>
    on
      ? h("a", { class: "button", href: first === null ? "#/audit" : `#/audit?first=${first}` }, label)
      : h("span", { class: "button", "aria-disabled": "true" }, label);
  const newer = newest + 1 + PAGE > last ? null : newest + 1;
  return h(
    "nav",
    { class: "pages", "aria-label": "Pages of the log" },
    to("Newest", null, newest < last),
    to("Newer", newer, newest < last),
    to("Older", Math.max(1, oldest - PAGE), oldest > 1),
    to("Oldest", 1, oldest > 1),
  );
}

function entry(one) {
  return h(
    "li",
    { "data-key": `entry ${one.number}`, class: "entry" },
    h(
      "details",
      { class: "disclose" },
      h(
        "summary",
        {},
        h("span", { class: "entry-number" }, h("span", { class: "hidden" }, "entry "), count(one.number)),
        h("span", { class: "entry-kind" }, badge(one.kind, TONES[one.kind])),
        h("span", { class: "entry-gist" }, gist(one)),
        h("span", { class: "entry-time soft" }, time(one.at)),
      ),
      facts([
        ["At", exactly(one.at)],
        ["Hash", hash(one.hash, `the hash of entry ${one.number}`, 32)],
        ["Before it", hash(one.previous, `the hash before entry ${one.number}`, 32)],
      ]),
      anything(one.document),
    ),
  );
}

/** One line of what matters in an entry of its kind. */
function gist({ document }) {
  const of = document ?? {};
  const parts = [];
  const who = of.principal ?? of.by ?? of.member ?? of.party ?? of.name;
  if (who) parts.push(name(who));
  // A token's principal, and the principal that may do something now.
  const whose = of.class?.principal ?? (of.name === who ? null : of.name);
  if (whose) parts.push(["for ", name(whose)]);
  if (Array.isArray(of.roles)) parts.push(of.roles.map(clean).join(", "));
  const what = of.function ?? of.class?.function;
  if (what) parts.push(h("span", { class: "mono" }, clean(what)));
  const which = typeof of.dataset === "string" ? of.dataset : of.class?.dataset ?? (typeof of.data?.[0]?.dataset === "string" ? of.data[0].dataset : null);
  if (which) parts.push(["on ", name(which)]);
  if (of.code) parts.push(h("span", { class: "bad" }, clean(of.code)));
  return parts.flatMap((part, at) => (at ? [" ", part] : [part]));
}
