// Elements, and how they are updated in place.
//
// Views are functions from what is known to a tree of elements. `patch` makes the page like such a tree by
// changing what differs: elements keep their identity, and with it focus, selection, what was typed, and whether
// they are open. Text only ever becomes a text node, so that no name of a peer or a dataset is read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Attributes that are null, undefined or false are left out. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same, of SVG. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Invisible characters that change the visible text: controls, and those that turn the direction of writing. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A text from elsewhere as it may be shown: what cannot be seen is written out. */
export function clean(text) {
  const escaped = (c) => `\\u{${c.codePointAt(0).toString(16)}}`;
  return String(text ?? "").replace(UNSEEN, escaped);
}

/** A name from elsewhere: its direction of writing stays its own. */
export function name(text, attributes) {
  return h("bdi", { class: "name", ...attributes }, clean(text));
}

/** A sentence from elsewhere: what stands between backticks is code. */
export const sentence = (text) =>
  clean(text)
    .split(/(`[^`]+`)/)
    .map((part) => (part.length > 1 && part.startsWith("`") ? h("code", {}, part.slice(1, -1)) : part));

const memos = new WeakMap();

/** An element that is made only where it is new, or what it is `of` is another than before. */
export function memo(tag, keyed, of, build) {
  const stub = h(tag, { "data-key": keyed, "data-memo": true });
  memos.set(stub, { of, build });
  return stub;
}

/** Makes what is new and was put off. */
function expand(node) {
  if (node.nodeType !== 1) return;
  for (const stub of [node, ...node.querySelectorAll("[data-memo]")]) {
    const kept = memos.get(stub);
    if (kept && !stub.hasChildNodes()) update(stub, kept.build(), true);
  }
}

const key = (node) => (node.nodeType === 1 ? node.getAttribute("data-key") || node.id || null : null);
const alike = (old, made) => old.nodeName === made.nodeName && key(old) === key(made);

/** Makes the children of `parent` like these. Focus stays where it is, or goes to the nearest heading. */
export function patch(parent, children) {
  const list = document.createDocumentFragment();
  append(list, [children]);
  const focused = document.activeElement;
  const within = focused && focused !== document.body && parent.contains(focused);
  const path = within ? ancestors(focused, parent) : [];
  merge(parent, list);
  if (within && !parent.contains(focused)) refocus(path, parent);
}

function ancestors(element, end) {
  const path = [];
  for (let at = element.parentElement; at; at = at.parentElement) {
    path.push(at);
    if (at === end) break;
  }
  return path;
}

/** Moves the focus from a removed element to the heading of the nearest one that is still there. */
function refocus(path, parent) {
  for (const at of path) {
    if (!parent.contains(at)) continue;
    const heading = at.querySelector("h1[tabindex], h2[tabindex], h3[tabindex]");
    if (heading) return heading.focus({ preventScroll: true });
  }
}

function merge(parent, made) {
  const keyed = new Map();
  for (const old of parent.childNodes) {
    const of = key(old);
    if (of !== null && !keyed.has(of)) keyed.set(of, old);
  }
  let at = parent.firstChild;
  for (const node of [...made.childNodes]) {
    const of = key(node);
    let old = of === null ? at : keyed.get(of);
    if (of === null) while (old && !alike(old, node)) old = key(old) === null ? null : old.nextSibling;
    if (old && alike(old, node)) {
      keyed.delete(of);
      at = place(parent, old, at);
      update(old, node);
    } else {
      expand(node);
      parent.insertBefore(node, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Brings `old` to where `at` is and returns what comes after. What has the focus is not moved: the rest is. */
function place(parent, old, at) {
  if (old === at) return at.nextSibling;
  if (old.contains(document.activeElement)) {
    while (at !== old) {
      const next = at.nextSibling;
      parent.append(at);
      at = next;
    }
    return old.nextSibling;
  }
  parent.insertBefore(old, at);
  return at;
}

/** Returns whether an attribute is the reader's (opened, typed) or was measured; rendering leaves those alone. */
function theirs(element, attribute) {
  if (attribute === "open") return true;
  if (attribute === "value") return element.nodeName === "INPUT";
  if (attribute === "checked" || attribute === "selected") return true;
  return element.classList.contains("wide") && ["tabindex", "role", "aria-label"].includes(attribute);
}

function update(old, made, building = false) {
  if (old.nodeType !== 1) {
    if (old.data !== made.data) old.data = made.data;
    return;
  }
  const kept = memos.get(made);
  if (kept) {
    if (memos.get(old)?.of === kept.of) return;
    memos.set(old, kept);
    update(old, kept.build(), true);
    return;
  }
  for (const { name: attribute, value } of [...made.attributes]) {
    if (!theirs(old, attribute) && old.getAttribute(attribute) !== value) old.setAttribute(attribute, value);
  }
  for (const { name: attribute } of [...old.attributes]) {
    const stays = theirs(old, attribute) || (building && (attribute === "data-memo" || attribute === "data-key"));
    if (!stays && !made.hasAttribute(attribute)) old.removeAttribute(attribute);
  }
  if (old.nodeName !== "TEXTAREA") merge(old, made);
}

/** Lets elements that are wider than their place scroll by keyboard; others are no stop on the way. */
export function measure(root) {
  for (const element of root.querySelectorAll(".wide")) {
    const wider = element.scrollWidth > element.clientWidth + 1;
    if (wider === element.hasAttribute("tabindex")) continue;
    const set = { tabindex: "0", role: "region", "aria-label": element.dataset.label };
    for (const [attribute, value] of Object.entries(set)) {
      if (wider) element.setAttribute(attribute, value);
      else element.removeAttribute(attribute);
    }
  }
}

let saying = 0;

/** Tells screen readers, politely. What comes in quick succession is told together. */
export function say(text) {
  const region = document.getElementById("said");
  if (!region) return;
  const waiting = region.dataset.next ? `${region.dataset.next} ` : "";
  region.dataset.next = waiting + text;
  clearTimeout(saying);
  saying = setTimeout(() => {
    region.textContent = region.dataset.next;
    delete region.dataset.next;
  }, 250);
}

/** Asks in a dialog. Resolves with the form's fields, or null if it is left. */
export function ask({ title, body, fields, confirm, danger, keep }) {
  const dialog = document.getElementById("dialog");
  const form = h(
    "form",
    { class: "dialog-form", novalidate: true },
    h("h2", { id: "dialog-title" }, title),
    body,
    fields ?? null,
    h("p", { class: "dialog-problem", role: "alert" }),
    h(
      "div",
      { class: "dialog-buttons" },
      h("button", { type: "button", class: "button", "data-leave": true, autofocus: danger }, keep ?? "Back"),
      h("button", { type: "submit", class: danger ? "button danger" : "button primary" }, confirm),
    ),
  );
  dialog.replaceChildren(form);
  return new Promise((resolve) => {
    const settle = (answer) => {
      dialog.removeEventListener("close", left);
      resolve(answer);
    };
    // All questions share one dialog, and its event comes some time after it has closed: by then the next question
    // may be open, which the event is not about.
    const left = () => {
      if (!(dialog.open && form.isConnected)) settle(null);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const wrong = [...form.elements].find((field) => !field.checkValidity());
      if (wrong) {
        form.querySelector(".dialog-problem").textContent = wrong.dataset.wrong ?? wrong.validationMessage;
        wrong.setAttribute("aria-invalid", "true");
        wrong.focus();
        return;
      }
      settle(Object.fromEntries(new FormData(form)));
      dialog.close();
    });
    form.querySelector("[data-leave]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", left);
    dialog.showModal();
  });
}
