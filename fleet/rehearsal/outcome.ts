import {
  canonicalJson,
  isObject,
  isText,
  type Json,
  type JsonObject,
  mapped,
  parseJson,
} from "../../formats/flows/canonicalJson";
import type { Answer } from "./rehearsedLangFlow";

/** Outcome of a flow's run. */
export type Outcome =
  | { readonly kind: "answered"; readonly outputs: readonly Output[] }
  | { readonly kind: "failed"; readonly message: string }
  /** The flow was not run, or its run needed a call that the rehearsal blocks. */
  | { readonly kind: "notRun"; readonly because: string };

/** Output of one component of a flow. */
export interface Output {
  readonly component: string;
  readonly text: string;
}

/** Keys of an answer that change with every run, or that only one release returns. */
const PASSING = new Set([
  "id",
  "flow_id",
  "session_id",
  "context_id",
  "run_id",
  "timestamp",
  "duration",
  "properties",
  "sender",
  "sender_name",
  "session_metadata",
  "content_blocks",
  "category",
  "edit",
  "error",
  "files",
]);
/**
 * Error for a package that is not installed. If only a submodule is missing, LangFlow's message contains a dotted name
 * such as `langchain.memory`, which this pattern does not match.
 */
const NO_PACKAGE = /No module named '([^'.]+)'/;
/** Maximum number of characters kept from a message. */
const MESSAGE_MAX = 500;
const NO_ANSWER = 0;

/**
 * Returns the outcome of a run, based on the response of LangFlow's `/api/v1/run`.
 *
 * @param calls blocked calls to other machines; if there are any, the answer is ignored
 */
export function outcomeOf({ status, body }: Answer, calls: readonly string[]): Outcome {
  const message = status === 200 ? "" : messageOf(body);
  if (calls.length > 0) return { kind: "notRun", because: `calls ${calls.join(", ")}` };
  const missing = NO_PACKAGE.exec(message)?.[1];
  if (missing !== undefined)
    return { kind: "notRun", because: `needs the Python package ${missing}, which the rehearsal's LangFlow lacks` };
  if (status === NO_ANSWER) return { kind: "failed", message: messageOf(body) };
  return status === 200 ? { kind: "answered", outputs: outputsIn(body) } : { kind: "failed", message };
}

/** Returns LangFlow's error message without Python details and without the ids of this particular copy. */
export function messageOf(body: Json): string {
  const detail = isObject(body) ? (body.detail ?? body.message ?? body) : body;
  const inner = isText(detail) ? (jsonIn(detail) ?? detail) : detail;
  const said = isObject(inner) && isText(inner.message) ? inner.message : inner;
  const text = isText(said) ? said : canonicalJson(said, 0);
  const first = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .join(" ")
    .replace(/^Error running graph: /, "");
  return first.length > MESSAGE_MAX ? `${first.slice(0, MESSAGE_MAX)}…` : first;
}

function outputsIn(body: Json): Output[] {
  const runs = isObject(body) ? listIn(body.outputs) : [];
  return runs
    .flatMap((run) => listIn(run.outputs))
    .map(({ component_id: component, results }) => ({
      component: isText(component) ? component : "?",
      text: isObject(results) ? Object.values(results).map(textOf).join("\n") : "",
    }))
    .sort((one, other) => (one.component < other.component ? -1 : 1));
}

/** Returns a message's text, or for other results everything that is stable across runs. */
function textOf(result: Json): string {
  if (!isObject(result)) return isText(result) ? result : canonicalJson(result, 0);
  if (isText(result.text)) return result.text;
  const { data } = result;
  if (isObject(data) && isText(data.text)) return data.text;
  return canonicalJson(lasting(data ?? result), 0);
}

function lasting(value: Json): Json {
  if (Array.isArray(value)) return value.map(lasting);
  if (!isObject(value)) return value;
  const kept = Object.fromEntries(Object.entries(value).filter(([key]) => !PASSING.has(key)));
  return mapped(kept, (_, item) => lasting(item));
}

const listIn = (value: Json | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter((each) => isObject(each)) : [];

function jsonIn(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
