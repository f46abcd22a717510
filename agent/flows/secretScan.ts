import { rules as presetRules } from "@secretlint/secretlint-rule-preset-recommend";
import { isObject, isText, type Json, type JsonObject } from "./canonicalJson";
import { credentialsIn, isCredential } from "./credentialShapes";
import type { FlowFile } from "./flowFile";
import { namedSecretsIn } from "./namedSecrets";
import { isNamedSecret, strengthOf } from "./secretLiterals";
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
/** Keys that every path in a graph has. */
const UNSAID_KEYS = new Set(["data", "node", "flow", "value"]);
const SAID_LENGTH_MAX = 80;

/** What looks like a secret in a flow: by the name beside it, by its format, or by where in a text it is. */
export async function findSecrets(file: Pick<FlowFile, "value">): Promise<readonly Finding[]> {
  const found = new Map<string, Finding>();
  const add = (rule: string, way: Way | undefined) => {
    const field = said(way);
    found.set(`${field} ${rule}`, { field, rule });
  };
  const texts: Text[] = [];
  const starts: number[] = [];
  let length = 0;
  for (const text of textsOf(file.value, { names: [], inHeaders: false })) {
    if (text.names.some((name) => isNamedSecret(name, text.text, text.inHeaders))) add("named-secret", text.way);
    if (text.text.length < SECRET_LENGTH_MIN) continue;
    texts.push(text);
    starts.push(length);
    length += namePrefix(text).length + text.text.length + SEPARATOR.length;
  }
  const content = texts.map((text) => namePrefix(text) + text.text).join(SEPARATOR);
  const at = (index: number) => starts.findLastIndex((start) => start <= index);
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
    if (rule !== "named-secret" || !isOwnName) add(rule, text?.way);
  });
  return [...found.values()];
}

/** What some formats are known by: which service a key is for. */
const namePrefix = ({ names }: Text): string => (names[0] ? `${names[0].slice(0, SAID_LENGTH_MAX)} = ` : "");

/** Whether the configuration says that a finding is none: by `<flow id>`, or `<flow id>/<rule>`. */
export function isAllowed(finding: Finding, flow: { readonly id: string }, allowed: readonly string[]): boolean {
  const names = [flow.id, `${flow.id}/${finding.rule}`];
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
}
interface Way {
  readonly from: Way | undefined;
  readonly step: string;
  readonly inList: boolean;
}

function* textsOf(value: Json, context: Context, way?: Way): Generator<Text> {
  if (isText(value)) yield { ...context, way, text: value };
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      yield* textsOf(item, context, { from: way, step: idOf(item) ?? `${index}`, inList: true });
  } else if (isObject(value))
    for (const [key, item] of Object.entries(value)) {
      const inner = UNSAID_KEYS.has(key) ? way : { from: way, step: key, inList: false };
      if (key.length >= SECRET_LENGTH_MIN) yield { names: [], inHeaders: false, way: inner, text: key };
      yield* textsOf(item, contextOf(value, key, context), inner);
    }
}

/** What a field or a row is called by. */
const NAME_KEYS = ["key", "name", "header", "display_name"];

function contextOf(object: JsonObject, key: string, { names, inHeaders }: Context): Context {
  if (key === "value") {
    if (object.load_from_db === true) return { names: [], inHeaders: false };
    const own = NAME_KEYS.map((each) => object[each]).filter(isText);
    return { names: [...own, ...names], inHeaders };
  }
  // What a dictionary of credentials holds is one; what a schema or a field says about one is none.
  const isAbout = isText(object.type) || "anyOf" in object || "template" in object;
  const outer = isAbout ? [] : names.filter((name) => strengthOf(name) !== "hint");
  return { names: [key, ...outer], inHeaders: inHeaders || isHeadersName(key) };
}

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
