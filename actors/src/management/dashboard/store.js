// The page's knowledge of the node: requests, events, and the announcements of changes.

import { Refusal, call, get, listen, setToken, token } from "./api.js";
import { clean, say } from "./dom.js";
import { lasting, moment, now, setClock } from "./format.js";
import { listed } from "./parts.js";

/** The pause between requests while there is no stream, in milliseconds. */
const POLL = 5_000;
/** Past computations that are kept. */
const MOST = 500;
/** Entries of the log on a page. */
export const PAGE = 50;

export const ENDED = new Set(["done", "failed", "cancelled"]);

export const state = {
  signedOut: false,
  live: { state: "starting", since: Date.now() },
  /** Since when the node has not answered. */
  lost: null,
  node: null,
  members: null,
  datasets: null,
  functions: null,
  approvals: null,
  /** `{head, entries}` of the page that is shown. */
  audit: null,
  /** By id. */
  computations: null,
  details: new Map(),
  /** Answers instead of what was asked for, by section. */
  refusals: new Map(),
  verification: null,
  probes: new Map(),
};

let changed = () => {};
let stream = null;
let polling = null;
let auditFirst = null;
let watched = null;

// Answers may be late: while one is on its way, an event may tell of something newer, and so may the answer to a
// request that left later. So events and requests are numbered in one row, an event when it comes and a request when it
// leaves. What is kept here has the number of what set it last, and nothing with a smaller number changes it.

let latest = 0;
let underWay = 0;
/** The numbers of what has been set or removed, by names: of sections, of fields of the node, of computations. */
const numbers = new Map();
/** The number at which everything was forgotten. */
let forgotten = 0;

const next = () => (latest += 1);

/** Returns whether nothing newer has set this. Notes the number if so. */
function newest(what, number) {
  if (number < (numbers.get(what) ?? 0)) return false;
  numbers.set(what, number);
  return true;
}

/** Asks for something. Gives the answer to `taken`, or the node's refusal to `denied`, with the request's number. */
async function ask(what, path, taken, denied = () => {}) {
  const number = next();
  underWay += 1;
  try {
    const document = await get(path);
    // It was for a principal that has signed out.
    if (number < forgotten) return;
    state.refusals.delete(what);
    answered();
    taken(document, number);
  } catch (error) {
    if (number < forgotten) return;
    refused(what, error);
    denied(error, number);
  } finally {
    underWay -= 1;
    // Without requests under way nothing older can come. Each computation has a number, and pages stay open for months.
    if (underWay === 0) numbers.clear();
  }
  changed();
}

/** Is called whenever something has changed. */
export function observe(observer) {
  changed = observer;
}

export const may = (right) => state.node?.principal?.rights?.includes(right) ?? false;

/** Returns whether this principal sees computations of others. */
export const seesAll = () => may("observe");

/** Returns whether this principal may end it: its own, and all with the right to. */
export const mayCancel = (computation) =>
  computation.principal === state.node?.principal?.name || may("steer");

const PATHS = {
  node: "/v1/node",
  members: "/v1/members",
  datasets: "/v1/datasets",
  functions: "/v1/functions",
  computations: "/v1/computations?state=all&limit=200",
  approvals: "/v1/approvals",
};

/** Asks for a section. What the node answers instead is kept beside it. */
export const load = (section) =>
  ask(section, section === "audit" ? auditPath() : PATHS[section], (document, number) => take(section, document, number));

function auditPath() {
  const number = state.audit?.head?.number;
  if (auditFirst !== null) return `/v1/audit?first=${auditFirst}&limit=${PAGE}`;
  return number ? `/v1/audit?first=${Math.max(1, number - PAGE + 1)}&limit=${PAGE}` : `/v1/audit?first=1&limit=1`;
}

function answered() {
  if (state.lost !== null) say("The node answers again.");
  state.lost = null;
}

function refused(section, error) {
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 401) return signedOut();
  if (error.status === 0) {
    if (state.lost === null) {
      state.lost = Date.now();
      say("The node cannot be reached.");
    }
  } else {
    answered();
  }
  state.refusals.set(section, error);
}

function take(section, document, number, whole = true) {
  if (!document || typeof document !== "object") return;
  switch (section) {
    case "node":
      setClock(document.now);
      // Events leave out what changes all the time: the clock, memory, the disk. So each field has its own number.
      state.node ??= {};
      for (const [field, value] of Object.entries(document)) if (newest(`node ${field}`, number)) state.node[field] = value;
      break;
    case "members":
      if (!newest(section, number)) return;
      tellMembers(state.members, document.members ?? []);
      state.members = document.members ?? [];
      break;
    case "datasets":
    case "functions":
      if (!newest(section, number)) return;
      state[section] = document[section] ?? [];
      break;
    case "approvals":
      if (!newest(section, number)) return;
      tellApprovals(state.approvals, document.approvals ?? []);
      state.approvals = document.approvals ?? [];
      break;
    case "computations":
      takeComputations(document.computations ?? [], number, whole);
      break;
    case "audit":
      takeAudit(document, number);
      break;
    default:
      break;
  }
}

/** The known summaries of computations, by id. Details may come before the list that is shown. */
const summaries = new Map();

/** All that there are, or those that have changed. A node that has begun anew has forgotten those before. */
function takeComputations(list, number, whole) {
  const first = state.computations === null;
  const ids = new Set(list.map((one) => one.id));
  for (const id of whole ? [...summaries.keys()] : []) {
    if (!ids.has(id) && newest(id, number)) summaries.delete(id);
  }
  for (const summary of list) takeSummary(summary, number, !first);
  if (!first && watched !== null && (whole ? state.details.has(watched) : ids.has(watched))) loadDetail(watched);
  const past = [...summaries.values()].filter((one) => ENDED.has(one.state));
  if (past.length > MOST) {
    past.sort((a, b) => (moment(a.started) ?? 0) - (moment(b.started) ?? 0));
    for (const one of past.slice(0, past.length - MOST)) summaries.delete(one.id);
  }
  state.computations = summaries;
}

/** Returns whether this is said of a time before the end that is known. An end is final, whatever comes later. */
const beforeEnd = (one) => ENDED.has(summaries.get(one.id)?.state) && !ENDED.has(one.state);

/** Returns whether it was taken. */
function takeSummary(summary, number, tells) {
  if (beforeEnd(summary) || !newest(summary.id, number)) return false;
  if (tells) tellComputation(summaries.get(summary.id), summary);
  summaries.set(summary.id, summary);
  return true;
}

/** Newest first. */
export const computations = () =>
  [...(state.computations?.values() ?? [])].sort((a, b) => (moment(b.started) ?? 0) - (moment(a.started) ?? 0));

function takeAudit({ head: said, entries }, number) {
  const head = newest("audit", number) ? said : state.audit.head;
  const before = state.audit?.head?.number;
  const verified = state.verification?.entries;
  if (verified !== undefined && head?.number < verified) state.verification = null;
  // The stream tells of a new head; the page that is shown is asked for anew where it changes by it.
  state.audit = { head, entries: state.audit?.entries ?? [] };
  if (entries && entries.length > 0 && page(entries, head)) state.audit.entries = auditFirst === null ? entries.slice(-PAGE) : entries;
  else if (auditFirst === null && before !== head?.number && watched === "audit") load("audit");
}

/** Returns whether these entries are the page to show: those from `first` on, or the newest. */
function page(entries, head) {
  if (auditFirst !== null) return entries[0].number === auditFirst;
  return entries.at(-1).number === head.number && entries.length >= Math.min(PAGE, head.number);
}

/** Shows entries from this number on, or the newest. */
export async function openAudit(first) {
  auditFirst = first;
  watched = "audit";
  await load("audit");
}

/** Keeps this computation's details up to date. */
export function watch(id) {
  watched = id;
  if (id !== null) loadDetail(id);
}

/** The computations whose details are on their way, and whether they must be asked for again after that. */
const wanted = new Map();

export async function loadDetail(id) {
  // The answer on its way may be older than the event that called for this.
  if (wanted.has(id)) return void wanted.set(id, true);
  wanted.set(id, false);
  try {
    await ask(
      `computation ${id}`,
      `/v1/computations/${encodeURIComponent(id)}`,
      (document, number) => takeDetail(id, document, number),
      (error, number) => error.code === "no_such_computation" && loseDetail(id, number),
    );
  } finally {
    const again = wanted.get(id);
    wanted.delete(id);
    if (again) setTimeout(() => watched === id && loadDetail(id), 200);
  }
}

function takeDetail(id, document, number) {
  if (!takeSummary(summary(document), number, summaries.has(id))) wanted.set(id, true);
  if (beforeEnd(document)) return;
  // A computation that runs may bring events faster than answers: its rounds are shown, beside what is newer.
  state.details.set(id, { ...document, ...summaries.get(id) });
  if (state.details.size > 50) state.details.delete(state.details.keys().next().value);
}

function loseDetail(id, number) {
  if (newest(id, number)) {
    state.details.delete(id);
    summaries.delete(id);
  } else {
    wanted.set(id, true);
  }
}

function summary(document) {
  const { rounds: _rounds, rounds_dropped: _dropped, result: _result, security: _s, disclosure: _d, ...rest } = document;
  return rest;
}

// Announcements.

function tellMembers(before, after) {
  if (before === null) return;
  for (const member of after) {
    const old = before.find((one) => one.name === member.name)?.link?.state;
    const link = member.link;
    if (!link || !old || old === link.state) continue;
    if (link.state === "up") say(`The link to ${clean(member.name)} is up again.`);
    else say(`${clean(member.name)} cannot be reached: ${clean(link.problem ?? "the link is down")}`);
  }
}

function tellApprovals(before, after) {
  if (before === null) return;
  const known = new Set(before.map((one) => one.id));
  for (const approval of after) {
    if (known.has(approval.id) || approval.state !== "asked") continue;
    say(`Request ${approval.id}: ${clean(approval.class?.principal)} asks to compute ${clean(approval.class?.function)}.`);
  }
}

function tellComputation(before, after) {
  const what = clean(after.function);
  if (!before) return ENDED.has(after.state) ? undefined : say(`${what} has begun.`);
  if (before.state !== after.state && ENDED.has(after.state)) {
    if (after.state === "done") say(`${what} is done.`);
    if (after.state === "cancelled") say(`${what} was cancelled.`);
    if (after.state === "failed") say(`${what} has failed: ${clean(after.error?.message ?? "")}`);
  }
  const whom = after.waiting?.parties?.join("\n");
  if (whom && whom !== before.waiting?.parties?.join("\n")) {
    const since = moment(after.waiting.since);
    // Rounds wait all the time, for milliseconds.
    if (since !== null && now() - since > 2_000) {
      say(`${what} waits for ${listed(after.waiting.parties)} since ${lasting((now() - since) / 1000)}.`);
    }
  }
}

// The stream, and polling while there is none.

export function start() {
  stream?.stop();
  setLive("starting");
  stream = listen({
    heard: (event, document, whole) => {
      answered();
      state.refusals.delete(event);
      take(event, document, next(), whole);
      changed();
    },
    changed: (to) => {
      if (to === "denied") return signedOut();
      if (to === "live" && state.live.state === "reconnecting") ["datasets", "functions"].forEach(load);
      setLive(to);
      if (to !== "live") poll();
    },
    joined: reload,
  });
  clearInterval(polling);
  let beats = 0;
  polling = setInterval(() => {
    if (state.signedOut) return;
    beats += 1;
    if (state.live.state !== "live") poll();
    else if (beats % 6 === 0) load("node");
    const detail = state.details.get(watched);
    if (detail && !ENDED.has(detail.state)) loadDetail(watched);
  }, POLL);
  reload();
}

function setLive(to) {
  if (to === state.live.state) return;
  const was = state.live.state;
  state.live = { state: to, since: Date.now() };
  if (to === "reconnecting" && was === "live") say("The live connection is lost. Trying again; until then this page asks every 5 seconds.");
  if (to === "live" && was === "reconnecting") say("Live again.");
  changed();
}

async function poll() {
  await load("node");
  if (state.lost !== null || state.signedOut) return;
  await Promise.all(["members", "computations", ...(may("approve") ? ["approvals"] : [])].map(load));
  if (watched === "audit") await load("audit");
}

/** Asks for everything. */
export async function reload() {
  await load("node");
  if (state.signedOut || state.lost !== null) return;
  const rights = [may("approve") ? "approvals" : null, may("audit") && watched !== "audit" ? "audit" : null];
  await Promise.all(["members", "computations", "datasets", "functions", ...rights.filter(Boolean)].map(load));
}

function signedOut() {
  if (state.signedOut) return;
  stream?.stop();
  stream = null;
  clearInterval(polling);
  const wrong = token() !== null;
  setToken(null);
  forget();
  state.signedOut = true;
  state.wrongToken = wrong;
  changed();
}

/** Nothing of what one principal saw is left for the next. */
function forget() {
  for (const section of ["node", "members", "datasets", "functions", "approvals", "audit", "computations", "verification"]) {
    state[section] = null;
  }
  forgotten = next();
  numbers.clear();
  summaries.clear();
  state.details.clear();
  state.refusals.clear();
  state.probes.clear();
  state.lost = null;
}

export function signIn(secret) {
  setToken(secret);
  forget();
  state.signedOut = false;
  state.wrongToken = false;
  start();
  // The computation that is looked at was another principal's to see.
  if (watched !== null && watched !== "audit") loadDetail(watched);
  changed();
}

export function signOut() {
  setToken(null);
  state.wrongToken = false;
  signedOut();
}

export const signedIn = () => token() !== null;

/** Tries the stream again now. */
export const wake = () => stream?.wake();

// Actions.

export async function cancel(id) {
  await call("DELETE", `/v1/computations/${encodeURIComponent(id)}`);
  await loadDetail(id);
}

export async function decide(id, decision, times, days) {
  const body = decision === "grant" ? { decision, times, days } : { decision };
  await call("POST", `/v1/approvals/${encodeURIComponent(id)}`, body);
  await load("approvals");
}

export async function verify() {
  state.verification = { running: true };
  changed();
  try {
    const answer = await call("POST", "/v1/audit/verification");
    state.verification = { ...answer, at: now() };
    say(answer.verified ? `The log is whole: ${answer.entries} entries.` : `The log is broken: ${clean(answer.problem ?? "")}`);
  } catch (error) {
    if (error.code === "audit_broken") {
      state.verification = { verified: false, problem: error.message, hint: error.hint, at: now() };
      say(`The log is broken: ${clean(error.message)}`);
    } else {
      state.verification = { error };
      say(`The log could not be checked: ${clean(error.message)}`);
    }
  }
  changed();
}

export async function probe(member) {
  state.probes.set(member, { running: true });
  changed();
  try {
    const report = await call("POST", "/v1/probes", { member, idle_seconds: 0, bandwidth_bytes: 1_048_576 });
    state.probes.set(member, { report, at: now() });
    const failed = report.steps?.find((step) => step.verdict === "failed");
    say(failed ? `The link to ${clean(member)} fails at ${clean(failed.step)}: ${clean(failed.detail)}` : `The link to ${clean(member)} works.`);
  } catch (error) {
    state.probes.set(member, { error });
    say(`The link to ${clean(member)} could not be tried: ${clean(error.message)}`);
  }
  changed();
}
