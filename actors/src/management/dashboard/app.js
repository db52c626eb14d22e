// The page: routes, the frame around the views, and what buttons do.

import { approvals, grant, refuse } from "./approvals.js";
import { audit } from "./audit.js";
import { cancelling, computation, computations, heading, running, shown } from "./computations.js";
import { datasets } from "./datasets.js";
import { clean, h, measure, name, patch, say, sentence } from "./dom.js";
import { tick, time } from "./format.js";
import { saveList, saveResult } from "./export.js";
import { functions } from "./functions.js";
import { overview } from "./overview.js";
import { icon, title } from "./parts.js";
import { add, drop, edited, forgetDraft, starting, submit } from "./start.js";
import { computations as known, load, may, observe, openAudit, probe, reload, signIn, signOut, signedIn, start, state, verify, wake, watch } from "./store.js";

const SECTIONS = [
  ["overview", "Overview", overview],
  ["datasets", "Datasets", datasets],
  ["computations", "Computations", computations],
  ["approvals", "Approvals", approvals],
  ["audit", "Audit log", audit],
  ["functions", "Functions", functions],
];

/** A view without a place of its own in the navigation: it belongs to computations. */
const START = ["start", "Start a computation", starting];

let route = parse();
/** The name of the computation that was started here and is shown as soon as the node tells of it. */
let awaited = null;

function parse() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [section = "", id = ""] = path.split("/");
  const of = [...SECTIONS, START].find(([which]) => which === section) ?? SECTIONS[0];
  const isOne = of[0] === "computations" && id !== "";
  let decoded = id;
  try {
    decoded = decodeURIComponent(id);
  } catch {
    // As it stands, it is no id of anything.
  }
  return { section: of[0], id: isOne ? decoded : null, query: new URLSearchParams(query), view: isOne ? computation : of[2], label: of[1] };
}

const byId = (id) => document.getElementById(id);

// Rendering.

let due = null;

function render() {
  due ??= setTimeout(() => {
    due = null;
    draw();
  }, 40);
}

function draw() {
  if (awaited !== null && route.section !== "start") followStarted();
  const main = byId("main");
  document.body.dataset.signed = state.signedOut ? "out" : "in";
  if (state.signedOut) forgetDraft();
  patch(byId("whose"), whose());
  patch(byId("nav"), state.signedOut ? [] : navigation());
  patch(byId("live"), state.signedOut ? [] : live());
  byId("live").dataset.state = state.signedOut ? "none" : state.lost !== null ? "lost" : state.live.state;
  patch(byId("foot"), footer());
  const view = state.signedOut ? [signInForm()] : [lost(), h("div", { class: "view", "data-key": viewKey() }, route.view(route))];
  patch(main, view);
  measure(main);
  theme();
  const of = state.signedOut ? "Sign in" : route.id ? heading(route.id) : route.label;
  const party = state.node ? ` · ${clean(state.node.party)}` : "";
  const name = `${of}${party} · cloister`;
  if (document.title !== name) document.title = name;
}

/** Opens the computation that was started here, once the node tells of it. */
function followStarted() {
  const found = known().find((one) => one.network === awaited && one.principal === state.node?.principal?.name);
  if (!found) return;
  awaited = null;
  location.hash = `#/computations/${encodeURIComponent(found.id)}`;
}

const viewKey = () => `${route.section}${route.id ? ` ${route.id}` : ""}`;

function whose() {
  return state.node ? [h("span", { class: "soft" }, "node of "), name(state.node.party, { class: "name party" })] : [];
}

function navigation() {
  const pending = (state.approvals ?? []).filter((one) => one.state === "asked").length;
  const down = (state.members ?? []).filter((member) => member.link && member.link.state !== "up").length;
  const marks = {
    overview: down ? mark(down, down === 1 ? "link down" : "links down", "bad") : null,
    computations: state.computations && running() ? mark(running(), "running", "busy") : null,
    approvals: pending ? mark(pending, "waiting for you", "warn") : null,
  };
  return h(
    "ul",
    {},
    SECTIONS.map(([which, label]) =>
      h(
        "li",
        { "data-key": which },
        h(
          "a",
          { href: which === "overview" ? "#/" : `#/${which}`, "aria-current": which === route.section ? (route.id ? "true" : "page") : which === "computations" && route.section === "start" ? "true" : null },
          icon(which),
          h("span", { class: "nav-label" }, label),
          marks[which],
          locked(which) ? h("span", { class: "locked soft" }, icon("lock"), h("span", { class: "hidden" }, ", not for your role")) : null,
        ),
      ),
    ),
  );
}

const RIGHTS = { approvals: "approve", audit: "audit" };

const locked = (which) => state.refusals.get(which)?.code === "wrong_role" || (state.node && which in RIGHTS && !may(RIGHTS[which]));

const mark = (number, what, tone) => h("span", { class: "mark-number", "data-tone": tone }, String(number), h("span", { class: "hidden" }, ` ${what}`));

function live() {
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  if (state.lost !== null) return [dot, h("span", {}, "No answer since ", since(state.lost))];
  if (state.live.state === "live") return [dot, h("span", {}, "Live")];
  if (state.live.state === "starting") return [dot, h("span", {}, "Connecting")];
  return [dot, h("span", {}, "Reconnecting since ", since(state.live.since)), h("button", { type: "button", class: "quiet small", "data-do": "wake" }, "Now")];
}

/** Since then by this page's clock, which is not the node's. */
const since = (at) => time(at, "own");

function lost() {
  if (state.lost === null) return null;
  return h(
    "div",
    { class: "banner", "data-key": "lost", role: "group", "aria-label": "No connection" },
    icon("warning"),
    h(
      "div",
      {},
      h("p", { class: "banner-head" }, "This node does not answer since ", since(state.lost), "."),
      h("p", {}, state.node ? "What is shown is what it said before. " : "", "See whether it runs (", h("code", {}, "cloister node"), "), and whether this machine's network reaches it. This page goes on trying."),
    ),
  );
}

function footer() {
  return [
    h("a", { href: "/docs" }, "API documentation"),
    h("span", { class: "soft" }, state.node ? `cloister ${clean(state.node.version)}` : "cloister"),
    signedIn() && !state.signedOut && state.node
      ? h("span", { class: "signed" }, "Signed in as ", name(state.node.principal?.name), " ", h("button", { type: "button", class: "button small", "data-do": "sign-out" }, "Sign out"))
      : null,
  ];
}

function signInForm() {
  return h(
    "div",
    { class: "signin panel", "data-key": "signin" },
    title("Sign in"),
    h("p", {}, "This node lets in all who have a token. Its operator makes one: ", h("code", {}, "cloister token new --name you --role researcher")),
    h(
      "form",
      { "data-do": "sign-in", novalidate: true },
      h("label", { for: "token" }, "Token"),
      h("input", {
        id: "token",
        name: "token",
        type: "password",
        autocomplete: "current-password",
        spellcheck: "false",
        autocapitalize: "off",
        required: true,
        "aria-describedby": "token-problem token-hint",
        "aria-invalid": state.wrongToken ? "true" : null,
      }),
      h("p", { class: "bad", id: "token-problem", role: "alert" }, state.wrongToken ? "The node does not know this token, or it has expired." : null),
      h("p", { class: "soft small", id: "token-hint" }, "It is kept in this tab until you close it or sign out, and sent to this node only."),
      h("button", { type: "submit", class: "button primary" }, "Sign in"),
    ),
  );
}

// Themes: the system's, light, dark.

const THEMES = ["system", "light", "dark"];
const chosen = () => document.documentElement.dataset.theme ?? "system";

function theme() {
  patch(byId("theme"), [icon(chosen()), h("span", { class: "hidden" }, `Theme: ${chosen()}. Change it`)]);
  byId("theme").title = `Theme: ${chosen()}`;
}

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length];
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === "system") localStorage.removeItem("cloister.theme");
    else localStorage.setItem("cloister.theme", next);
  } catch {
    // Then it holds as long as the page.
  }
  theme();
  say(`Theme: ${next}.`);
}

// Actions.

const DEEDS = {
  theme: nextTheme,
  wake: () => {
    wake();
    reload();
  },
  skip: (_, event) => {
    event.preventDefault();
    byId("main").focus();
  },
  "sign-out": () => {
    signOut();
    say("Signed out.");
    focusHeading();
  },
  "sign-in": (form) => {
    const field = form.elements.namedItem("token");
    const secret = field.value.trim();
    if (secret === "") {
      byId("token-problem").textContent = "Enter a token.";
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return;
    }
    field.value = "";
    signIn(secret);
    focusHeading();
  },
  start: async () => {
    const done = submit();
    draw();
    const { network, focus } = (await done) ?? {};
    if (network) {
      awaited = network;
      say("It is started.");
      location.hash = `#/computations?find=${encodeURIComponent(network)}`;
    }
    draw();
    if (focus) byId(focus)?.focus();
  },
  "start-add": (button) => {
    add(button.dataset.what);
    draw();
  },
  "start-drop": (button) => {
    drop(button.dataset.what, Number(button.dataset.at));
    draw();
  },
  export: (button) => {
    const detail = state.details.get(button.dataset.id);
    if (button.dataset.what === "list") saveList(shown(route.query), button.dataset.kind);
    else if (detail) saveResult(detail, button.dataset.kind);
  },
  cancel: (button) => attempt(cancelling(button.dataset.id), "It was not cancelled"),
  grant: (button) => attempt(grant(button.dataset.id), "It was not granted"),
  refuse: (button) => attempt(refuse(button.dataset.id), "It was not refused"),
  verify: (button) => button.getAttribute("aria-disabled") !== "true" && verify(),
  probe: (button) => button.getAttribute("aria-disabled") !== "true" && probe(button.dataset.member),
  copy: async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.text);
      say("Copied.");
    } catch {
      // Without access to the clipboard (plain HTTP from elsewhere), the text is selected to be copied by hand.
      const code = button.parentElement.querySelector("code");
      code.textContent = clean(button.dataset.text);
      getSelection().selectAllChildren(code);
      say("Selected: copy it with the keyboard.");
    }
  },
};

async function attempt(deed, failed) {
  try {
    const done = await deed;
    if (done) say(done);
  } catch (error) {
    complain(failed, error);
  }
}

/** Shows a failed action where it was asked for. */
function complain(failed, error) {
  const dialog = byId("dialog");
  dialog.replaceChildren(
    h(
      "div",
      { class: "dialog-form" },
      h("h2", { id: "dialog-title" }, failed),
      h("p", {}, sentence(error.message)),
      error.hint ? h("p", {}, sentence(error.hint)) : null,
      error.code ? h("p", { class: "soft small" }, "code ", h("code", {}, clean(error.code))) : null,
      h("div", { class: "dialog-buttons" }, h("button", { type: "button", class: "button primary", "data-do": "close" }, "Close")),
    ),
  );
  dialog.showModal();
}

DEEDS.close = () => byId("dialog").close();

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("[data-do]");
  if (target && target.tagName !== "FORM") DEEDS[target.dataset.do]?.(target, event);
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target.closest("[data-do]");
  if (form) DEEDS[form.dataset.do]?.(form, event);
});

document.addEventListener("input", (event) => {
  if (event.target.dataset?.field) {
    edited(event.target);
    return render();
  }
  if (event.target.dataset?.change !== "find") return;
  // Typed text goes with the other choices in the address.
  const query = new URLSearchParams(route.query);
  if (event.target.value) query.set("find", event.target.value);
  else query.delete("find");
  history.replaceState(null, "", query.size > 0 ? `#/${route.section}?${query}` : `#/${route.section}`);
  route = parse();
  render();
});

// Routes.

function focusHeading() {
  draw();
  byId("main").querySelector("h1")?.focus({ preventScroll: true });
}

function opened() {
  watch(route.id);
  // Asked for even where it is another principal's: the node says whose.
  if (route.section === "approvals" && !state.approvals && !state.signedOut) load("approvals");
  // No event tells of datasets.
  if (route.section === "datasets" && state.datasets) load("datasets");
  if (route.section === "audit") openAudit(route.query.has("first") ? Math.max(1, Number(route.query.get("first")) || 1) : null);
}

window.addEventListener("hashchange", () => {
  const before = viewKey();
  route = parse();
  opened();
  if (viewKey() === before) return draw();
  focusHeading();
  window.scrollTo(0, 0);
});

window.addEventListener("online", wake);
window.addEventListener("resize", () => measure(byId("main")));
// An element could not be measured before it was opened.
document.addEventListener("toggle", (event) => event.target instanceof Element && measure(event.target), true);
setInterval(() => {
  tick(document);
  if (document.querySelector(".run, .lanes .open") && !document.hidden) render();
}, 1_000);

observe(render);
opened();
start();
draw();
