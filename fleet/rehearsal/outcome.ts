import {
  canonicalJson,
  isObject,
  isText,
  type Json,
  type JsonObject,
  mapped,
  parseJson,
} from "../../agent/flows/canonicalJson";
import type { Answer } from "./rehearsedLangFlow";

/** What became of a flow's run. */
export type Outcome =
  | { readonly kind: "answered"; readonly outputs: readonly Output[] }
  | { readonly kind: "failed"; readonly message: string }
  /** It was not run, or ended where it would have called what is not to be called. */
  | { readonly kind: "notRun"; readonly because: string };

/** What one component of a flow answered. */
export interface Output {
  readonly component: string;
  readonly text: string;
}

/** Keys of an answer that are other ones each time, or told by one release alone. */
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
/** A package that is not there at all; of one that is there, LangFlow's message names the module in it: `langchain.memory`. */
const NO_PACKAGE = /No module named '([^'.]+)'/;
/** Characters of a message that are kept. */
const MESSAGE_MAX = 500;
const NO_ANSWER = 0;

/**
 * What became of a run, of what LangFlow's `/api/v1/run` answered.
 *
 * @param calls what it tried to call outside of the machine: then its answer says nothing
 */
export function outcomeOf({ status, body }: Answer, calls: readonly string[]): Outcome {
  const message = status === 200 ? "" : messageOf(body);
  if (calls.length > 0) return { kind: "notRun", because: `calls ${calls.join(", ")}` };
  const missing = NO_PACKAGE.exec(message)?.[1];
  if (missing !== undefined)
    return { kind: "notRun", because: `needs the Python package ${missing}, which the rehearsal's LangFlow has not` };
  if (status === NO_ANSWER) return { kind: "failed", message: messageOf(body) };
  return status === 200 ? { kind: "answered", outputs: outputsIn(body) } : { kind: "failed", message };
}

/** Why LangFlow refuses: without the Python behind it, and without the ids of this one copy. */
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

/** A message's text; of what is no message all that is the same each time. */
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
