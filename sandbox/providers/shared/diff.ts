import { isRecord, isUnknown, type Properties } from "../../resources/values";

/** Change of one property. Paths have the engine's format: `rules[0].status`. */
export interface Change {
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
  /** Whether the new value is not yet known, so that every nested property may change. */
  readonly unknown?: true;
}

export interface DiffRules {
  /** Whether lists of plain values are compared as sets, which is right for most lists of the AWS provider. */
  readonly listsAreSets: boolean;
  /** Whether an unknown value causes a replacement if a change of any property below it would. */
  readonly unknownReplaces?: true;
}

/** Returns the changes between two sets of inputs, property by property. */
export function changesBetween(olds: Properties, news: Properties, rules: DiffRules): Change[] {
  return compareRecords(olds, news, "", rules);
}

function compareRecords(olds: Properties, news: Properties, path: string, rules: DiffRules): Change[] {
  const keys = new Set(
    [...Object.keys(olds), ...Object.keys(news)].filter((key) => !(path === "" && key.startsWith("__"))),
  );
  return [...keys].sort().flatMap((key) => compare(olds[key], news[key], join(path, key), rules));
}

function compare(old: unknown, next: unknown, path: string, rules: DiffRules): Change[] {
  if (old === undefined && next === undefined) return [];
  if (old === undefined) return [{ path, kind: "add" }];
  if (next === undefined) return [{ path, kind: "delete" }];
  if (Array.isArray(old) && Array.isArray(next)) return compareLists(old, next, path, rules);
  if (isRecord(old) && isRecord(next)) return compareRecords(old, next, path, rules);
  if (isUnknown(next)) return [{ path, kind: "update", unknown: true }];
  return sameValue(old, next) ? [] : [{ path, kind: "update" }];
}

function compareLists(old: readonly unknown[], next: readonly unknown[], path: string, rules: DiffRules): Change[] {
  if (rules.listsAreSets && [...old, ...next].every((element) => typeof element === "string")) {
    if (!next.some(isUnknown) && JSON.stringify([...old].sort()) === JSON.stringify([...next].sort())) return [];
  }
  return Array.from({ length: Math.max(old.length, next.length) }, (_, index) =>
    compare(old[index], next[index], `${path}[${index}]`, rules),
  ).flat();
}

function sameValue(old: unknown, next: unknown): boolean {
  if (old === next) return true;
  return typeof old === "string" && typeof next === "string" && sameDocument(old, next);
}

/** Whether two texts are the same JSON document. Clouds return policies with a different order and spacing. */
function sameDocument(left: string, right: string): boolean {
  if (!/^\s*[{[]/.test(left) || !/^\s*[{[]/.test(right)) return false;
  try {
    return canonical(JSON.parse(left)) === canonical(JSON.parse(right));
  } catch {
    return false; // The text is not JSON, so the documents differ.
  }
}

/** Serializes a document with sorted keys. A list of one equals its only element, as in IAM. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    if (value.length === 1) return canonical(value[0]);
    return `[${(value.every((element) => typeof element === "string") ? [...value].sort() : value).map(canonical).join()}]`;
  }
  if (!isRecord(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, element]) => `${JSON.stringify(key)}:${canonical(element)}`).join()}}`;
}

/** Returns `a.b`, or `a["b.c"]` if the key is not an identifier. */
function join(path: string, key: string): string {
  if (/^[A-Za-z_$][\w$]*$/.test(key)) return path ? `${path}.${key}` : key;
  return `${path}[${JSON.stringify(key)}]`;
}

/** Whether a path equals or is nested in a second path. `[*]` in `above` matches any index. */
export function isWithin(path: string, above: string): boolean {
  const general = path.replace(/\[\d+\]/g, "[*]");
  return [path, general].some((form) => form === above || form.startsWith(`${above}.`) || form.startsWith(`${above}[`));
}
