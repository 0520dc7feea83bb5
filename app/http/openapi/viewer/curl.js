// A route as a curl command that can be pasted into a shell.

import { exampleOf, resolve } from "./schema.js";

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** One line an option. `server`: its address, without a slash at the end. */
export function curlCommand(root, server, method, path, operation) {
  const filled = path.replace(/{(\w+)}/g, (_, name) => name.toUpperCase());
  const lines = [`curl ${quote(server + filled)}`];
  if (method !== "get" && method !== "post") lines.push(`-X ${method.toUpperCase()}`);
  if ((operation.security ?? root.security ?? []).length) lines.push("-H 'Authorization: Bearer KEY'");
  lines.push(...bodyOptions(root, method, operation));
  if (Object.keys(operation.responses["200"]?.content ?? {}).some((type) => type.startsWith("audio/"))) lines.push("-o speech.wav");
  return lines.join(" \\\n  ");
}

function bodyOptions(root, method, operation) {
  const content = operation.requestBody?.content;
  if (!content) return method === "post" ? ["-X POST"] : [];
  const [mediaType, { schema }] = Object.entries(content)[0];
  const { properties = {}, required = [] } = resolve(root, schema);
  if (mediaType === "multipart/form-data") {
    return required.map((name) => {
      const field = resolve(root, properties[name]);
      const isFile = (field.items ?? field).format === "binary";
      return `-F ${quote(`${name}=${isFile ? "@recording.wav" : exampleOf(root, field)}`)}`;
    });
  }
  if (mediaType !== "application/json") return [`-H ${quote(`Content-Type: ${mediaType}`)}`, "--data-binary @file"];
  return ["-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(exampleOf(root, schema)))}`];
}
