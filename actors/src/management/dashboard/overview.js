// This node, who I am, and the members.

import { clean, h, name, sentence } from "./dom.js";
import { NOTHING, bytes, count, counted, date, moment, now, span, time } from "./format.js";
import { badge, days, empty, facts, hash, icon, listed, loading, panel, title, trouble, waiting, words } from "./parts.js";
import { ENDED, computations, may, seesAll, state } from "./store.js";

/** Waiting for so long is told on the first page. */
const LONG = 5_000;

export function overview() {
  return [
    title("Overview"),
    attention(),
    h("div", { class: "columns", "data-key": "columns" }, node(), principal()),
    members(),
  ];
}

function attention() {
  const items = [...links(), ...certificates(), ...blocked(), ...requests()];
  if (!state.members) return null;
  if (items.length === 0) {
    return h("p", { class: "calm", "data-key": "calm" }, icon("check"), calm());
  }
  return h(
    "section",
    { class: "attention", "data-key": "attention", "aria-labelledby": "attention-heading" },
    h("h2", { id: "attention-heading", class: "hidden", tabindex: "-1" }, "What needs attention"),
    items,
  );
}

function calm() {
  const others = state.members.filter((member) => !member.self);
  return others.length === 0
    ? "This node has no other members."
    : `All links are up (${listed(others.map((member) => member.name))}), and nothing waits.`;
}

function notice(key, tone, heading, ...more) {
  return h(
    "article",
    { class: "notice", "data-tone": tone, "data-key": key },
    icon("warning"),
    h("div", { class: "notice-body" }, h("h3", { tabindex: "-1" }, heading), ...more),
  );
}

function links() {
  const down = (state.members ?? []).filter((member) => member.link && member.link.state !== "up");
  return down.map((member) =>
    notice(
      `down ${member.name}`,
      "bad",
      [name(member.name), " cannot be reached"],
      h("p", {}, sentence(member.link.problem ?? "The link is down. It comes back by itself when the other node answers.")),
      h(
        "p",
        { class: "soft" },
        "Since ",
        time(member.link.since, "since"),
        member.peer ? [" · dialled at ", h("code", {}, clean(member.peer))] : null,
        Number.isFinite(member.link.dials) ? ` · ${counted(member.link.dials, "try", "tries")}` : null,
      ),
      diagnosis(member.name),
    ),
  );
}

/** The findings of a probe of the link, step by step. */
function diagnosis(member) {
  const probe = state.probes.get(member);
  const button = h(
    "button",
    { type: "button", class: "button", "data-do": "probe", "data-member": member, "aria-disabled": probe?.running ? "true" : null },
    probe?.running ? "Trying the link …" : probe ? "Try again" : "Find out why",
  );
  if (!probe || probe.running) return h("div", { class: "diagnosis" }, button);
  if (probe.error) return h("div", { class: "diagnosis" }, button, trouble(probe.error, "Not tried"));
  return h(
    "div",
    { class: "diagnosis" },
    button,
    h(
      "ol",
      { class: "steps", "aria-label": `Steps of the link to ${clean(member)}` },
      (probe.report.steps ?? []).map((step) =>
        h(
          "li",
          { "data-verdict": step.verdict },
          badge(step.verdict, { ok: "ok", warning: "warn", failed: "bad" }[step.verdict]),
          h("span", { class: "step" }, clean(String(step.step).replaceAll("_", " "))),
          h(
            "span",
            {},
            sentence(step.detail ?? ""),
            step.remedy ? h("span", { class: "remedy" }, sentence(step.remedy), step.who ? [" (", name(step.who), ")"] : null) : null,
          ),
        ),
      ),
    ),
  );
}

function certificates() {
  const soon = (left) => Number.isFinite(left) && left <= 30;
  const found = (state.members ?? [])
    .filter((member) => soon(member.link?.certificate_days_left))
    .map((member) => [member.name, member.link.certificate_days_left]);
  const own = state.node?.certificate?.days_left;
  if (soon(own)) found.unshift([state.node.party, own]);
  return found.map(([whose, left]) =>
    notice(
      `certificate ${whose}`,
      left <= 7 ? "bad" : "warn",
      ["The certificate of ", name(whose), left <= 0 ? " has expired" : ` holds for ${counted(left, "more day")}`],
      h("p", {}, "A new one is made with ", h("code", {}, "cloister identity new"), "; all members then pin its fingerprint."),
    ),
  );
}

function blocked() {
  const long = (one) => one.waiting && !ENDED.has(one.state) && now() - (moment(one.waiting.since) ?? now()) > LONG;
  return computations()
    .filter(long)
    .map((one) =>
      notice(
        `blocked ${one.id}`,
        "warn",
        h("a", { href: `#/computations/${encodeURIComponent(one.id)}` }, clean(one.function), ": ", waiting(one)),
        h("p", { class: "soft" }, "Ends by itself in ", time(one.deadline, "left"), " if nothing comes."),
      ),
    );
}

function requests() {
  const asked = (state.approvals ?? []).filter((approval) => approval.state === "asked").length;
  if (asked === 0) return [];
  return [
    notice(
      "requests",
      "warn",
      h("a", { href: "#/approvals" }, `${counted(asked, "request")} for your data ${asked === 1 ? "waits" : "wait"} for a decision`),
    ),
  ];
}

const PROFILES = {
  production: "rules for real data: three parties, ten rows, no small cells",
  teaching: "for trying out: two parties and few rows are allowed",
};

function node() {
  const known = state.node;
  if (!known) return panel("node", "This node", {}, body("node", "itself"));
  const { certificate, computations: at } = known;
  return panel(
    "node",
    "This node",
    {},
    facts([
      ["Party", h("strong", {}, name(known.party))],
      ["Version", clean(known.version), h("span", { class: "soft" }, ` · protocol ${clean(known.protocol)}`)],
      ["Profile", clean(known.profile), PROFILES[known.profile] ? h("span", { class: "soft block" }, PROFILES[known.profile]) : null],
      ["Access", known.access === "tokens" ? "by token" : "open, from this machine only"],
      ["Up since", time(known.started, "since"), h("span", { class: "soft" }, ` · ${date(known.started)}`)],
      ["Computations", `${count(at?.running ?? 0)} running, ${count(at?.waiting ?? 0)} waiting`],
      ["Deadline", `${span(known.deadline_seconds)} for each computation`],
      ["Memory", bytes(known.memory_bytes)],
      ["Disk free", bytes(known.disk_free_bytes)],
      ["Consortium", hash(known.consortium, "the consortium's hash")],
    ]),
    h("h3", {}, "Certificate"),
    facts([
      ["Valid for", days(certificate?.days_left)],
      ["Fingerprint", hash(certificate?.fingerprint, "the fingerprint", 16)],
    ]),
    certificate?.words
      ? h(
          "details",
          { class: "disclose", "data-key": "words" },
          h("summary", {}, "The fingerprint in words, to read aloud"),
          words(certificate.words),
        )
      : null,
  );
}

function body(section, what) {
  const refusal = state.refusals.get(section);
  return refusal ? trouble(refusal) : loading(what);
}

/** The abilities of readers, the right that each takes, and the role that has it. */
const ABILITIES = [
  ["Compute, as datasets' policies allow, and see the results", () => may("compute"), "researcher"],
  ["See and cancel your own computations", () => true, "all roles"],
  ["See all computations of this node; results stay with who computed them", seesAll, "owner, auditor, operator"],
  ["Cancel others' computations", () => may("steer"), "owner, operator"],
  ["Push data to this node", () => may("upload"), "owner"],
  ["Register datasets", () => may("register"), "owner, operator"],
  ["Decide what is computed on the data", () => may("approve"), "owner"],
  ["Read and check the audit log", () => may("audit"), "auditor, operator"],
];

function principal() {
  const known = state.node;
  if (!known) return null;
  const { principal: who } = known;
  const able = ABILITIES.map(([what, check, roles]) => ({ what, roles, yes: check() }));
  const row = ({ what, roles, yes }) =>
    h(
      "li",
      { "data-able": yes ? "yes" : "no" },
      h("span", { class: "mark", "aria-hidden": "true" }, yes ? "✓" : "–"),
      h("span", { class: "hidden" }, yes ? "You may: " : "You may not: "),
      h("span", {}, what, yes ? null : h("span", { class: "soft block" }, `for the role ${roles.replaceAll(", ", " or ")}`)),
    );
  return panel(
    "principal",
    "You",
    {},
    h(
      "p",
      { class: "who" },
      known.access === "tokens" ? ["Signed in as ", h("strong", {}, name(who.name))] : [h("strong", {}, name(who.name)), ", without a token"],
      who.roles?.length ? h("span", { class: "soft" }, ` · ${who.roles.map(clean).join(", ")}`) : null,
    ),
    h("ul", { class: "able" }, able.filter((one) => one.yes).map(row), able.filter((one) => !one.yes).map(row)),
    h("p", { class: "soft small" }, "No role sees private values here: data stay in the node, and only results that all parties' rules allow are opened."),
  );
}

function members() {
  const list = state.members;
  if (!list) return panel("members", "Members", {}, body("members", "its members"));
  const up = list.filter((member) => member.link?.state === "up").length;
  const others = list.filter((member) => !member.self).length;
  return panel(
    "members",
    "Members",
    { beside: others ? h("span", { class: "soft" }, `${up} of ${others} links up`) : null },
    list.length === 0 ? empty("There are no members.") : h("ul", { class: "members" }, list.map(member)),
  );
}

function member(one) {
  const link = one.link;
  const pairs = one.self
    ? [
        ["Link", "none: it is this node"],
        ["API", h("code", {}, clean(one.api))],
      ]
    : [
        [link?.state === "up" ? "Up since" : "Down since", link ? time(link.since, "since") : NOTHING],
        ["Round trip", link ? span(link.round_trip_seconds ?? Number.NaN) : NOTHING],
        ["Certificate", days(link?.certificate_days_left)],
        ["Version", link?.version ? [clean(link.version), differs(link.version)] : NOTHING],
        ["Dials", count(link?.dials ?? Number.NaN)],
        ["API", h("code", {}, clean(one.api))],
      ];
  return h(
    "li",
    { class: "member", "data-key": `member ${one.name}`, "data-state": one.self ? "self" : link?.state ?? "unknown" },
    h(
      "div",
      { class: "member-head" },
      h("h3", {}, name(one.name)),
      one.self ? badge("this node", "off") : badge(link?.state ?? "unknown"),
    ),
    link && link.state !== "up" ? h("p", { class: "bad" }, sentence(link.problem ?? "The link is down.")) : null,
    facts(pairs, { class: "facts compact" }),
    h(
      "details",
      { class: "disclose", "data-key": "prints" },
      h("summary", {}, one.fingerprints?.length > 1 ? `${one.fingerprints.length} fingerprints` : "Fingerprint", h("span", { class: "hidden" }, ` of ${clean(one.name)}`)),
      (one.fingerprints ?? []).map((print) => [h("p", {}, hash(print.hex, "the fingerprint", 24)), words(print.words ?? "")]),
    ),
  );
}

const differs = (version) =>
  state.node && version !== state.node.version ? h("span", { class: "warn" }, ` (this node: ${clean(state.node.version)})`) : null;

