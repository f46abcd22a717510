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

/** What looks like a secret in a flow, and never the secret itself. */
export interface Finding {
  /** Where, for people: `nodes[OpenAI-x1].template.code`. */
  readonly field: string;
  /** By which rule: one of secretlint's, such as `github`, or one of ours. */
  readonly rule: string;
}

/** A rule as secretlint defines it, as far as it is used. */
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
/** Lets a text switch the others off for itself: only the configuration may do that. */
const COMMENTS_RULE = `${RULE_PREFIX}filter-comments`;
/**
 * The rules run without `@secretlint/core`, which keeps a mark of each run for ever and looks through all of them in each
 * run: after 3,000 flows 20 ms and 15 KB a flow, and growing.
 */
const RULES = (presetRules as readonly Rule[]).filter(({ meta }) => meta.id !== COMMENTS_RULE);

/** No format that is known is shorter. */
const SECRET_LENGTH_MIN = 8;
/** Between texts: no rule's pattern holds both a line break and this. */
const SEPARATOR = "\n\0\n";
/** Characters that are scanned together: a whole large flow would be in memory once more. */
const SCANNED_LENGTH = 250_000;
/** Of the parts of a large text: farther than what a secret is known by reaches. */
const OVERLAP_LENGTH = 20_000;
/** Keys that every path in a graph has. */
const UNSAID_KEYS = new Set(["data", "node", "flow", "value"]);
const SAID_LENGTH_MAX = 80;

/**
 * What looks like a secret in a flow: by the name beside it, by its format, or by where in a text it is.
 *
 * @param giveWay waited for between pieces of a large flow, of which all take seconds
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
    // A large one in parts, since as one it would be in memory once more; only its beginning is beside its name.
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
          // secretlint's own messages cite the secret.
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
    // Of a text whose own name is a secret's, all is judged above.
    const isOwnName = text !== undefined && index < (starts[place] ?? 0) + namePrefix(text).length;
    if (!rule.startsWith(NAMED_RULE) || !isOwnName) add(rule, text?.way);
  });
}

/** The place of the last number that is not above a limit, in a sorted list. */
function lastAtMost(sorted: readonly number[], limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What some formats are known by: which service a key is for. */
const namePrefix = ({ names }: Text): string => (names[0] ? `${names[0].slice(0, SAID_LENGTH_MAX)} = ` : "");

/** Whether the configuration says that a finding is none: by `<flow id>`, or `<flow id>/<rule>`. */
export function isAllowed(finding: Finding, flow: { readonly id: string }, allowed: readonly string[]): boolean {
  const names = [flow.id, `${flow.id}/${finding.rule}`, `${flow.id}/${finding.rule.split("/", 1)[0]}`];
  return allowed.some((entry) => names.includes(entry.toLowerCase()));
}

/** A text, and its way from the file's root. */
interface Text extends Context {
  readonly way: Way | undefined;
  readonly text: string;
}
/** What a value is called. */
interface Context {
  readonly names: readonly string[];
  /** It is one of HTTP headers. */
  readonly inHeaders: boolean;
  /** It is part of JSON in a text: it is not kept. */
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

/** Of what is no larger, so that few copies are held. */
const DECODED_LENGTH_MAX = 256 * 1024;
const DECODED_LEVELS_MAX = 50;

/** A dictionary or a list that a text is, in JSON. */
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

/** The words of a command line, of an MCP server say, in one text: what follows `--api-key` or `-H` is read as that of curl. */
function commandIn(words: readonly Json[]): string | undefined {
  const texts = words.filter(isText);
  if (texts.length > WORDS_MAX || !texts.some((word) => /^-{1,2}[A-Za-z]/.test(word))) return undefined;
  const password = texts.findIndex((word, at) => at > 0 && isOptionPassword(texts[at - 1] ?? "", word));
  if (password > 0) texts.splice(password - 1, 1, "--password");
  const quoted = (word: string) => (/[^\w./:=@%+-]/.test(word) ? `"${word.replace(/["\\]/g, "\\$&")}"` : word);
  return `curl ${texts.map(quoted).join(" ")}`;
}

/** What a field or a row is called by. */
const NAME_KEYS = ["key", "name", "header", "display_name", "k", "parameter", "param", "field", "variable"];
const VALUE_KEYS = new Set(["value", "default", "default_value", "v", "val"]);
/** Of a row whose columns may be called anything. */
const ROW_KEYS_MAX = 3;

/** @param isRow whether the object has so few keys; to count them for each key takes the square of the time */
function contextOf(object: JsonObject, key: string, context: Context, isRow: boolean): Context {
  const { names } = context;
  // What a dictionary of credentials holds is one; what a schema or a field says about one is none.
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

/** The way in words; a key or an id that is a secret itself is not said. */
function said(way: Way | undefined): string {
  if (way === undefined) return "";
  const start = said(way.from);
  const step = isCredential(way.step) ? "…" : way.step.slice(0, SAID_LENGTH_MAX);
  if (way.inList) return `${start}[${step}]`;
  return start === "" ? step : `${start}.${step}`;
}
