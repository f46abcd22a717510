import { rules as presetRules } from "@secretlint/secretlint-rule-preset-recommend";
import { isText, type Json } from "./canonicalJson";
import { credentialsIn, isCredential } from "./credentialShapes";
import type { FlowFile } from "./flowFile";

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
const SECRET_LENGTH_MIN = 16;
/** Between texts: no rule's pattern holds both a line break and this. */
const SEPARATOR = "\n\0\n";
/** Characters that are scanned together: a whole large flow would be in memory once more. */
const SCANNED_LENGTH = 250_000;
/** Keys that every path in a graph has. */
const UNSAID_KEYS = new Set(["data", "node", "flow", "value"]);
const SAID_LENGTH_MAX = 80;

/** What looks like a secret in any text of a flow: those that no flag or name gives away, in code, prompts and notes. */
export async function findSecrets(file: Pick<FlowFile, "value">): Promise<readonly Finding[]> {
  const found = new Map<string, Finding>();
  let texts: Text[] = [];
  let length = 0;
  for (const text of textsOf(file.value)) {
    texts.push(text);
    length += text.text.length;
    if (length < SCANNED_LENGTH) continue;
    await findIn(texts, found);
    [texts, length] = [[], 0];
  }
  await findIn(texts, found);
  return [...found.values()];
}

async function findIn(texts: readonly Text[], found: Map<string, Finding>): Promise<void> {
  const starts: number[] = [];
  let length = 0;
  for (const { text } of texts) {
    starts.push(length);
    length += text.length + SEPARATOR.length;
  }
  const content = texts.map(({ text }) => text).join(SEPARATOR);
  const add = (rule: string, index: number) => {
    const field = said(texts[starts.findLastIndex((start) => start <= index)]?.way);
    found.set(`${field} ${rule}`, { field, rule });
  };
  await Promise.all(
    RULES.map(({ meta, create }) =>
      create(
        {
          sharedOptions: {},
          // secretlint's own messages cite the secret.
          createTranslator: () => (messageId) => ({ messageId, message: messageId }),
          report: ({ range }) => add(meta.id.slice(RULE_PREFIX.length), range[0]),
          ignore: () => undefined,
        },
        {},
      ).file?.({ content, contentType: "text", ext: ".txt" }),
    ),
  );
  for (const { rule, index } of credentialsIn(content)) add(rule, index);
}

/** Whether the configuration says that a finding is none: by `<flow id>`, or `<flow id>/<rule>`. */
export function isAllowed(finding: Finding, flow: { readonly id: string }, allowed: readonly string[]): boolean {
  const names = [flow.id, `${flow.id}/${finding.rule}`];
  return allowed.some((entry) => names.includes(entry.toLowerCase()));
}

/** A text, and its way from the file's root. */
interface Text {
  readonly way: Way | undefined;
  readonly text: string;
}
interface Way {
  readonly from: Way | undefined;
  readonly step: string;
  readonly inList: boolean;
}

function* textsOf(value: Json, way?: Way): Generator<Text> {
  if (isText(value)) {
    if (value.length >= SECRET_LENGTH_MIN) yield { way, text: value };
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      yield* textsOf(item, { from: way, step: idOf(item) ?? `${index}`, inList: true });
  } else if (typeof value === "object" && value !== null)
    for (const [key, item] of Object.entries(value)) {
      const inner = UNSAID_KEYS.has(key) ? way : { from: way, step: key, inList: false };
      if (key.length >= SECRET_LENGTH_MIN) yield { way: inner, text: key };
      yield* textsOf(item, inner);
    }
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
