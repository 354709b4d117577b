// A search space as its YAML form, walked for a form that asks a person for one point of it.
// A draft holds what was typed, by path: text for numbers, the position in `values` for choices.

const isMapping = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isDomain = (value) => isMapping(value) && typeof value.type === "string";
/** A parameter's name can stand for several, one in each branch of a choice: then its bounds are those of all of them. */
const OWN_BOUNDS = {
  float: ({ low, high }) => [low, high],
  int: ({ low, high }) => [low, high],
  uniform: ({ min_value: low, max_value: high }) => [low, high],
  randint: ({ upper }) => [0, upper - 1],
};
const INTEGERS = new Set(["int", "randint"]);

/** `{fields, params, problems}`: what to ask for now, the point that the draft describes, what is wrong by path. */
export function readDraft(space, dimensions, draft) {
  const bounds = new Map(dimensions.map((one) => [one.name, one]));
  const found = { fields: [], problems: new Map() };
  const params = {};
  for (const [name, domain] of Object.entries(space)) params[name] = walk(domain, { path: name, name, depth: 0 }, draft, bounds, found);
  return { ...found, params };
}

function walk(node, at, draft, bounds, found) {
  if (!isMapping(node)) return node;
  if (!isDomain(node)) return group(node, at, at.path, draft, bounds, found);
  if (node.type !== "choice") return readNumber(node, at, draft, bounds, found);
  const chosen = Number(draft[at.path] ?? 0);
  found.fields.push({ ...at, kind: "category", choices: node.values.map(choiceText), value: chosen });
  const option = node.values[chosen];
  return isMapping(option) ? group(option, { ...at, depth: at.depth + 1 }, `${at.path}.values[${chosen}]`, draft, bounds, found) : option;
}

function group(node, at, path, draft, bounds, found) {
  const value = {};
  for (const [key, inner] of Object.entries(node))
    value[key] = walk(inner, { path: `${path}.${key}`, name: `${at.name}.${key}`, depth: at.depth }, draft, bounds, found);
  return value;
}

function readNumber(node, at, draft, bounds, found) {
  const known = bounds.get(at.name) ?? {};
  const kind = INTEGERS.has(node.type) ? "integer" : "number";
  const [low, high] = OWN_BOUNDS[node.type]?.(node) ?? [known.low ?? null, known.high ?? null];
  const text = draft[at.path] ?? "";
  found.fields.push({ ...at, kind, low, high, scale: node.log ? "log" : known.scale ?? "linear", value: text });
  const number = text.trim() === "" ? NaN : Number(text);
  const wrong = !Number.isFinite(number) ? "needs a number"
    : kind === "integer" && !Number.isInteger(number) ? "needs a whole number"
    : low !== null && number < low ? `must be at least ${low}`
    : high !== null && number > high ? `must be at most ${high}`
    : "";
  if (wrong) found.problems.set(at.path, wrong);
  return number;
}

/** The draft that describes a point, given nested or by dotted names; what it lacks is left empty. */
export function draftOf(space, params) {
  const draft = {};
  for (const [name, domain] of Object.entries(space)) fill(domain, name, partOf(params, name), draft);
  return draft;
}

function fill(node, path, value, draft) {
  if (!isMapping(node)) return;
  if (!isDomain(node)) {
    for (const [key, inner] of Object.entries(node)) fill(inner, `${path}.${key}`, value?.[key], draft);
    return;
  }
  if (node.type !== "choice") {
    draft[path] = value === undefined || value === null ? "" : String(value);
    return;
  }
  const chosen = Math.max(0, node.values.findIndex((option) => couldBe(option, value)));
  draft[path] = String(chosen);
  const option = node.values[chosen];
  if (isMapping(option)) fill(option, `${path}.values[${chosen}]`, value, draft);
}

function couldBe(option, value) {
  if (isDomain(option)) return option.type === "choice" ? option.values.some((one) => couldBe(one, value)) : typeof value === "number";
  if (!isMapping(option)) return JSON.stringify(option) === JSON.stringify(value);
  if (value === "{}") return Object.keys(option).length === 0;
  const keys = Object.keys(option);
  return isMapping(value) && Object.keys(value).length === keys.length && keys.every((key) => key in value && couldBe(option[key], value[key]));
}

function partOf(params, name) {
  if (params[name] !== undefined && params[name] !== null) return params[name];
  let part;
  for (const [key, value] of Object.entries(params)) {
    if (!key.startsWith(`${name}.`) || value === null) continue;
    part ??= {};
    const steps = key.slice(name.length + 1).split(".");
    const last = steps.pop();
    let into = part;
    for (const step of steps) into = into[step] ??= {};
    into[last] = value;
  }
  return part;
}

/** An option for a list to choose from: a dict by its plain values, as its other parts are asked for below it. */
function choiceText(option) {
  if (!isMapping(option)) return typeof option === "string" ? option : JSON.stringify(option);
  const plain = Object.entries(option).filter(([, inner]) => !isMapping(inner)).map(([key, inner]) => `${key}: ${inner}`);
  return plain.join(", ") || Object.keys(option).join(", ") || "{}";
}
