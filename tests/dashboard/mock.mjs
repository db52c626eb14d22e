// Plays a node for the dashboard: serves its files with the node's content security policy, and answers the API
// as a node does, in scenes that can be changed while a page is open.
//
// `node mock.mjs [PORT] [SCENE]` runs one to look at.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { OPENAPI } from "./openapi.mjs";

const FILES = fileURLToPath(new URL("../../actors/src/management/dashboard/", import.meta.url));

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

const WORDS =
  "abandon lunar pottery crisp velvet anchor method ginger tunnel orbit salmon quartz ribbon elder mango fossil " +
  "harbor kite wisdom cactus noble spray dolphin meadow";

export const hex = (seed) => {
  let at = seed >>> 0;
  return Array.from({ length: 64 }, () => {
    at = (Math.imul(at, 1664525) + 1013904223) >>> 0;
    return (at >>> 28).toString(16);
  }).join("");
};

export const uuid = (seed) => hex(seed).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, "$1-$2-4$3-8$4-$5");
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

const MEMBERS = ["clinic-a", "clinic-b", "clinic-c"];
export const HOSTILE = `<img src=x onerror="window.injected=1"><script>window.injected=2</script>`;
export const TURNED = "trial\u202egnp.exe";

export const RIGHTS = {
  anybody: ["compute", "upload", "register", "approve", "audit", "observe", "steer"],
  researcher: ["compute"],
  owner: ["upload", "register", "approve", "observe", "steer"],
  auditor: ["audit", "observe"],
  operator: ["register", "audit", "observe", "steer"],
};

function member(name, link) {
  const at = MEMBERS.indexOf(name);
  return {
    name,
    api: `http://127.0.0.1:${8001 + at}`,
    peer: `127.0.0.1:${9001 + at}`,
    self: name === "clinic-a",
    fingerprints: [{ hex: hex(100 + at), words: WORDS }],
    link:
      name === "clinic-a"
        ? null
        : { state: "up", since: ago(8_000), problem: null, round_trip_seconds: 0.0004, dials: 1, certificate_days_left: 364, version: "0.1.0", ...link },
  };
}

const SECURITY = {
  suite: "masked",
  adversary: "semi-honest parties; parties that cheat are noticed when they open other values than they have committed to",
  corruptible: 2,
  reveals: [
    "the exact joint sums n, Σx, Σy, Σx², Σxy, Σy², to every party; the answer implies them up to rounding and a choice of two, unless the intercept or the covariance is 0 or a value is null",
    "if the rules ask for them: whether the parties without any one of them have enough rows, and whether one party has too large a share of all rows, or of the sum of all magnitudes; to every party and helper",
  ],
};

const DISCLOSURE = {
  profile: "production",
  rules: { min_parties: 3, min_rows: 50, min_cell: 5, max_share: 90, client_columns: false },
  decided_by: { min_parties: "clinic-a", min_rows: "clinic-b", min_cell: "clinic-a", max_share: "clinic-a", client_columns: "clinic-c" },
};

/** Rounds that took so long, one after the other. */
function rounds(plan) {
  let at = 0;
  return plan.map(([stage, took, waited], index) => {
    const round = { round: index, stage, started: at, ended: took === null ? null : at + took, waited_for: waited ?? [] };
    at += took ?? 0;
    return round;
  });
}

const MANY = [
  ["agreeing", 0.012, ["clinic-b"]],
  ["rows", 0.004],
  ["share", 0.006, ["clinic-c"]],
  ...Array.from({ length: 60 }, (_, at) => [["evaluate", "open", "multiply"][at % 3], 0.003 + (at % 7) * 0.0006, at % 9 === 0 ? ["clinic-b"] : at % 5 === 0 ? ["clinic-c"] : []]),
  ["answer", 0.005, ["clinic-c"]],
];

function computation(seed, of) {
  const state = of.state ?? "done";
  const ended = ["done", "failed", "cancelled"].includes(state);
  const started = of.started ?? 600;
  return {
    id: uuid(seed),
    session: ["preparing", "connecting"].includes(state) ? null : hex(seed + 7),
    network: uuid(seed + 3),
    run: 0,
    function: "SecureSum",
    suite: ["preparing", "connecting"].includes(state) ? null : "masked",
    principal: "anybody",
    dataset: "trial",
    members: MEMBERS,
    helpers: [],
    me: "clinic-a",
    round: 4,
    step: "",
    waiting: null,
    error: null,
    cost: state === "done" ? { rounds: 4, messages_sent: 8, bytes_sent: 1_846, bytes_received: 1_850, seconds: 0.0213 } : null,
    rounds: rounds([["agreeing", 0.012, ["clinic-b"]], ["commit", 0.003, ["clinic-c"]], ["share", 0.003], ["open", 0.0033, ["clinic-b"]]]),
    rounds_dropped: 0,
    selections: of.dataset === null ? [] : [{ dataset: of.dataset ?? "trial", columns: ["age", "risk"], more_columns: 0, condition: '"age" >= 18 and "sex" = "female"' }],
    result: null,
    security: state === "done" ? SECURITY : null,
    disclosure: state === "done" ? DISCLOSURE : null,
    ...of,
    state,
    started: ago(started),
    ended: ended ? ago(started - (of.took ?? 0.0213)) : null,
    deadline: ago(started - 60),
  };
}

const REPLICATED = { ...SECURITY, suite: "replicated", adversary: "the three nodes clinic-a, clinic-b and clinic-c are semi-honest", corruptible: 1, reveals: ["the number of rows of all parties together, to every party and helper", "where the answer lies between two numbers: these two, to every party"] };

export const IDS = {
  slow: uuid(1),
  blocked: uuid(2),
  failed: uuid(3),
  statistics: uuid(4),
  table: uuid(5),
  histogram: uuid(6),
  median: uuid(7),
  correlation: uuid(8),
  cancelled: uuid(9),
  others: uuid(10),
  product: uuid(11),
  groups: uuid(12),
  top: uuid(13),
  rounded: uuid(14),
};

function past() {
  return [
    computation(3, {
      function: "StatisticsUnivariate",
      state: "failed",
      started: 900,
      took: 60,
      round: 0,
      suite: "replicated",
      error: {
        code: "deadline",
        message: "the computation was not done within 60 seconds: at agreeing, nothing came from clinic-b",
        hint: "ask clinic-b whether its client has asked for the same computation, then compute again",
        party: "clinic-b",
      },
      rounds: [{ round: 0, stage: "agreeing", started: 0.0, ended: null, waited_for: ["clinic-b"] }],
    }),
    computation(4, {
      function: "StatisticsBivariate",
      started: 1_500,
      result: {
        samples: 612,
        covariance: 12.4817263512,
        covariance_mle: 12.46133120931,
        correlation_coefficient: 0.7312,
        regression_slope: 0.0000431,
        regression_interceipt: -4.312,
        regression_slope_only: null,
      },
    }),
    computation(5, {
      function: "StatisticsContingency",
      started: 2_400,
      result: { table: { benign: { "stage I": 140, "stage II": 51, "stage III": null }, malignant: { "stage I": 23, "stage II": 74, "stage III": 66 } }, mode: ["benign", "stage I"] },
    }),
    computation(6, { function: "StatisticsFrequency", started: 3_000, result: { histogram: { female: 311, male: 287, diverse: 14 }, mode: "female" } }),
    computation(7, { function: "SecureMedian", started: 3_600, suite: "replicated", took: 0.31, result: { median: 61.5 }, security: REPLICATED, rounds: rounds(MANY), round: MANY.length - 1, cost: { rounds: MANY.length, messages_sent: 130, bytes_sent: 48_300, bytes_received: 49_100, seconds: 0.31, preparation: { rounds: 3, messages_sent: 6, bytes_sent: 20_000, bytes_received: 20_000 } } }),
    computation(8, { function: "CorrelationVertical", started: 7_200, result: { correlation: [[1, 0.4123, -0.2], [0.4123, 1, 0.05], [-0.2, 0.05, 1]], samples: 512 } }),
    computation(9, { function: "Sort", state: "cancelled", started: 9_000, took: 4, error: { code: "cancelled", message: "clinic-c cancelled the computation", hint: "ask clinic-c why", party: "clinic-c" } }),
    computation(10, { function: "SecureSum", started: 10_000, principal: "ada" }),
    computation(11, { function: "SecureMatrixMultiplication", started: 20_000, dataset: null, result: { product: Array.from({ length: 6 }, (_, r) => Array.from({ length: 12 }, (_, c) => (r + 1) * (c + 1) * 1234.5678)) } }),
    computation(12, { function: "MeanByGroupVertical", started: 30_000, result: { groups: { smoker: { count: 88, mean: 4.21 }, "non-smoker": { count: 301, mean: 2.07 } }, samples: 389 } }),
    computation(14, { function: "StatisticsBivariate", started: 40_000, result: { samples: 360 }, rounds: rounds([["agreeing", 0, ["clinic-b"]], ["commit", 0, ["clinic-c"]], ["open", 0, ["clinic-c"]]]), cost: { rounds: 2, bytes_sent: 5_640, bytes_received: 5_640, seconds: 0 } }),
    computation(13, { function: "TopK", started: 90_000, result: { top: [{ value: 99.5, count: 3 }, { value: 98, count: 1 }], samples: 389 } }),
  ];
}

const slow = () =>
  computation(1, {
    function: "Sort",
    state: "running",
    started: 9,
    round: 41,
    step: "shuffle",
    suite: "replicated",
    waiting: { parties: ["clinic-c"], for: "shuffle", since: ago(0.2) },
    rounds: rounds([["agreeing", 0.4, ["clinic-c"]], ["share", 0.3], ...Array.from({ length: 38 }, (_, at) => [at % 2 ? "shuffle" : "open", 0.2, at % 3 ? ["clinic-c"] : ["clinic-b"]]), ["shuffle", null]]),
  });

const blocked = () =>
  computation(2, {
    function: "StatisticsBivariate",
    state: "agreeing",
    started: 13,
    round: 0,
    step: "agreeing",
    waiting: { parties: ["clinic-b"], for: "agreeing", since: ago(12) },
    rounds: [{ round: 0, stage: "agreeing", started: 0.6, ended: null, waited_for: [] }],
  });

const DATASETS = [
  {
    name: "trial",
    rows: 200,
    readable: true,
    columns: [
      { name: "age", type: "integer", unit: "years", range: [18, 110], missing: "none" },
      { name: "risk", type: "number", range: [0, 1], missing: "up to 5 %" },
      { name: "sex", type: "text", levels: ["female", "male", "diverse"], missing: "none" },
      { name: "creatinine", type: "number", unit: "mg/dl", range: [0.1, 20], missing: "up to 25 %" },
      { name: "diabetic", type: "truth", missing: "over 50 %" },
    ],
  },
  { name: "registry", rows: 12_000, readable: false, columns: [{ name: "icd10", type: "text", missing: "none" }, { name: "length_of_stay", type: "integer", unit: "days", range: [0, 400], missing: "up to 5 %" }] },
];

const FUNCTIONS = [
  {
    name: "SecureSum",
    summary: "the sum of all numbers",
    input: "numbers",
    takes: "one column of numbers",
    columns: [1, 1],
    suites: ["masked"],
    result_keys: ["sum"],
    reveals: ["the exact sum, before it is rounded to a double, to every party"],
    parameters: [
      { name: "digits_before", type: "number", required: false, summary: "decimal digits before the point that numbers have at most; what is outside is refused" },
      { name: "digits_after", type: "number", required: false, summary: "decimal digits after the point" },
    ],
  },
  {
    name: "StatisticsBivariate",
    summary: "covariance, correlation and regression of two variables",
    input: "points",
    takes: "two columns of numbers",
    columns: [2, 2],
    suites: ["masked"],
    result_keys: ["samples", "covariance", "correlation_coefficient", "regression_slope"],
    reveals: SECURITY.reveals,
    parameters: [],
  },
  {
    name: "Quantiles",
    summary: "the numbers that given fractions of all numbers are below",
    input: "numbers",
    takes: "one column of numbers",
    columns: [1, 1],
    suites: ["replicated", "pairwise"],
    result_keys: ["quantiles", "samples"],
    reveals: REPLICATED.reveals,
    parameters: [{ name: "probabilities", type: "list", required: true, summary: "numbers from 0 to 1" }],
  },
  { name: "SetIntersection", summary: "the items that all parties have", input: "set", takes: "one column of texts", columns: [1, 1], suites: ["intersection"], result_keys: ["intersection", "size_intersection"], reveals: ["how many items each party has, or the size declared by `pad_to`, to every party"], parameters: [{ name: "case", type: "text", required: false, summary: "`lower` compares in lower case" }] },
  { name: "CorrelationVertical", summary: "the correlations of columns of all parties", input: "matrix", takes: "one matrix of numbers, or nothing", columns: [1, 100], suites: ["replicated"], result_keys: ["correlation"], reveals: REPLICATED.reveals, parameters: [{ name: "missing", type: "text", required: false, summary: "`drop` leaves out rows" }, { name: "standardised", type: "boolean", required: false, summary: "`true` standardises columns" }] },
  { name: "Empty", summary: "nothing, in two rounds of eight bytes, or `times`: what agreeing and rounds cost", input: "other", takes: "something else, or nothing", columns: [0, 0], suites: ["masked"], result_keys: [], reveals: [], parameters: [] },
];

const approvals = () => [
  { id: 7, class: { principal: "ada", function: "StatisticsBivariate", parameters: "{}", dataset: "trial", columns: ["age", "risk"], condition: '"age" >= 18' }, study: null, asked: Math.floor(Date.now() / 1000) - 300, state: "asked" },
  { id: 9, class: { principal: "grace", function: "SecureMedian", parameters: "{}", dataset: "registry", columns: ["length_of_stay"], condition: null }, study: null, asked: Math.floor(Date.now() / 1000) - 5_000, state: "asked" },
  { id: 3, class: { principal: "ada", function: "SecureSum", parameters: "{}", dataset: "trial", columns: ["risk"], condition: null }, study: null, asked: Math.floor(Date.now() / 1000) - 90_000, state: { granted: { by: "olga", times_left: 8, expires: Math.floor(Date.now() / 1000) + 500_000, serves: ["ada may compute SecureSum without parameters on exactly risk of dataset trial, over all rows and under no condition"] } } },
  { id: 2, class: { principal: "mallory", function: "Sort", parameters: "{}", dataset: "trial", columns: ["age"], condition: null }, study: null, asked: Math.floor(Date.now() / 1000) - 190_000, state: { refused: { by: "olga" } } },
];

const KINDS = [
  ["started", () => ({ party: "clinic-a", version: "0.1.0", wire: 7 })],
  ["registered", () => ({ dataset: "trial", by: "the command on this machine" })],
  ["asked", (n) => ({ principal: "ada", function: "StatisticsBivariate", data: [{ dataset: "trial", columns: ["age", "risk"], where: null }], members: MEMBERS, helpers: [], network: uuid(n), trace: false, parameters: {}, suite: "masked", rules: DISCLOSURE.rules, origin: "dataset" })],
  ["ended", (n) => ({ principal: "ada", function: "StatisticsBivariate", asked: n - 1, result: hex(n), suite: "masked", cost: { rounds: 4, bytes_sent: 1_846 }, heads: { "clinic-b": { number: 40 + n, hash: hex(n + 1) }, "clinic-c": { number: 12 + n, hash: hex(n + 2) } } })],
  ["refused", () => ({ principal: "mallory", function: "Sort", data: [{ dataset: "trial", columns: ["age"] }], code: "approval_needed" })],
  ["granted", () => ({ request: 3, by: "olga", class: { principal: "ada", function: "SecureSum", dataset: "trial", columns: ["risk"] }, times: 8, expires: 1_796_000_000 })],
];

function log(count) {
  return Array.from({ length: count }, (_, at) => {
    const number = at + 1;
    const [kind, document] = KINDS[at === 0 ? 0 : at === 1 ? 1 : 2 + (at % 4)];
    return { number, previous: number === 1 ? "0".repeat(64) : hex(9_000 + number - 1), hash: hex(9_000 + number), at: Date.now() - (count - at) * 60_000, kind, document: document(number) };
  });
}

/** Returns a node's knowledge in a scene. */
function world(scene) {
  const hostile = scene === "hostile";
  const known = {
    access: "open",
    principal: { name: "anybody", rights: RIGHTS.anybody },
    party: "clinic-a",
    version: "0.1.0",
    members: MEMBERS.map((name) => member(name)),
    datasets: DATASETS,
    functions: FUNCTIONS,
    computations: scene === "empty" ? [] : [slow(), blocked(), ...past()],
    approvals: scene === "empty" ? [] : approvals(),
    audit: log(scene === "empty" ? 1 : 134),
    tokens: {},
    tasks: [],
    days: 364,
  };
  if (scene === "down") {
    known.members[1] = member("clinic-b", {
      state: "down",
      since: ago(95),
      problem: "nobody listens at 127.0.0.1:9002 (connection refused): ask clinic-b whether its node runs, and whether its firewall lets port 9002 through",
      round_trip_seconds: null,
      certificate_days_left: null,
      version: null,
      dials: 19,
    });
    known.members[2] = member("clinic-c", { certificate_days_left: 12, version: "0.2.0" });
  }
  if (scene === "tokens") {
    known.access = "tokens";
    known.tokens = Object.fromEntries(["researcher", "owner", "auditor", "operator"].map((role) => [`cloister_${role}`, { name: role === "researcher" ? "ada" : `${role}-olga`, rights: RIGHTS[role], roles: [role] }]));
  }
  if (scene === "empty") {
    known.datasets = [];
    known.members = [member("clinic-a")];
  }
  if (hostile) {
    const evil = { ...blocked(), function: HOSTILE, principal: HOSTILE, dataset: HOSTILE, step: HOSTILE, network: HOSTILE, members: ["clinic-a", HOSTILE], waiting: { parties: [HOSTILE], for: HOSTILE, since: ago(30) }, rounds: [{ round: 0, stage: HOSTILE, started: 0, ended: null, waited_for: [HOSTILE] }] };
    const failed = { ...past()[0], error: { code: HOSTILE, message: HOSTILE, hint: HOSTILE, party: HOSTILE } };
    const done = { ...past()[2], result: { table: { [HOSTILE]: { [HOSTILE]: 3, __proto__x: 1 } }, histogram: { [HOSTILE]: 3, constructor: 1 }, [HOSTILE]: HOSTILE, mode: HOSTILE }, security: { suite: HOSTILE, adversary: HOSTILE, corruptible: 1, reveals: [HOSTILE] }, disclosure: { profile: HOSTILE, rules: { [HOSTILE]: HOSTILE }, decided_by: { [HOSTILE]: HOSTILE } } };
    known.computations = [evil, failed, done];
    known.members = [member("clinic-a"), { ...member("clinic-b"), name: HOSTILE, link: { ...member("clinic-b").link, state: "down", problem: HOSTILE } }, { ...member("clinic-c"), name: "x".repeat(300) }];
    known.datasets = [{ name: HOSTILE, rows: 10, readable: true, columns: [{ name: HOSTILE, type: HOSTILE, unit: HOSTILE, levels: [HOSTILE, TURNED], missing: HOSTILE }] }, { name: TURNED, rows: 0, columns: [], readable: true }];
    known.functions = [{ ...FUNCTIONS[0], name: HOSTILE, summary: HOSTILE, takes: HOSTILE, suites: [HOSTILE], reveals: [HOSTILE], result_keys: [HOSTILE], parameters: [{ name: HOSTILE, type: HOSTILE, summary: HOSTILE, required: true }] }];
    known.approvals = [{ id: 1, class: { principal: HOSTILE, function: HOSTILE, dataset: HOSTILE, columns: [HOSTILE] }, asked: 1_796_000_000, state: "asked" }, { id: 2, class: { principal: HOSTILE, function: HOSTILE, dataset: HOSTILE, columns: [HOSTILE] }, asked: 1_796_000_000, state: { refused: { by: HOSTILE } } }];
    known.audit = [{ number: 1, previous: "0".repeat(64), hash: hex(1), at: Date.now(), kind: HOSTILE, document: { [HOSTILE]: HOSTILE, principal: HOSTILE, nested: [{ a: HOSTILE }] } }];
  }
  return known;
}

const SUMMARY = ["id", "session", "network", "run", "function", "suite", "principal", "dataset", "members", "helpers", "me", "state", "round", "step", "waiting", "started", "ended", "deadline", "error", "cost"];
const summary = (one) => Object.fromEntries(SUMMARY.map((key) => [key, one[key]]));

/** The objects of the API of clients, as far as the page calls them: their handles are made of what they are. */
const OBJECTS = { Simon: ["create_task"], Datasets: ["select"], task: ["input", "start"] };

const problem = (code, message, hint, party = null) => ({ code, message, hint, party, trace: uuid(5) });

/** The header of an answer that was held back: its number, by which a test knows it among others of its path. */
export const HELD = "x-held";

/** Runs a mock. `scene`: usual, down, tokens, empty, hostile. */
export async function mock({ scene = "usual", port = 0 } = {}) {
  const known = world(scene);
  const streams = new Set();
  const requests = [];
  const held = [];
  const watchers = [];
  let holds = 0;
  let marks = 0;
  let refusing = false;
  const counted = () => watchers.splice(0).forEach((watcher) => watcher());

  const principal = (request) => {
    if (known.access === "open") return known.principal;
    const [, secret] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    return known.tokens[secret] ?? null;
  };
  const can = (who, right) => who.rights.includes(right);
  const sees = (who, one) => one.principal === who.name || can(who, "observe");
  const nodeOf = (who) => ({
    party: known.party,
    version: known.version,
    protocol: 7,
    profile: "production",
    started: ago(8_100),
    now: new Date().toISOString(),
    deadline_seconds: 60,
    consortium: hex(77),
    access: known.access,
    principal: who,
    certificate: { fingerprint: hex(100), words: WORDS, days_left: known.days },
    computations: { running: known.computations.filter((one) => !one.ended).length, waiting: known.computations.filter((one) => one.waiting).length },
    disk_free_bytes: 231_000_000_000,
    memory_bytes: 23_000_000,
  });
  const membersOf = () => ({ members: known.members });
  const computationsOf = (who) => ({ computations: known.computations.filter((one) => sees(who, one)).map(summary) });
  const approvalsOf = () => ({ approvals: known.approvals });
  const auditOf = (first = 1, limit = 100) => {
    const last = known.audit.at(-1);
    return { head: { number: last.number, hash: last.hash }, entries: known.audit.filter((entry) => entry.number >= first).slice(0, limit) };
  };
  const wrongRole = (who, what, role) => [403, problem("wrong_role", `${who.name} may not ${what}`, `this takes a token with the role ${role}: \`cloister token new --name NAME --role ${role}\``)];

  function answer(request, url, body, who) {
    const [, version, section, id] = url.pathname.split("/");
    const method = request.method;
    const wanted = url.searchParams.get("network");
    if (url.pathname === "/openapi.json") return [200, known.openapi ?? OPENAPI];
    if (version === "representations" || version === "representation") {
      if (!can(who, "compute")) return wrongRole(who, "compute", "researcher");
      return represented(method, section, id, body, who);
    }
    if (version !== "v1") return [404, problem("not_found", "there is nothing here", "see /docs")];
    if (section === "node") return [200, nodeOf(who)];
    if (section === "members") return [200, membersOf()];
    if (section === "datasets" && !can(who, "compute")) return wrongRole(who, "compute", "researcher");
    if (section === "datasets") return [200, { datasets: known.datasets }];
    if (section === "functions") return [200, { functions: known.functions }];
    if (section === "computations" && !id) return [200, wanted ? { computations: computationsOf(who).computations.filter((one) => one.network === wanted) } : computationsOf(who)];
    if (section === "computations") {
      const one = known.computations.find((one) => one.id === decodeURIComponent(id) && sees(who, one));
      if (!one) return [404, problem("no_such_computation", "there is no such computation", "list them: GET /v1/computations")];
      if (method === "DELETE") {
        if (one.ended) return [409, problem("already_ended", "the computation has ended", "there is nothing to cancel")];
        change(one.id, { state: "cancelled", ended: new Date().toISOString(), waiting: null, error: { code: "cancelled", message: "clinic-a cancelled the computation", hint: "ask clinic-a why", party: "clinic-a" } });
        return [200, { cancelled: true }];
      }
      const own = one.principal === who.name;
      const selections = own || can(who, "audit") ? one.selections : [];
      return [200, own ? one : { ...one, selections, result: null, security: null, disclosure: null }];
    }
    if (section === "approvals") {
      if (!can(who, "approve")) return wrongRole(who, "decide over others' requests", "owner");
      if (method === "GET") return [200, approvalsOf()];
      const one = known.approvals.find((one) => String(one.id) === id);
      if (!one) return [404, problem("no_such_request", `there is no request ${id}`, "list them: `cloister approvals list`")];
      one.state = body.decision === "grant" ? { granted: { by: who.name, times_left: body.times, expires: Math.floor(Date.now() / 1000) + body.days * 86_400 } } : { refused: { by: who.name } };
      send("approvals", approvalsOf);
      return [200, { decided: true }];
    }
    if (section === "audit") {
      if (!can(who, "audit")) return wrongRole(who, "read the audit log", "auditor");
      if (method === "POST") return [200, known.broken ? { verified: false, entries: 40, problem: "entry 41 does not follow from entry 40" } : { verified: true, entries: known.audit.length, problem: null }];
      return [200, auditOf(Number(url.searchParams.get("first") ?? 1), Number(url.searchParams.get("limit") ?? 100))];
    }
    if (section === "probes") {
      return [
        200,
        {
          from: "clinic-a",
          to: body.member,
          steps: [
            { step: "resolve", verdict: "ok", detail: "127.0.0.1:9002", remedy: null, who: null },
            { step: "tcp", verdict: "failed", detail: "connection refused", remedy: "start the node, or open port 9002 in its firewall", who: "clinic-b" },
            { step: "tls", verdict: "skipped", detail: "", remedy: null, who: null },
            { step: "clock", verdict: "warning", detail: "this machine's clock is 4 s behind", remedy: "let it be set by NTP", who: "clinic-a" },
          ],
          round_trip_seconds: null,
          bytes_per_second: null,
          clock_offset_seconds: null,
        },
      ];
    }
    return [404, problem("not_found", "there is nothing here", "see /docs")];
  }

  /** Plays the way of a client to a task: services, their methods, a selection, a task, its start. */
  function represented(method, handle, attribute, body, who) {
    const uuid = (text) => [200, { type: "uuid", uuid: text }];
    if (method === "POST") return uuid(body.kwargs.protocol ?? body.kwargs.microservice);
    if (method === "DELETE") return [200, { type: "none" }];
    if (method === "GET") return OBJECTS[handle.split("~")[0]]?.includes(attribute) ? uuid(`${handle}.${attribute}`) : [404, problem("no_such_method", `there is no ${attribute}`, "")];
    if (handle === "Datasets.select") return uuid(`selection~${known.tasks.push(body.kwargs) - 1}`);
    if (handle === "Simon.create_task") return uuid(`task~${known.tasks.push(body.kwargs) - 1}`);
    const [, at, called] = /^task~(\d+)\.(\w+)$/.exec(handle) ?? [];
    const task = known.tasks[at];
    if (called === "input") task.data = body.kwargs.data;
    if (called !== "start") return [200, { type: "none" }];
    if (known.refusal) return known.refusal;
    const selection = known.tasks[task.data.representation_uuid?.split("~")[1]];
    const made = computation(1_000 + known.tasks.length, { function: task.microprotocol, principal: who.name, network: task.task_id, state: "connecting", started: 0, dataset: selection?.dataset ?? null, members: task.network.nodes });
    known.computations.unshift(made);
    send("computations", () => ({ computations: [summary(made)] }));
    return [200, { type: "none" }];
  }

  const briefly = (who) => {
    const { now: _now, memory_bytes: _memory, disk_free_bytes: _disk, ...rest } = nodeOf(who);
    return rest;
  };
  const DOCUMENTS = { node: briefly, members: membersOf, computations: computationsOf, approvals: approvalsOf, audit: () => auditOf() };

  function send(event, document = DOCUMENTS[event]) {
    for (const { response, who } of streams) {
      if (event === "approvals" && !can(who, "approve")) continue;
      if (event === "audit" && !can(who, "audit")) continue;
      const text = JSON.stringify(document(who));
      // In pieces, as networks do it.
      const whole = `event: ${event}\ndata: ${text}\n\n`;
      const cut = Math.floor(whole.length / 3);
      response.write(whole.slice(0, cut));
      response.write(whole.slice(cut));
    }
  }

  function change(id, to) {
    const one = known.computations.find((one) => one.id === id);
    Object.assign(one, to);
    send("computations", (who) => ({ computations: sees(who, one) ? [summary(one)] : [] }));
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://node");
    let text = "";
    for await (const part of request) text += part;
    requests.push({ method: request.method, path: url.pathname, body: text });
    if (refusing) return request.socket.destroy();
    response.setHeader("X-Content-Type-Options", "nosniff");
    const page = { "/": "index.html", "/docs": "docs.html" }[url.pathname] ?? /^\/dashboard\/([\w.-]+)$/.exec(url.pathname)?.[1];
    if (page) {
      try {
        const content = await readFile(path.join(FILES, page));
        response.writeHead(200, { "Content-Type": `${TYPES[path.extname(page)]}; charset=utf-8`, "Content-Security-Policy": POLICY, "Cache-Control": "no-cache" });
        return response.end(content);
      } catch {
        return response.writeHead(404).end();
      }
    }
    const write = (status, document) => {
      response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      response.end(JSON.stringify(document));
    };
    const who = principal(request);
    if (!who) return write(401, problem("unauthorized", "this node wants a token", "send it as `Authorization: Bearer …`"));
    if (url.pathname === "/events") {
      if (known.silent) return write(404, problem("not_found", "there is nothing here", ""));
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      const stream = { response, who };
      streams.add(stream);
      response.on("close", () => {
        streams.delete(stream);
        counted();
      });
      response.write(": hello\n\n");
      for (const event of Object.keys(DOCUMENTS)) {
        if ((event === "approvals" && !can(who, "approve")) || (event === "audit" && !can(who, "audit"))) continue;
        response.write(`event: ${event}\ndata: ${JSON.stringify(DOCUMENTS[event](who))}\n\n`);
      }
      counted();
      return undefined;
    }
    let body = null;
    try {
      body = text ? JSON.parse(text) : null;
    } catch {
      return write(400, problem("malformed_request", "this is no JSON", ""));
    }
    const [status, document] = answer(request, url, body, who);
    const at = request.method === "GET" ? held.findIndex((one) => one.path === url.pathname) : -1;
    if (at < 0) return write(status, document);
    // The answer is of now, whatever changes until it is sent.
    const [{ come, released, number }] = held.splice(at, 1);
    const now = structuredClone(document);
    response.setHeader(HELD, number);
    come();
    await released;
    return write(status, now);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const beat = setInterval(() => streams.forEach(({ response }) => response.write(": alive\n\n")), 15_000);
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    known,
    requests,
    send,
    change,
    streams,
    /** Holds back the answer to the next GET of a path: `came` waits for it, `release` sends what was true then. */
    hold: (path) => {
      const one = { path, number: String((holds += 1)) };
      const came = new Promise((resolve) => (one.come = resolve));
      one.released = new Promise((resolve) => (one.release = resolve));
      held.push(one);
      return { came, release: one.release, number: one.number };
    },
    /** Sends a mark to all pages that listen, and returns it: what they show it after, they have taken all before. */
    mark: () => {
      known.version = `0.1.${(marks += 1)}`;
      send("node");
      return known.version;
    },
    /** Waits until this is true of the streams. A new one may begin before an old one is known to have ended. */
    until: async (isTrue) => {
      while (!isTrue(streams)) await new Promise((resolve) => watchers.push(resolve));
    },
    /** Ends all streams, and lets none begin until told otherwise. */
    silence: (silent) => {
      known.silent = silent;
      if (silent) for (const { response } of streams) response.destroy();
    },
    /** Answers nothing at all, as a node that is stopped. */
    stop: (stopped) => {
      refusing = stopped;
      if (stopped) server.closeAllConnections();
    },
    close: () => {
      clearInterval(beat);
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const running = await mock({ port: Number(process.argv[2] ?? 8800), scene: process.argv[3] ?? "usual" });
  console.log(running.url);
}
