// JSON Schema in words: what a field may be, its bounds, and an example of it.

/** Follows `$ref`; what stands beside it (a description, a default) wins. */
export function resolve(root, schema) {
  if (!schema?.$ref) return schema ?? {};
  const { $ref, ...beside } = schema;
  const target = $ref.slice(2).split("/").reduce((node, key) => node[key], root);
  return { ...resolve(root, target), ...beside };
}

/** A schema that may be null, without the null. */
function withoutNull(root, schema) {
  const { anyOf, ...beside } = resolve(root, schema);
  if (!anyOf) return { options: [beside], nullable: false };
  const options = anyOf.map((option) => ({ ...beside, ...resolve(root, option) }));
  return { options: options.filter((option) => option.type !== "null"), nullable: options.some((option) => option.type === "null") };
}

/** What a field means: said of it, or of what it is when it is not null. */
export function meaningOf(root, schema) {
  const { description, anyOf = [] } = resolve(root, schema);
  return description ?? anyOf.find((option) => option.description)?.description ?? "";
}

/** "integer or null", "array of string". */
export function typeInWords(root, schema) {
  const { options, nullable } = withoutNull(root, schema);
  const names = options.map((option) => {
    if (option.type === "array") return `array of ${typeInWords(root, option.items)}`;
    if (option.format === "binary") return "file";
    return option.type ?? (option.enum ? "string" : "any");
  });
  return [...names, ...(nullable ? ["null"] : [])].join(" or ");
}

/** "0.5 to 2", "1 to 16 of them", "one of wav, mp3": a list, empty where everything goes. */
export function boundsInWords(root, schema) {
  return withoutNull(root, schema).options.flatMap((option) => {
    const bounds = [];
    if (option.enum) bounds.push(`one of ${option.enum.join(", ")}`);
    if ("const" in option) bounds.push(`only ${option.const}`);
    bounds.push(range(option.minimum, option.maximum, option.exclusiveMinimum));
    bounds.push(range(option.minLength, option.maxLength, undefined, "characters"));
    bounds.push(range(option.minItems, option.maxItems, undefined, "of them"));
    if (option.contentEncoding) bounds.push(option.contentEncoding);
    return bounds.filter(Boolean);
  });
}

function range(low, high, above, unit = "") {
  const from = low ?? above;
  const lowest = above === undefined ? `${low}` : `above ${above}`;
  if (from === undefined && high === undefined) return "";
  if (high === undefined && low === 1 && unit === "characters") return "not empty";
  if (high === undefined) return `${above === undefined ? `at least ${low}` : lowest} ${unit}`.trim();
  if (from === undefined) return `at most ${high} ${unit}`.trim();
  return `${lowest} to ${high} ${unit}`.trim();
}

/** Fields that an object must have, with the first of its alternatives (`oneOf`). */
function requiredOf({ required = [], oneOf = [] }) {
  return [...required, ...(oneOf[0]?.required ?? [])];
}

/** A value that the server takes: what the document gives as an example, else the least that is allowed. */
export function exampleOf(root, schema) {
  const option = withoutNull(root, schema).options[0] ?? {};
  if (option.examples) return option.examples[0];
  if ("const" in option) return option.const;
  if (option.default !== undefined && option.default !== null) return option.default;
  if (option.enum) return option.enum[0];
  if (option.type === "array") return [exampleOf(root, option.items)];
  if (option.type === "object") {
    return Object.fromEntries(requiredOf(option).map((name) => [name, exampleOf(root, option.properties[name])]));
  }
  if (option.type === "number" || option.type === "integer") return option.minimum ?? 1;
  if (option.type === "boolean") return false;
  return option.contentEncoding === "base64" ? "UklGR…" : "…";
}
