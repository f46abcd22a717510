import { setImmediate as nextTurn } from "node:timers/promises";
import { rules as presetRules } from "@secretlint/secretlint-rule-preset-recommend";
import { isDeeperThan, isObject, isText, type Json, type JsonObject, parseJson } from "./canonicalJson";
import { isOptionPassword } from "./commands";
import { credentialsIn, isCredential } from "./credentialShapes";
import type { FlowFile } from "./flowFile";
import { folded } from "./foldedText";
import { namedSecretsIn } from "./namedSecrets";
import { isNamedSecret, isWordy, NAMED_RULE, namedRule, strengthOf } from "./secretLiterals";
import { isHeadersName } from "./secretNames";

/** A likely secret in a flow. Never contains the secret itself. */
export interface Finding {
  /** Path of the field, for people: `nodes[OpenAI-x1].template.code`. */
  readonly field: string;
  /** Rule that matched: one of secretlint's, such as `github`, or one of ours. */
  readonly rule: string;
}

/** The parts of a secretlint rule that this module uses. */
interface Rule {
  readonly meta: { readonly id: string };
  create(
    context: {
      readonly sharedOptions: object;
      createTranslator(): (messageId: string) => { messageId: string; message: string };
      report(finding: { readonly range: readonly [number, number] }): void;
      ignore(): void;
    },
    options: object,
  ): { file?(source: { content: string; contentType: "text"; ext: string }): void | Promise<void> };
}

const RULE_PREFIX = "@secretlint/secretlint-rule-";
/**
 * Rule that lets a text disable the other rules for itself. It is left out, because only the configuration may do that.
 */
const COMMENTS_RULE = `${RULE_PREFIX}filter-comments`;
/**
 * Rules of secretlint, run without `@secretlint/core`: the core keeps a record of every run and searches all records in
 * each run. After 3,000 flows this took 20 ms and 15 KB per flow, and kept growing.
 */
const RULES = (presetRules as readonly Rule[]).filter(({ meta }) => meta.id !== COMMENTS_RULE);

/** Length of the shortest known secret format. */
const SECRET_LENGTH_MIN = 8;
/** Separator between texts. No rule's pattern matches both a line break and NUL. */
const SEPARATOR = "\n\0\n";
/** Number of characters that are scanned together. Scanning a large flow at once would hold a second copy in memory. */
const SCANNED_LENGTH = 250_000;
/** Overlap between the parts of a large text. It exceeds the context that any rule needs. */
const OVERLAP_LENGTH = 20_000;
/** Keys that are omitted from a reported path, because every path has them. */
const UNSAID_KEYS = new Set(["data", "node", "flow", "value"]);
const SAID_LENGTH_MAX = 80;

/**
 * Finds likely secrets in a flow, by the adjacent name, by format, or by position in a text.
 *
 * @param giveWay awaited between pieces of a large flow, whose scan takes seconds in total
 */
export async function findSecrets(
  file: Pick<FlowFile, "value">,
  giveWay: () => Promise<void> = nextTurn,
): Promise<readonly Finding[]> {
  const found = new Map<string, Finding>();
  const add = (rule: string, way: Way | undefined) => {
    const field = said(way);
    found.set(`${field} ${rule}`, { field, rule });
  };
  let texts: Text[] = [];
  let length = 0;
  for (const text of textsOf(file.value, { names: [], inHeaders: false })) {
    const name = text.names.find((each) => isNamedSecret(each, text.text, text.inHeaders));
    if (name !== undefined) add(namedRule(name), text.way);
    if (text.isDecoded) {
      const plain = folded(text.text);
      for (const { rule } of credentialsIn(plain)) add(rule, text.way);
      namedSecretsIn(plain, ({ rule }) => add(rule, text.way));
      continue;
    }
    if (text.text.length < SECRET_LENGTH_MIN) continue;
    // Scan a large text in parts, to avoid a second copy of it in memory. Only the first part is preceded by its name.
    for (let from = 0; from < text.text.length; from += SCANNED_LENGTH - OVERLAP_LENGTH) {
      const part = text.text.slice(from, from + SCANNED_LENGTH);
      texts.push(from === 0 ? { ...text, text: part } : { ...text, text: part, names: [] });
      length += part.length;
      if (length < SCANNED_LENGTH) break;
      await findIn(texts, add);
      await giveWay();
      [texts, length] = [[], 0];
    }
  }
  await findIn(texts, add);
  return [...found.values()];
}

async function findIn(texts: readonly Text[], add: (rule: string, way: Way | undefined) => void): Promise<void> {
  const starts: number[] = [];
  let length = 0;
  const contents = texts.map((text) => namePrefix(text) + folded(text.text));
  for (const each of contents) {
    starts.push(length);
    length += each.length + SEPARATOR.length;
  }
  const content = contents.join(SEPARATOR);
  const at = (index: number) => lastAtMost(starts, index);
  await Promise.all(
    RULES.map(({ meta, create }) =>
      create(
        {
          sharedOptions: {},
          // secretlint's own messages quote the secret.
          createTranslator: () => (messageId) => ({ messageId, message: messageId }),
          report: ({ range }) => add(meta.id.slice(RULE_PREFIX.length), texts[at(range[0])]?.way),
          ignore: () => undefined,
        },
        {},
      ).file?.({ content, contentType: "text", ext: ".txt" }),
    ),
  );
  for (const { rule, index } of credentialsIn(content)) add(rule, texts[at(index)]?.way);
  namedSecretsIn(content, ({ rule, index }) => {
    const place = at(index);
    const text = texts[place];
    // The value of a text with a secret name was already checked in findSecrets.
    const isOwnName = text !== undefined && index < (starts[place] ?? 0) + namePrefix(text).length;
    if (!rule.startsWith(NAMED_RULE) || !isOwnName) add(rule, text?.way);
  });
}

/** Returns the index of the last number that does not exceed a limit, in a sorted list. */
function lastAtMost(sorted: readonly number[], limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Returns the name to scan before a text. Some formats need it, because it tells the key's service. */
const namePrefix = ({ names }: Text): string => (names[0] ? `${names[0].slice(0, SAID_LENGTH_MAX)} = ` : "");

/** Returns true if the configuration allows a finding, with an entry `<flow id>` or `<flow id>/<rule>`. */
export function isAllowed(finding: Finding, flow: { readonly id: string }, allowed: readonly string[]): boolean {
  const names = [flow.id, `${flow.id}/${finding.rule}`, `${flow.id}/${finding.rule.split("/", 1)[0]}`];
  return allowed.some((entry) => names.includes(entry.toLowerCase()));
}

/** A text and its path from the file's root. */
interface Text extends Context {
  readonly way: Way | undefined;
  readonly text: string;
}
/** Names that apply to a value. */
interface Context {
  readonly names: readonly string[];
  /** True if the value is an HTTP header. */
  readonly inHeaders: boolean;
  /** True if the value was decoded from JSON within a string. Decoded values are scanned at once and not kept. */
  readonly isDecoded?: boolean;
}
interface Way {
  readonly from: Way | undefined;
  readonly step: string;
  readonly inList: boolean;
}

function* textsOf(value: Json, context: Context, way?: Way): Generator<Text> {
  if (isText(value)) {
    yield { ...context, way, text: value };
    const decoded = jsonIn(value);
    if (decoded !== undefined) yield* textsOf(decoded, { ...context, isDecoded: true }, way);
  } else if (Array.isArray(value)) {
    const command = commandIn(value);
    if (command !== undefined) yield { ...context, isDecoded: true, names: [], way, text: command };
    for (const [index, item] of value.entries())
      yield* textsOf(item, context, { from: way, step: idOf(item) ?? `${index}`, inList: true });
  } else if (isObject(value)) {
    const entries = Object.entries(value);
    const isRow = entries.length <= ROW_KEYS_MAX;
    for (const [key, item] of entries) {
      const inner = UNSAID_KEYS.has(key) ? way : { from: way, step: key, inList: false };
      if (key.length >= SECRET_LENGTH_MIN) yield { ...context, names: [], inHeaders: false, way: inner, text: key };
      yield* textsOf(item, contextOf(value, key, context, isRow), inner);
    }
  }
}

/** Maximum length of a string that is decoded, which limits the memory for copies. */
const DECODED_LENGTH_MAX = 256 * 1024;
const DECODED_LEVELS_MAX = 50;

/** Decodes a string that contains a dictionary or a list in JSON. */
function jsonIn(text: string): Json | undefined {
  if (text.length > DECODED_LENGTH_MAX || !/^\s*(?:\{\s*"|\[\s*[[{])/.test(text)) return undefined;
  try {
    const value = parseJson(text);
    return isDeeperThan(value, DECODED_LEVELS_MAX) ? undefined : value;
  } catch {
    return undefined;
  }
}

const WORDS_MAX = 200;

/**
 * Joins the words of a command line, for example of an MCP server, and prefixes `curl`, so that arguments of
 * `--api-key` or `-H` are checked like curl's.
 */
function commandIn(words: readonly Json[]): string | undefined {
  const texts = words.filter(isText);
  if (texts.length > WORDS_MAX || !texts.some((word) => /^-{1,2}[A-Za-z]/.test(word))) return undefined;
  const password = texts.findIndex((word, at) => at > 0 && isOptionPassword(texts[at - 1] ?? "", word));
  if (password > 0) texts.splice(password - 1, 1, "--password");
  const quoted = (word: string) => (/[^\w./:=@%+-]/.test(word) ? `"${word.replace(/["\\]/g, "\\$&")}"` : word);
  return `curl ${texts.map(quoted).join(" ")}`;
}

/** Keys that hold the name of a field or a row. */
const NAME_KEYS = ["key", "name", "header", "display_name", "k", "parameter", "param", "field", "variable"];
const VALUE_KEYS = new Set(["value", "default", "default_value", "v", "val"]);
/** Maximum number of keys of a row whose columns may have any names. */
const ROW_KEYS_MAX = 3;

/** @param isRow true if the object has at most ROW_KEYS_MAX keys. Counting the keys here would take quadratic time. */
function contextOf(object: JsonObject, key: string, context: Context, isRow: boolean): Context {
  const { names } = context;
  // The values in a dictionary of credentials are secrets. The keys of a schema or of a field's definition only
  // describe a secret.
  const isAbout = isText(object.type) || "anyOf" in object || "template" in object;
  if (VALUE_KEYS.has(key)) {
    if (object.load_from_db === true) return { ...context, names: [] };
    const own = NAME_KEYS.map((each) => object[each]).filter(isText);
    return { ...context, names: [...own, ...names] };
  }
  const outer = isAbout ? [] : names.filter((name) => strengthOf(name) !== "hint");
  const besides = isAbout || !isRow ? [] : Object.values(object).filter(isName);
  const others = besides.filter((name) => name !== object[key]);
  return {
    ...context,
    names: [key, ...outer, ...others],
    inHeaders: context.inHeaders || key === "env" || isHeadersName(key),
  };
}

const isName = (value: Json): value is string =>
  isText(value) && /^[A-Za-z][\w-]{2,60}$/.test(value) && isWordy(value) && strengthOf(value) !== undefined;

const idOf = (item: Json): string | undefined =>
  typeof item === "object" && item !== null && !Array.isArray(item) && typeof item.id === "string"
    ? item.id
    : undefined;

/** Formats a path. A key or an id that is itself a secret is replaced. */
function said(way: Way | undefined): string {
  if (way === undefined) return "";
  const start = said(way.from);
  const step = isCredential(way.step) ? "…" : way.step.slice(0, SAID_LENGTH_MAX);
  if (way.inList) return `${start}[${step}]`;
  return start === "" ? step : `${start}.${step}`;
}
