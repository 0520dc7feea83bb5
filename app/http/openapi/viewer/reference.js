// Draws /docs from the OpenAPI document of the server that the page came from.

import { curlCommand } from "./curl.js";
import { boundsInWords, meaningOf, resolve, typeInWords } from "./schema.js";

/** An element; strings among `children` become text, never markup. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Text with `code` in backticks. */
function prose(text = "") {
  return text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

function sentence(text = "") {
  return text && !/[.!?]$/.test(text) ? `${text}.` : text;
}

function fieldRow(root, name, schema, isRequired, where) {
  const field = resolve(root, schema);
  const bounds = boundsInWords(root, schema);
  if (field.default !== undefined && field.default !== null) bounds.push(`${JSON.stringify(field.default)} by default`);
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, el("code", {}, name), isRequired ? el("span", { class: "required" }, "required") : null),
    el("td", {}, where ? `${where}: ` : "", typeInWords(root, schema), bounds.map((bound) => el("span", { class: "bounds" }, bound))),
    el("td", {}, prose(sentence(meaningOf(root, schema)))),
  );
}

function fieldTable(caption, rows) {
  const head = ["Field", "Type", "Meaning"].map((title) => el("th", { scope: "col" }, title));
  const table = el("table", { "aria-label": caption }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, table);
}

function schemaTable(root, caption, schema) {
  const rows = schemaRows(root, schema);
  return rows.length ? fieldTable(caption, rows) : null;
}

/** Required fields first; fields of an object follow it, as `error.code`. */
function schemaRows(root, schema, prefix = "") {
  const { properties = {}, required = [] } = resolve(root, schema);
  const names = Object.keys(properties).sort((one, other) => required.includes(other) - required.includes(one));
  return names.flatMap((name) => [
    fieldRow(root, prefix + name, properties[name], required.includes(name)),
    ...schemaRows(root, listed(root, properties[name]), `${prefix}${name}.`),
  ]);
}

function listed(root, schema) {
  const { items, anyOf, ...plain } = resolve(root, schema);
  const inner = items ?? anyOf?.find((option) => option.$ref);
  return inner ? listed(root, inner) : plain;
}

function request(root, operation) {
  const parts = [];
  if (operation.parameters) {
    const rows = operation.parameters.map((each) => fieldRow(root, each.name, { ...each.schema, description: each.description }, each.required, each.in));
    parts.push(el("h4", {}, "Parameters"), fieldTable("Parameters", rows));
  }
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  for (const [index, [mediaType, { schema }]] of bodies.entries()) {
    const table = schemaTable(root, `Body as ${mediaType}`, schema);
    if (index === 0) parts.push(el("h4", {}, "Body, ", el("code", {}, mediaType)), table ?? el("p", {}, typeInWords(root, schema)));
    else parts.push(el("details", {}, el("summary", {}, "Or ", el("code", {}, mediaType)), table ?? el("p", {}, typeInWords(root, schema))));
  }
  return parts;
}

function responses(root, operation) {
  return Object.entries(operation.responses).map(([status, response]) => {
    const content = Object.entries(response.content ?? {});
    const headers = Object.entries(response.headers ?? {}).map(([name, header]) => fieldRow(root, name, { ...resolve(root, header).schema, description: resolve(root, header).description }, false));
    return el(
      "details",
      {},
      el("summary", {}, el("strong", {}, status), " ", prose(sentence(response.description))),
      content.length ? el("p", { class: "note" }, content.map(([type]) => type).join(", ")) : null,
      content.map(([type, { schema }]) => schemaTable(root, `${status} as ${type}`, schema)),
      headers.length ? fieldTable(`Headers of ${status}`, headers) : null,
    );
  });
}

function copyable(text, what) {
  const button = el("button", { type: "button", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    const status = document.getElementById("status");
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = `${what} copied.`;
      button.textContent = "Copied";
    } catch {
      // Browsers give the clipboard to secure origins only: the text is then marked, to be copied by hand.
      getSelection().selectAllChildren(button.previousElementSibling);
      status.textContent = `${what} is marked: copy it with the keyboard.`;
    }
  });
  return el("div", { class: "code" }, el("pre", {}, el("code", {}, text)), button);
}

function routeArticle(root, server, { path, method, operation }) {
  const command = curlCommand(root, server, method, path, operation);
  return el(
    "article",
    { id: operation.operationId, "aria-labelledby": `${operation.operationId}-name` },
    el("h3", { id: `${operation.operationId}-name` }, el("span", { class: `method ${method}` }, method.toUpperCase()), path),
    el("p", {}, prose(sentence(operation.summary))),
    operation.description ? el("p", {}, prose(operation.description)) : null,
    request(root, operation),
    el("h4", {}, "From a shell"),
    copyable(command, `The command for ${method.toUpperCase()} ${path}`),
    el("h4", {}, "Answers"),
    responses(root, operation),
  );
}

/** `documentAddress`: where `root` came from. Its server is relative to that, and may have a path behind a proxy. */
function draw(root, documentAddress) {
  const server = new URL(root.servers[0].url, documentAddress).href.replace(/\/$/, "");
  const routes = Object.entries(root.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
  );
  document.title = `${root.info.title}: API reference`;
  document.getElementById("version").textContent = root.info.version;
  document.getElementById("about").textContent = root.info.description;
  for (const tag of root.tags) {
    const tagged = routes.filter(({ operation }) => operation.tags?.[0] === tag.name);
    if (!tagged.length) continue;
    const links = tagged.map(({ path, method, operation }) =>
      el("li", {}, el("a", { href: `#${operation.operationId}` }, el("span", { class: `method ${method}` }, method.toUpperCase()), path)),
    );
    document.getElementById("contents").append(el("p", {}, tag.name), el("ul", {}, links));
    const heading = el("h2", { id: `tag-${tag.name}` }, tag.name);
    const articles = tagged.map((route) => routeArticle(root, server, route));
    document.getElementById("routes").append(
      el("section", { "aria-labelledby": heading.id }, heading, el("p", {}, prose(tag.description)), articles),
    );
  }
  // The browser looked for the route in the address before it was drawn.
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  const answer = await fetch("docs/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  draw(await answer.json(), answer.url);
} catch (error) {
  const about = document.getElementById("about");
  about.className = "failed";
  about.textContent = `The description of this server could not be read: ${error.message}. Load the page again to try once more.`;
}
