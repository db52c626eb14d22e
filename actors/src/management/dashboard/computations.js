// Computations: who takes part, where each is, who is blocking; one in detail; cancelling, searching.

import { ask, clean, h, name } from "./dom.js";
import { exports } from "./export.js";
import { NOTHING, bytes, coarsely, count, exactly, moment, now, span, time } from "./format.js";
import { lanes } from "./lanes.js";
import { badge, closed, empty, facts, hash, icon, loading, names, panel, search, table, title, trouble, waiting } from "./parts.js";
import { progress } from "./progress.js";
import { disclosure, results, security } from "./result.js";
import { invitations } from "./start.js";
import { ENDED, cancel, computations as all, may, mayCancel, seesAll, state } from "./store.js";

const FILTERS = [
  ["", "All"],
  ["running", "Running"],
  ["done", "Done"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
];

export function computations(route) {
  const starts = may("compute") ? h("a", { class: "button primary", href: "#/start" }, "Start a computation") : null;
  return [title("Computations", starts), content(route.query.get("state") ?? "", route.query.get("find") ?? "")];
}

function content(filter, sought) {
  const refusal = state.refusals.get("computations");
  if (refusal?.code === "wrong_role") return closed(refusal, "computations", ["researcher", "owner", "auditor", "operator"]);
  if (!state.computations) return refusal ? trouble(refusal, "Computations", { "data-key": "trouble" }) : loading("its computations");
  const known = all();
  const list = known.filter((one) => fits(one, sought));
  const running = list.filter((one) => !ENDED.has(one.state));
  const past = list.filter((one) => ENDED.has(one.state) && (filter === "" || one.state === filter));
  return [
    h(
      "p",
      { class: "lead", "data-key": "lead" },
      seesAll() ? "All computations that this node takes part in. Results are shown to those who computed them." : "Your computations at this node.",
    ),
    filters(list, filter, sought),
    search({ sought, found: list.length, of: known.length, example: "a function, a dataset, a party, a name …", beside: exports("list", "of this list") }),
    filter === "" || filter === "running"
      ? panel(
          "running",
          "Running",
          { beside: h("span", { class: "soft" }, running.length ? count(running.length) : null) },
          running.length === 0
            ? empty(sought ? "Nothing like that is being computed." : "Nothing is being computed.", sought ? null : "Clients begin computations, one at each party: `cloister compute`, the Python client, or the button above.")
            : h("ul", { class: "runs" }, running.map(run)),
        )
      : null,
    filter !== "running" ? panel("past", "Past", {}, past.length === 0 ? empty(sought ? "None is like that." : "None yet.") : ended(past)) : null,
  ];
}

/** The computations that are shown under a filter and a search. */
export function shown(query) {
  const [filter, sought] = [query.get("state") ?? "", query.get("find") ?? ""];
  return all().filter((one) => fits(one, sought) && within(one, filter));
}

const within = (one, filter) => filter === "" || (filter === "running" ? !ENDED.has(one.state) : one.state === filter);

/** Returns whether each word stands somewhere in what is known of it. */
function fits(one, sought) {
  const parts = [one.function, one.state, one.suite, one.dataset, one.principal, one.network, one.id, one.session, one.step, one.error?.code, ...(one.members ?? []), ...(one.helpers ?? [])];
  const text = parts.filter(Boolean).join("\n").toLowerCase();
  return sought.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function filters(list, filter, sought) {
  const to = (which) => {
    const query = new URLSearchParams([...(which ? [["state", which]] : []), ...(sought ? [["find", sought]] : [])]).toString();
    return query ? `#/computations?${query}` : "#/computations";
  };
  return h(
    "nav",
    { class: "filters", "aria-label": "Which computations", "data-key": "filters" },
    FILTERS.map(([which, label]) =>
      h(
        "a",
        { href: to(which), "aria-current": which === filter ? "true" : null, "data-key": `filter ${which}` },
        label,
        h("span", { class: "number" }, ` ${list.filter((one) => within(one, which)).length}`),
      ),
    ),
  );
}

const link = (one) => h("a", { href: `#/computations/${encodeURIComponent(one.id)}`, class: "mono" }, clean(one.function));

function run(one) {
  return h(
    "li",
    { class: "run", "data-key": `run ${one.id}`, "data-waiting": stuck(one) ? "yes" : null },
    h("div", { class: "run-head" }, h("h3", {}, link(one)), badge(one.state)),
    stuck(one) ? h("p", { class: "blocking" }, icon("warning"), h("span", {}, waiting(one))) : null,
    facts(
      [
        ["Parties", parties(one)],
        ["Dataset", one.dataset ? name(one.dataset) : NOTHING],
        ["By", name(one.principal)],
        ["Elapsed", time(one.started, "since")],
        ["Deadline in", time(one.deadline, "left")],
      ],
      { class: "facts compact" },
    ),
    progress(one),
    h("div", { class: "run-buttons" }, cancelButton(one)),
  );
}

/** Returns whether its wait is long enough to be told. */
function stuck(one) {
  const since = moment(one.waiting?.since);
  return since !== null && !ENDED.has(one.state) && now() - since > 1_000;
}

function parties(one) {
  const list = names(one.members ?? []);
  return one.helpers?.length ? [list, h("span", { class: "soft" }, ", helped by ", names(one.helpers))] : list;
}

const cancelButton = (one) =>
  mayCancel(one)
    ? h("button", { type: "button", class: "button", "data-do": "cancel", "data-id": one.id }, "Cancel …", h("span", { class: "hidden" }, ` ${clean(one.function)}`))
    : null;

function ended(list) {
  return table({
    caption: "Past computations",
    stack: true,
    className: "past",
    head: ["Function", "State", "Parties", "Dataset", "By", "Started", ["Took", "number"], ["Rounds", "number"], ["Sent", "number"]],
    rows: list.map((one) => ({
      key: one.id,
      of: one,
      cells: () => [
        link(one),
        [badge(one.state), one.error && one.error.code !== one.state ? h("span", { class: "why" }, clean(one.error.code)) : null],
        parties(one),
        one.dataset ? name(one.dataset) : NOTHING,
        name(one.principal),
        time(one.started),
        took(one),
        count(one.cost?.rounds ?? Number.NaN),
        bytes(one.cost?.bytes_sent ?? Number.NaN),
      ],
    })),
  });
}

function took(one) {
  const write = one.dataset ? coarsely : span;
  if (Number.isFinite(one.cost?.seconds)) return write(one.cost.seconds);
  const [from, to] = [moment(one.started), moment(one.ended)];
  return from === null || to === null ? NOTHING : write((to - from) / 1000);
}

/** One computation. */
export function computation(route) {
  const id = route.id;
  const one = state.details.get(id) ?? state.computations?.get(id);
  const detail = state.details.get(id) ?? null;
  const refusal = state.refusals.get(`computation ${id}`);
  if (!one) {
    return [
      back(),
      title("Computation"),
      refusal
        ? h(
            "div",
            { class: "panel", "data-key": "missing" },
            refusal.code === "no_such_computation"
              ? [h("h2", {}, "There is no such computation here"), h("p", {}, "It is another's, or the node has forgotten it. The audit log has its decisions.")]
              : trouble(refusal, "Computation"),
          )
        : loading("it"),
    ];
  }
  const running = !ENDED.has(one.state);
  return [
    back(),
    title(h("span", { class: "mono" }, clean(one.function)), badge(one.state), running ? cancelButton(one) : null),
    stuck(one) ? h("p", { class: "blocking large", "data-key": "blocking" }, icon("warning"), h("span", {}, "Waiting for ", ...waiting(one).slice(1))) : null,
    one.error ? failure(one) : null,
    running ? panel("progress", "Progress", {}, progress(one)) : null,
    running ? invitations(one) : null,
    detail?.result ? results(detail, exports("result", "of the result", id)) : running ? null : unseen(one, detail),
    about(one, detail),
    detail ? lanes(detail) : loading("its rounds"),
    detail?.security ? security(detail) : null,
    detail?.disclosure ? disclosure(detail) : null,
    one.cost ? cost(one) : null,
  ];
}

const back = () => h("p", { class: "back", "data-key": "back" }, h("a", { href: "#/computations" }, "‹ Computations"));

function failure(one) {
  const heading = one.state === "cancelled" ? "Cancelled" : "Failed";
  return trouble(one.error, one.error.party ? [heading, ", ", name(one.error.party)] : heading, { "data-key": "error", role: "group", "aria-label": "Error" });
}

function unseen(one, detail) {
  if (one.state !== "done" || !detail) return null;
  const own = one.principal === state.node?.principal?.name;
  return h(
    "p",
    { class: "panel soft", "data-key": "unseen" },
    own ? "The node no longer keeps the result." : ["Its result is shown to ", name(one.principal), ", who computed it."],
  );
}

/** The columns and rows that a computation takes. A condition is its asker's text. */
function selected(one, detail) {
  if (!one.dataset || !detail) return [];
  const of = detail.selections ?? [];
  if (of.length === 0) return [["Columns", h("span", { class: "soft" }, "shown to ", name(one.principal), ", who computed it, and to auditors")]];
  return of.flatMap(({ dataset, columns, more_columns: more, condition }) => [
    ["Columns", names(columns ?? []), more > 0 ? ` and ${count(more)} more` : null, of.length > 1 ? [" of ", name(dataset)] : null],
    ["Rows", condition ? ["those with ", h("code", { class: "condition" }, clean(condition))] : "all"],
  ]);
}

function about(one, detail) {
  const running = !ENDED.has(one.state);
  return panel(
    "about",
    "Computation",
    {},
    facts([
      ["Parties", parties(one)],
      ["Dataset", one.dataset ? name(one.dataset) : "none: data of the client"],
      ...selected(one, detail),
      ["By", name(one.principal)],
      ["Suite", one.suite ? clean(one.suite) : h("span", { class: "soft" }, "not agreed yet")],
      ["Started", time(one.started), h("span", { class: "soft" }, ` · ${exactly(one.started)}`)],
      running ? ["Elapsed", time(one.started, "since"), h("span", { class: "soft" }, " of "), span(((moment(one.deadline) ?? 0) - (moment(one.started) ?? 0)) / 1000)] : ["Took", took(one)],
      running ? ["Deadline in", time(one.deadline, "left")] : ["Ended", time(one.ended)],
      ["Network", h("code", {}, clean(one.network)), Number.isFinite(one.run) ? h("span", { class: "soft" }, ` · run ${one.run}`) : null],
      ["Session", hash(one.session, "the session's hash", 24)],
      ["Id here", hash(one.id, "the computation's id", 36)],
    ], { class: "facts pairs" }),
  );
}

function cost(one) {
  const { cost: of } = one;
  const messages = Number.isFinite(of.messages_sent);
  const row = (what, from) => [what, count(from.rounds), ...(messages ? [count(from.messages_sent)] : []), bytes(from.bytes_sent), bytes(from.bytes_received)];
  const all = row("In all", of);
  const rows = [{ key: "all", cells: all }];
  if (of.preparation) rows.push({ key: "preparation", cells: row("of it, preparation", of.preparation) });
  return panel(
    "cost",
    "Cost",
    { beside: h("span", { class: "soft" }, `${took(one)} from the request to the result`) },
    table({
      caption: "What it cost this party",
      className: "snug",
      head: ["What", ["Rounds", "number"], ...(messages ? [["Messages sent", "number"]] : []), ["Sent", "number"], ["Received", "number"]],
      rows,
    }),
  );
}

/** Asks whether it is meant, and cancels. */
export async function cancelling(id) {
  const one = state.details.get(id) ?? state.computations?.get(id);
  if (!one) return null;
  const others = (one.members ?? []).filter((member) => member !== one.me);
  const answer = await ask({
    title: `Cancel ${clean(one.function)}?`,
    body: [
      h("p", {}, "It ends at ", others.length ? names([one.me ?? "this node", ...others]) : "this node", "; clients there are told that ", name(one.me ?? "this node"), " cancelled it."),
      one.dataset ? h("p", { class: "soft" }, "Against approvals and the memory of selections it counts as asked.") : null,
      h("p", { class: "soft" }, `It has been running for `, time(one.started, "since"), "."),
    ],
    confirm: "Cancel it",
    keep: "Let it run",
    danger: true,
  });
  if (!answer) return null;
  await cancel(id);
  return null;
}

/** So many of them run. */
export const running = () => all().filter((one) => !ENDED.has(one.state)).length;

/** For the title of the page. */
export const heading = (id) => clean((state.details.get(id) ?? state.computations?.get(id))?.function ?? "Computation");

