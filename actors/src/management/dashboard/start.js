// Starting this party's part of a computation, by a form that the catalogue's descriptors make.
//
// Only columns of datasets can be chosen: no values are typed in here, and none are shown. The other parties' parts
// are started by themselves, under the same name: each from its own dashboard or client.

import { clean, h, name, sentence } from "./dom.js";
import { measures } from "./functions.js";
import { closed, empty, hash, loading, names, panel, title, trouble } from "./parts.js";
import { may, state } from "./store.js";
import { begin } from "./task.js";

/** The most fields for columns that a form shows. */
const MOST_COLUMNS = 64;

/** The choices so far, of the address that it was opened by. */
let draft = null;
let openedBy = null;
/** The number of the latest draft or condition. */
let keys = 0;
/** The parts that were started here, by the computation's name: the others are invited to the same. */
const started = new Map();

const OPERATORS = ["=", "!=", "<", "<=", ">", ">="];

/** A random UUID. `crypto.randomUUID` is missing where a page came over plain HTTP from elsewhere. */
function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** An address has everything that parties must agree on; an invitation is one. */
function draftOf(query) {
  let parameters = {};
  try {
    const given = JSON.parse(query.get("parameters") ?? "{}");
    if (given && typeof given === "object" && !Array.isArray(given)) parameters = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]));
  } catch {
    // A text that is no JSON is no invitation.
  }
  return {
    function: query.get("function") ?? "",
    dataset: query.get("dataset") ?? "",
    columns: [],
    conditions: [],
    parties: query.getAll("party"),
    chosenParties: query.has("party"),
    parameters,
    rank: "",
    network: query.get("network") ?? fresh(),
    invited: query.has("network"),
    problem: null,
    running: false,
    // A new draft is a new form: its fields keep nothing of those before.
    key: (keys += 1),
  };
}

export function starting(route) {
  const address = route.query.toString();
  if (draft === null || openedBy !== address) {
    draft = draftOf(route.query);
    openedBy = address;
  }
  return [title("Start a computation"), content()];
}

/** Forgets what has been chosen: who signs in next begins anew. */
export function forgetDraft() {
  draft = null;
  started.clear();
}

function content() {
  const refusal = state.refusals.get("datasets") ?? state.refusals.get("functions");
  if (state.node && !may("compute")) return closed(refusal ?? { message: "this token may not compute" }, "how to start computations", ["researcher"]);
  if (refusal) return trouble(refusal, "Start a computation", { "data-key": "trouble" });
  if (!state.functions || !state.datasets || !state.members || !state.node) return loading("functions and datasets");
  const others = state.members.filter((member) => !member.self);
  if (others.length === 0) return empty("This node has no other members to compute with.");
  return [
    h(
      "p",
      { class: "lead", "data-key": "lead" },
      draft.invited ? "Another party has chosen what is computed. Choose your own data, and start your part." : "You start this party's part. The other parties start theirs under the same name; nothing is computed before all have.",
    ),
    form(others),
  ];
}

const chosen = () => state.functions.find((one) => one.name === draft.function) ?? null;
const dataset = () => state.datasets.find((one) => one.name === draft.dataset) ?? null;

/** The fewest and the most columns of a function. A node that does not tell is asked when it is computed. */
const columnsOf = (one) => one.columns ?? (measures(one) ? [0, 0] : [1, MOST_COLUMNS]);

/** Returns whether one party may have no data at all. */
const mayBringNothing = (one) => one.input === "matrix";

function form(others) {
  const one = chosen();
  return h(
    "form",
    { class: "start", "data-do": "start", novalidate: true, "data-key": `start ${draft.key}` },
    panel("start-function", "Function", {}, field("start-function", "Function", select("function", draft.function, functionOptions(), { required: true })), one ? [h("p", {}, sentence(one.summary)), h("p", { class: "soft small" }, "Each party brings ", sentence(one.takes ?? ""), ".")] : null),
    one && columnsOf(one)[1] > 0 ? data(one) : null,
    panel("start-parties", "Parties", {}, h("p", { class: "soft" }, "With ", name(state.node.party), ", this node's party:"), h("div", { class: "checks" }, others.map(party))),
    one ? parameters(one) : null,
    panel(
      "start-name",
      "Name",
      {},
      field("start-network", "Name of the computation", h("input", { id: "start-network", type: "text", value: draft.network, "data-field": "network", required: true, autocomplete: "off", spellcheck: "false", "aria-describedby": "start-network-hint" })),
      h("p", { class: "soft small", id: "start-network-hint" }, "The same at all parties: by it the nodes find each other's parts."),
    ),
    h("p", { class: "bad", id: "start-problem", role: "alert", "data-key": "start-problem" }, draft.problem),
    h("div", { class: "run-buttons", "data-key": "start-buttons" }, h("button", { type: "submit", class: "button primary", "aria-disabled": draft.running ? "true" : null }, draft.running ? "Starting …" : "Start"), " ", h("a", { class: "button", href: "#/computations" }, "Back")),
  );
}

const field = (id, label, control, hint) => h("div", { class: "field", "data-key": `field ${id}` }, h("label", { for: id }, label), control, hint ?? null);

/** A list to choose from. What is chosen is the draft's, so that the list may change around it. */
const select = (key, value, options, attributes) => h("select", { id: `start-${key}`, "data-field": key, "data-value": value, ...attributes }, options);

const option = (value, label, chosenValue) => h("option", { value, selected: value === chosenValue, "data-key": `option ${value}` }, clean(label));

function functionOptions() {
  const [measuring, computing] = [state.functions.filter(measures), state.functions.filter((one) => !measures(one))];
  const options = (list) => list.map((one) => option(one.name, one.name, draft.function));
  return [
    option("", "Choose a function", draft.function),
    h("optgroup", { label: "Functions" }, options(computing)),
    measuring.length > 0 ? h("optgroup", { label: "For measuring" }, options(measuring)) : null,
  ];
}

function data(one) {
  const of = dataset();
  const none = mayBringNothing(one) ? "No data of this party" : "Choose a dataset";
  return panel(
    "start-data",
    "Data",
    {},
    state.datasets.length === 0 ? h("p", { class: "bad" }, "There is no dataset here that you may see.") : null,
    field("start-dataset", "Dataset", select("dataset", draft.dataset, [option("", none, draft.dataset), ...state.datasets.map((each) => option(each.name, each.name, draft.dataset))])),
    of ? columns(one, of) : null,
    one.input === "ranked" && of ? field("start-rank", "Rank", h("input", { id: "start-rank", type: "text", inputmode: "numeric", value: draft.rank, "data-field": "rank", required: true, autocomplete: "off" })) : null,
    of ? conditions(of) : null,
  );
}

function columns(one, of) {
  const [least, most] = columnsOf(one);
  const known = of.columns ?? [];
  const shown = Math.min(Math.max(least, draft.columns.length, 1), most, MOST_COLUMNS);
  const options = (value) => [option("", "Choose a column", value), ...known.map((column) => option(column.name, `${column.name}${column.unit ? `, ${column.unit}` : ""} (${column.type ?? column.kind ?? "?"})`, value))];
  return h(
    "fieldset",
    { class: "choices", "data-key": `columns ${of.name} ${one.name}` },
    h("legend", { class: most === 1 ? "hidden" : null }, most === 1 ? "Column" : "Columns, in the order in which the function takes them"),
    Array.from({ length: shown }, (_, at) => field(`start-column-${at}`, most === 1 ? "Column" : `Column ${at + 1}`, select(`column-${at}`, draft.columns[at] ?? "", options(draft.columns[at] ?? "")))),
    shown < Math.min(most, MOST_COLUMNS) ? h("button", { type: "button", class: "button small", "data-do": "start-add", "data-what": "column" }, "Another column") : null,
    shown > Math.max(least, 1) ? h("button", { type: "button", class: "button small", "data-do": "start-drop", "data-what": "column", "data-at": shown - 1 }, "Without the last column") : null,
  );
}

function conditions(of) {
  const options = (value) => [option("", "Choose a column", value), ...(of.columns ?? []).map((column) => option(column.name, column.name, value))];
  return h(
    "fieldset",
    { class: "choices", "data-key": `conditions ${of.name}` },
    h("legend", {}, "Rows"),
    draft.conditions.length === 0 ? h("p", {}, "All rows.") : h("p", {}, draft.conditions.length === 1 ? "The rows for which this is true:" : "The rows for which all of these are true:"),
    draft.conditions.map((one, at) =>
      h(
        "div",
        { class: "comparison", "data-key": `comparison ${one.key}`, role: "group", "aria-label": `Condition ${at + 1}` },
        field(`start-where-column-${at}`, "Column", select(`where-column-${at}`, one.column, options(one.column))),
        field(`start-where-op-${at}`, "Is", select(`where-op-${at}`, one.op, OPERATORS.map((op) => option(op, op, one.op)))),
        field(`start-where-value-${at}`, "Value", h("input", { id: `start-where-value-${at}`, type: "text", value: one.value, "data-field": `where-value-${at}`, autocomplete: "off", spellcheck: "false" })),
        h("button", { type: "button", class: "button small", "data-do": "start-drop", "data-what": "condition", "data-at": at }, "Remove", h("span", { class: "hidden" }, ` condition ${at + 1}`)),
      ),
    ),
    h("button", { type: "button", class: "button small", "data-do": "start-add", "data-what": "condition" }, "Add a condition"),
  );
}

function party(member) {
  const id = `start-party-${state.members.indexOf(member)}`;
  const on = !draft.chosenParties || draft.parties.includes(member.name);
  return h("label", { class: "check", for: id, "data-key": `party ${member.name}` }, h("input", { id, type: "checkbox", checked: on, "data-field": "party", "data-name": member.name }), " ", name(member.name), member.link?.state === "up" ? null : h("span", { class: "warn" }, " (its link is down)"));
}

function parameters(one) {
  const list = one.parameters ?? [];
  if (list.length === 0) return null;
  // Those that an invitation has are shown like those that must be given.
  const first = list.filter((each) => each.required || each.name in draft.parameters);
  const shown = new Set(openFields(one, first));
  const rest = list.filter((each) => !shown.has(each.name));
  return panel(
    "start-parameters",
    "Parameters",
    {},
    list.filter((each) => shown.has(each.name)).map(parameter),
    rest.length > 0 ? h("details", { class: "disclose", "data-key": `more ${one.name}` }, h("summary", {}, shown.size > 0 ? "More parameters" : "Parameters that may be left out"), h("div", { class: "start" }, rest.map(parameter))) : null,
  );
}

let fieldsOf = null;
let fields = [];

/** The parameters that were shown when the function was chosen: none moves while it is typed in. */
function openFields(one, first) {
  if (fieldsOf !== `${draft.key} ${one.name}`) {
    fieldsOf = `${draft.key} ${one.name}`;
    fields = first.map((each) => each.name);
  }
  return fields;
}

const EXAMPLES = { list: "[0.25, 0.5, 0.75]", number: "", text: "" };

function parameter(each) {
  const id = `start-parameter-${each.name.replace(/[^\w-]/g, (c) => `_${c.charCodeAt(0).toString(16)}`)}`;
  const value = draft.parameters[each.name] ?? "";
  const common = { id, "data-field": "parameter", "data-name": each.name, "aria-describedby": `${id}-hint`, required: each.required };
  const control =
    each.type === "boolean"
      ? h("select", { ...common, "data-value": value }, option("", "as usual", value), option("true", "yes", value), option("false", "no", value))
      : h("input", { ...common, type: "text", value, inputmode: each.type === "number" ? "decimal" : null, placeholder: EXAMPLES[each.type] || null, autocomplete: "off", spellcheck: "false" });
  return h("div", { class: "field", "data-key": `parameter ${each.name}` }, h("label", { for: id }, h("code", {}, clean(each.name)), each.required ? h("span", { class: "soft" }, " (required)") : null), control, h("p", { class: "soft small", id: `${id}-hint` }, sentence(each.summary ?? "")));
}

/** Takes a change of a field into the draft. Returns whether anything else depends on it. */
export function edited(target) {
  const key = target.dataset.field;
  const [, what, at] = /^(column|where-column|where-op|where-value)-(\d+)$/.exec(key) ?? [];
  draft.problem = null;
  if (what === "column") draft.columns[Number(at)] = target.value;
  else if (what) draft.conditions[Number(at)][what.slice("where-".length)] = target.value;
  else if (key === "party") choose(target.dataset.name, target.checked);
  else if (key === "parameter") draft.parameters[target.dataset.name] = target.value;
  else draft[key] = target.value;
  if (key === "dataset") [draft.columns, draft.conditions] = [[], []];
  if (key === "function") [draft.columns, draft.parameters] = [[], {}];
}

function choose(member, on) {
  const before = draft.chosenParties ? draft.parties : state.members.filter((one) => !one.self).map((one) => one.name);
  draft.parties = [...before.filter((one) => one !== member), ...(on ? [member] : [])];
  draft.chosenParties = true;
}

export function add(what) {
  if (what === "condition") draft.conditions.push({ key: (keys += 1), column: "", op: "=", value: "" });
  else draft.columns = [...Array.from({ length: Math.max(draft.columns.length, columnsOf(chosen())[0], 1) }, (_, at) => draft.columns[at] ?? ""), ""];
}

export function drop(what, at) {
  if (what === "condition") draft.conditions.splice(at, 1);
  else draft.columns.length = at;
}

/** A mistake in the form, and the field that has it. */
class Mistake extends Error {
  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

function value(column, text, at) {
  const kind = column.type ?? column.kind;
  if (kind === "integer" || kind === "number") {
    if (text.trim() === "" || !Number.isFinite(Number(text))) throw new Mistake(`Condition ${at + 1}: ${column.name} is compared with a number.`, `where-value-${at}`);
    return Number(text);
  }
  if (kind === "truth") {
    if (text !== "true" && text !== "false") throw new Mistake(`Condition ${at + 1}: ${column.name} is compared with true or false.`, `where-value-${at}`);
    return text === "true";
  }
  return text;
}

function filter(of) {
  const parts = draft.conditions.map(({ column: chosenColumn, op, value: text }, at) => {
    const column = (of.columns ?? []).find((one) => one.name === chosenColumn);
    if (!column) throw new Mistake(`Condition ${at + 1}: choose a column.`, `where-column-${at}`);
    return { column: column.name, op, value: value(column, text, at) };
  });
  return parts.length === 0 ? null : parts.length === 1 ? parts[0] : { and: parts };
}

function selection(one) {
  const of = dataset();
  const [least, most] = columnsOf(one);
  if (most === 0 || (!of && mayBringNothing(one))) return null;
  if (!of) throw new Mistake("Choose a dataset.", "dataset");
  const columnNames = Array.from({ length: Math.max(least, draft.columns.length, 1) }, (_, at) => {
    if (!draft.columns[at]) throw new Mistake(`Choose column ${at + 1}.`, `column-${at}`);
    return draft.columns[at];
  });
  const rank = one.input === "ranked" ? Number(draft.rank) : null;
  if (rank !== null && !(Number.isInteger(rank) && rank > 0)) throw new Mistake("Rank: a whole number from 1.", "rank");
  return { dataset: of.name, columns: columnNames, where: filter(of), beside: rank === null ? {} : { rank } };
}

/** A parameter's value. Numbers, lists and truth values are written as in JSON; a list may lack its brackets. */
function parsed(each, text) {
  if (each.type === "text") return text;
  for (const attempt of each.type === "list" ? [text, `[${text}]`] : [text]) {
    try {
      return JSON.parse(attempt);
    } catch {
      // The next attempt, or the mistake below.
    }
  }
  if (each.type === "list") return text.split(",").map((item) => item.trim());
  throw new Mistake(`${each.name}: a ${each.type} is needed.`, null);
}

function order() {
  const one = chosen();
  if (!one) throw new Mistake("Choose a function.", "function");
  const picked = (member) => member.self || !draft.chosenParties || draft.parties.includes(member.name);
  const nodes = state.members.filter(picked).map((member) => member.name);
  if (nodes.length < 2) throw new Mistake("Choose another party at least.", null);
  if (draft.network.trim() === "") throw new Mistake("Give the computation a name.", "network");
  const given = {};
  for (const each of one.parameters ?? []) {
    const text = draft.parameters[each.name] ?? "";
    if (text !== "") given[each.name] = parsed(each, text);
    else if (each.required) throw new Mistake(`${each.name}: it is required.`, null);
  }
  return { function: one.name, parameters: given, selection: selection(one), nodes, myself: nodes.indexOf(state.node.party), network: draft.network.trim() };
}

/** Starts it. Returns the computation's name, or null where something in the form is missing. */
export async function submit() {
  if (draft.running) return null;
  const mine = draft;
  let asked;
  try {
    asked = order();
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    mine.problem = error.message;
    return { focus: error.at === null ? null : `start-${error.at}` };
  }
  mine.running = true;
  try {
    await begin(asked);
    started.set(asked.network, asked);
    draft = null;
    return { network: asked.network };
  } catch (error) {
    mine.problem = [error.message, error.hint].filter(Boolean).map((text) => clean(text)).join(". ");
    return { focus: null };
  } finally {
    mine.running = false;
  }
}

/** The address at another party's dashboard where the same form is filled in, but for its data. */
function invitation(member, asked) {
  const query = new URLSearchParams({ function: asked.function, network: asked.network, parameters: JSON.stringify(asked.parameters) });
  for (const node of asked.nodes) if (node !== member.name) query.append("party", node);
  return `${member.api.replace(/\/+$/, "")}/#/start?${query}`;
}

/** For the other parties of a computation that was started here: how they start their parts. */
export function invitations(one) {
  const asked = started.get(one.network);
  if (!asked) return null;
  const others = (state.members ?? []).filter((member) => !member.self && asked.nodes.includes(member.name));
  return panel(
    "invitations",
    "The other parties' parts",
    {},
    h("p", {}, names(others.map((member) => member.name)), others.length === 1 ? " starts its part" : " start their parts", " by these addresses of their dashboards, or by a client, under the same name."),
    h("dl", { class: "facts" }, others.map((member) => h("div", { "data-key": `invitation ${member.name}` }, h("dt", {}, name(member.name)), h("dd", {}, hash(invitation(member, asked), `the address for ${clean(member.name)}`, 60))))),
  );
}
