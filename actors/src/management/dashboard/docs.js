// Shows /openapi.json readably: every path, parameter, schema and example.

import { get } from "./api.js";
import { clean, h, measure, patch } from "./dom.js";
import { badge, slug, table, trouble, wide } from "./parts.js";

const VERBS = ["get", "put", "post", "patch", "delete", "head", "options", "trace"];
/** Schemas inside schemas that are written out; deeper ones are linked or named. */
const DEEPEST = 6;

let description = null;
let sought = "";

const main = document.getElementById("main");
const toc = document.getElementById("toc");

/** Returns the target of `$ref` in this document. */
function resolve(value) {
  let at = value;
  for (let hops = 0; at && typeof at === "object" && typeof at.$ref === "string" && hops < 8; hops += 1) {
    if (!at.$ref.startsWith("#/")) return at;
    const path = at.$ref.slice(2).split("/").map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
    at = path.reduce((found, part) => (found && Object.hasOwn(found, part) ? found[part] : null), description);
  }
  return at;
}

const refName = (value) => (typeof value?.$ref === "string" ? value.$ref.split("/").at(-1) : null);
const schemaId = (name) => `schema-${slug(name)}`;
const operationId = (verb, path) => `${verb}-${slug(path)}`;

/** All operations in the document's order. */
function operations() {
  return Object.entries(description.paths ?? {}).flatMap(([path, told]) => {
    const item = resolve(told) ?? {};
    return VERBS.filter((verb) => item[verb]).map((verb) => ({
      verb,
      path,
      operation: item[verb],
      tag: item[verb].tags?.[0] ?? "",
      parameters: merged(item.parameters ?? [], item[verb].parameters ?? []),
    }));
  });
}

/** Parameters of a path and of its operation, which go before. */
function merged(shared, own) {
  const known = new Map();
  for (const told of [...shared, ...own]) {
    const one = resolve(told);
    if (one) known.set(`${one.in} ${one.name}`, one);
  }
  return [...known.values()];
}

/** Paragraphs, lists, code: what descriptions in OpenAPI use of Markdown, as elements. */
function prose(text) {
  if (!text) return null;
  const blocks = String(text).split(/\n{2,}/);
  return h("div", { class: "prose" }, blocks.map(block));
}

function block(text) {
  const fence = /^```\w*\n([\s\S]*?)\n?```$/.exec(text.trim());
  if (fence) return h("pre", { class: "wide", "data-label": "example" }, clean(fence[1]));
  const lines = text.split("\n");
  if (lines.every((line) => /^\s*[-*] /.test(line))) {
    return h("ul", { class: "reveals" }, lines.map((line) => h("li", {}, inline(line.replace(/^\s*[-*] /, "")))));
  }
  return h("p", {}, inline(lines.join(" ")));
}

/** `code` and **strong** within a line. */
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 1) return h("code", {}, clean(part.slice(1, -1)));
    if (part.startsWith("**") && part.length > 3) return h("strong", {}, clean(part.slice(2, -2)));
    return clean(part);
  });
}

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** A type in a few words. */
function kind(told) {
  const name = refName(told);
  if (name) return h("a", { href: `#${schemaId(name)}` }, clean(name));
  const schema = told ?? {};
  if (schema === true || Object.keys(schema).length === 0) return "anything";
  if (schema.const !== undefined) return [h("code", {}, clean(JSON.stringify(schema.const)))];
  if (schema.enum) return schema.enum.flatMap((one, at) => [at ? " or " : "", h("code", {}, clean(JSON.stringify(one)))]);
  for (const [of, between] of [["oneOf", " or "], ["anyOf", " or "], ["allOf", " and "]]) {
    if (Array.isArray(schema[of])) return schema[of].flatMap((one, at) => [at ? between : "", kind(one)]);
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? (schema.properties ? "object" : schema.items ? "array" : "anything")];
  const words = types.flatMap((type, at) => {
    const word = type === "array" && schema.items ? ["list of ", kind(schema.items)] : type === "object" && valueOf(schema) ? ["object of ", kind(valueOf(schema))] : [clean(type)];
    return [at ? " or " : "", ...word];
  });
  const limits = [
    schema.format,
    schema.pattern ? `pattern ${schema.pattern}` : null,
    schema.minimum !== undefined ? `from ${schema.minimum}` : null,
    schema.maximum !== undefined ? `to ${schema.maximum}` : null,
    schema.minLength !== undefined ? `${schema.minLength} characters at least` : null,
    schema.maxLength !== undefined ? `${schema.maxLength} characters at most` : null,
    schema.maxItems !== undefined ? `${schema.maxItems} at most` : null,
    schema.default !== undefined ? `${JSON.stringify(schema.default)} where nothing is said` : null,
    schema.nullable ? "or null" : null,
  ].filter(Boolean);
  return [...words, limits.length ? `, ${clean(limits.join(", "))}` : null];
}

const valueOf = (schema) => (schema.additionalProperties && typeof schema.additionalProperties === "object" && !schema.properties ? schema.additionalProperties : null);

/** The parts of a schema, written out. */
function fields(told, depth = 0) {
  const schema = refName(told) && depth > 0 ? null : resolve(told);
  if (!schema || typeof schema !== "object" || depth > DEEPEST) return null;
  const inner = schema.items ?? valueOf(schema);
  const parts = schema.properties
    ? Object.entries(schema.properties).map(([name, one]) => field(name, one, schema.required?.includes(name), depth))
    : [];
  const choices = ["oneOf", "anyOf", "allOf"].flatMap((of) => schema[of] ?? []).filter((one) => !refName(one) && (one.properties || one.items));
  const nested = [...(inner && !refName(inner) ? [fields(inner, depth + 1)] : []), ...choices.map((one) => fields(one, depth + 1))].filter(Boolean);
  if (parts.length === 0) return nested.length ? nested : null;
  return [h("ul", { class: "schema" }, parts), nested];
}

function field(name, told, required, depth) {
  const schema = told ?? {};
  return h(
    "li",
    {},
    h("code", {}, clean(name)),
    " ",
    h("span", { class: "kind" }, kind(schema)),
    required === false || required === undefined ? null : h("span", { class: "kind" }, ", always there"),
    schema.description ? [": ", inline(String(schema.description).replaceAll("\n", " "))] : null,
    schema.example !== undefined ? h("span", { class: "kind" }, " e.g. ", h("code", {}, clean(JSON.stringify(schema.example)))) : null,
    refName(schema) ? null : fields(schema, depth + 1),
  );
}

/** Examples of a body or a parameter, of whatever form. */
function examples(of, label) {
  const schema = resolve(of.schema) ?? {};
  const found = [];
  if (of.example !== undefined) found.push(["Example", of.example]);
  for (const [name, told] of Object.entries(of.examples ?? {})) {
    const one = resolve(told);
    if (one?.value !== undefined) found.push([one.summary ?? name, one.value]);
  }
  if (found.length === 0 && schema.example !== undefined) found.push(["Example", schema.example]);
  if (found.length === 0 && Array.isArray(schema.examples) && schema.examples.length) found.push(["Example", schema.examples[0]]);
  return found.map(([name, value]) =>
    h("figure", { class: "part" }, h("figcaption", { class: "soft small" }, clean(name)), h("pre", { class: "wide", "data-label": `${clean(name)}: ${label}` }, clean(written(value)))),
  );
}

function content(of, label) {
  return Object.entries(of ?? {}).map(([type, media]) => [
    h("p", { class: "small" }, h("code", {}, clean(type)), media.schema ? [": ", kind(media.schema)] : null),
    media.schema ? fields(media.schema, refName(media.schema) ? 1 : 0) : null,
    examples(media, label),
  ]);
}

const PLACES = { path: "in the path", query: "after ?", header: "header", cookie: "cookie" };

function operation({ verb, path, operation: told, parameters }) {
  const id = operationId(verb, path);
  const label = `${verb.toUpperCase()} ${path}`;
  const body = resolve(told.requestBody);
  return h(
    "article",
    { class: "panel operation", id, "aria-labelledby": `${id}-heading` },
    h("h2", { id: `${id}-heading` }, h("span", { class: "verb", "data-verb": verb }, verb), h("code", {}, clean(path)), told.deprecated ? badge("going away", "warn") : null),
    told.summary ? h("p", { class: "summary" }, h("strong", {}, inline(told.summary))) : null,
    prose(told.description),
    parameters.length
      ? [
          h("h3", {}, "Parameters"),
          table({
            caption: `Parameters of ${clean(label)}`,
            head: ["Name", "Where", "Type", "Meaning"],
            stack: true,
            rows: parameters.map((one) => ({
              key: `${one.in} ${one.name}`,
              cells: [
                h("code", {}, clean(one.name)),
                [PLACES[one.in] ?? clean(one.in), one.required ? h("span", { class: "warn" }, ", required") : null],
                h("span", {}, kind(one.schema)),
                [
                  inline(String(one.description ?? "").replaceAll("\n", " ")),
                  one.example !== undefined || resolve(one.schema)?.example !== undefined
                    ? h("span", { class: "kind" }, " e.g. ", h("code", {}, clean(written(one.example ?? resolve(one.schema).example))))
                    : null,
                ],
              ],
            })),
          }),
        ]
      : null,
    body ? [h("h3", {}, "Body", body.required ? null : h("span", { class: "soft" }, ", may be left out")), prose(body.description), content(body.content, `body of ${clean(label)}`)] : null,
    h("h3", {}, "Answers"),
    Object.entries(told.responses ?? {}).map(([status, answer]) => {
      const one = resolve(answer) ?? {};
      return h(
        "div",
        { class: "answer" },
        h("h4", {}, badge(status, status.startsWith("2") ? "ok" : status.startsWith("3") ? "busy" : "bad"), h("span", {}, inline(String(one.description ?? "").replaceAll("\n", " ")))),
        headersOf(one, label, status),
        status.startsWith("2") ? content(one.content, `answer ${status} of ${clean(label)}`) : folded(one.content, `answer ${status} of ${clean(label)}`),
      );
    }),
  );
}

/** A folded part, which most readers need not see at once. */
function folded(of, label) {
  if (!of || Object.keys(of).length === 0) return null;
  return h("details", { class: "disclose" }, h("summary", {}, "Form and examples", h("span", { class: "hidden" }, `: ${label}`)), content(of, label));
}

function headersOf(one) {
  const list = Object.entries(one.headers ?? {});
  if (list.length === 0) return null;
  return h("ul", { class: "schema" }, list.map(([name, told]) => h("li", {}, "header ", h("code", {}, clean(name)), " ", inline(String(resolve(told)?.description ?? "").replaceAll("\n", " ")))));
}

function schemas() {
  const list = Object.entries(description.components?.schemas ?? {});
  if (list.length === 0) return null;
  return list.map(([name, schema]) =>
    h(
      "article",
      { class: "panel operation", id: schemaId(name), "aria-labelledby": `${schemaId(name)}-heading` },
      h("h2", { id: `${schemaId(name)}-heading` }, h("span", { class: "verb" }, "schema"), h("code", {}, clean(name))),
      prose(schema.description),
      h("p", { class: "small kind" }, kind(schema)),
      fields(schema),
      examples({ schema }, `schema ${clean(name)}`),
    ),
  );
}

function contents(list) {
  const tags = [...new Set(list.map((one) => one.tag))];
  const found = list.filter(fits);
  return h(
    "div",
    {},
    h("label", { class: "hidden", for: "find" }, "Find an operation"),
    h("input", { id: "find", type: "search", placeholder: "Find …", autocomplete: "off", spellcheck: "false" }),
    h("p", { class: "hidden", role: "status" }, sought ? `${found.length} of ${list.length} operations` : null),
    tags.map((tag) => {
      const of = found.filter((one) => one.tag === tag);
      if (of.length === 0) return null;
      return h(
        "section",
        { "data-key": `tag ${tag}` },
        h("h2", {}, clean(tag || "Operations")),
        h("ul", {}, of.map(({ verb, path }) => h("li", {}, h("a", { href: `#${operationId(verb, path)}` }, h("span", { class: "verb", "data-verb": verb }, verb), h("span", {}, clean(path)))))),
      );
    }),
  );
}

const fits = ({ verb, path, operation: told }) => sought === "" || `${verb} ${path} ${told.summary ?? ""} ${told.description ?? ""}`.toLowerCase().includes(sought);

function draw() {
  const list = operations();
  const { info = {}, servers = [] } = description;
  patch(toc, contents(list));
  patch(
    main,
    h(
      "div",
      { class: "view" },
      h("div", { class: "title" }, h("h1", { tabindex: "-1" }, clean(info.title ?? "API"), info.version ? h("span", { class: "soft" }, ` ${clean(info.version)}`) : null)),
      info.description ? h("div", { class: "panel" }, prose(info.description)) : null,
      servers.length > 1 ? wide("Servers", h("p", { class: "soft" }, servers.map((one) => one.url).join(", "))) : null,
      authentication(),
      list.map(operation),
      schemas(),
    ),
  );
  measure(main);
}

function authentication() {
  const list = Object.entries(description.components?.securitySchemes ?? {});
  if (list.length === 0) return null;
  return h(
    "section",
    { class: "panel", "aria-labelledby": "authentication" },
    h("h2", { id: "authentication" }, "Who calls"),
    h("ul", { class: "schema" }, list.map(([name, told]) => h("li", {}, h("code", {}, clean(name)), " ", h("span", { class: "kind" }, clean([told.type, told.scheme].filter(Boolean).join(", "))), told.description ? [": ", inline(told.description.replaceAll("\n", " "))] : null))),
  );
}

window.addEventListener("resize", () => measure(main));
document.addEventListener("toggle", (event) => event.target instanceof Element && measure(event.target), true);

document.addEventListener("input", (event) => {
  if (event.target.id !== "find") return;
  sought = event.target.value.trim().toLowerCase();
  patch(toc, contents(operations()));
});

try {
  description = await get("/openapi.json");
  draw();
  // The browser looked for the fragment before there was one.
  const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  if (target) location.replace(location.hash);
} catch (error) {
  const signIn = error.status === 401 ? h("p", {}, h("a", { href: "/" }, "Sign in"), " first, in this tab.") : null;
  patch(main, h("div", { class: "view" }, h("h1", { tabindex: "-1" }, "API"), trouble(error, "The description is not there"), signIn));
}
