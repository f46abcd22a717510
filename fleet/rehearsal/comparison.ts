import type { Outcome, Output } from "./outcome";

/** What is to be said of one of the three things that a rehearsal does with a flow. */
export interface Verdict {
  /**
   * `same`; `differs`, and what it is; `changes`, which is told and does not stop; `not run`, and why; `not known`, since nothing was
   * there to compare with.
   */
  readonly result: "same" | "differs" | "changes" | "not run" | "not known";
  /** In words; empty where there is no more to say. */
  readonly said: string;
  /** What each of them said, from where they differ on. */
  readonly old?: string;
  readonly new?: string;
}

/** A component of a flow that is not as the fleet's LangFlow has it, by LangFlow's own rule. */
export interface ComponentChange {
  readonly node: string;
  readonly component: string;
  /** `gone`: the release has none of that name; `bundle`: in one that LangFlow's package does not bring; `breaking`: outputs or fields differ. */
  readonly change: "gone" | "bundle" | "breaking" | "safe";
}

/** Characters of two texts that are shown from where they differ on, and before it. */
const SHOWN = 160;
const BEFORE = 30;
const NAMED_MAX = 5;

/**
 * How the run of a flow compares.
 *
 * @param old undefined where there is no old LangFlow to run it in
 */
export function compareRuns(old: Outcome | undefined, now: Outcome): Verdict {
  if (now.kind === "notRun") return { result: "not run", said: now.because };
  if (old === undefined) return unknown(now);
  // What one of them could not do without a call says nothing of the other.
  if (old.kind === "notRun") return { result: "not run", said: `in the old: ${old.because}` };
  if (old.kind === "failed") return afterFailure(old.message, now);
  if (now.kind === "failed")
    return { result: "differs", said: "fails in the new alone", old: textsOf(old.outputs), new: now.message };
  return compareOutputs(old.outputs, now.outputs);
}

function unknown(now: Outcome): Verdict {
  return now.kind === "failed"
    ? { result: "not known", said: "fails; what the old does is not known", new: now.message }
    : { result: "not known", said: "runs; what the old answers is not known" };
}

function afterFailure(message: string, now: Outcome): Verdict {
  if (now.kind !== "failed") return { result: "changes", said: "fails in the old alone", old: message, new: "" };
  if (now.message === message) return { result: "same", said: `fails in both: ${message}` };
  return { result: "changes", said: "fails in both, for another reason", old: message, new: now.message };
}

function compareOutputs(old: readonly Output[], now: readonly Output[]): Verdict {
  const components = [...new Set([...old, ...now].map(({ component }) => component))];
  const differing = components.filter((component) => textOf(old, component) !== textOf(now, component));
  const [first] = differing;
  if (first === undefined) return { result: "same", said: "" };
  const [before, after] = fromDifference(textOf(old, first) ?? "", textOf(now, first) ?? "");
  return { result: "differs", said: `another answer of ${differing.join(", ")}`, old: before, new: after };
}

/** All texts of a component; undefined where it said nothing. */
function textOf(outputs: readonly Output[], component: string): string | undefined {
  const own = outputs.filter((output) => output.component === component).map(({ text }) => text);
  return own.length === 0 ? undefined : own.join("\n");
}

const textsOf = (outputs: readonly Output[]): string => cut(outputs.map(({ text }) => text).join("\n"));

/** Two texts from shortly before where they differ on. */
export function fromDifference(one: string, other: string): [string, string] {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const from = Math.max(0, at - BEFORE);
  return [part(one, from), part(other, from)];
}

const part = (text: string, from: number): string => (from > 0 ? "…" : "") + cut(text.slice(from));
const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

/**
 * How a flow opens: its components by LangFlow's own rule, and whether LangFlow makes a graph of it.
 *
 * @param changes undefined where the rule could not read it
 * @param refusal why LangFlow makes no graph of it
 */
export function compareOpened(changes: readonly ComponentChange[] | undefined, refusal: string | undefined): Verdict {
  if (refusal !== undefined) return { result: "differs", said: `does not open: ${refusal}` };
  if (changes === undefined) return { result: "not known", said: "LangFlow's rule does not read it" };
  const of = (change: ComponentChange["change"]) => changes.filter((each) => each.change === change);
  const said = [
    named("gone", of("gone")),
    named("with an update that changes outputs or fields", of("breaking")),
    named("in a bundle that this LangFlow has not", of("bundle")),
    of("safe").length > 0 ? `with another update: ${of("safe").length}` : "",
  ].filter((each) => each !== "");
  // In the fleet LangFlow's own code runs in place of it; where `customComponents` are superusers', it refuses users such a flow.
  return { result: changes.length === 0 ? "same" : "changes", said: said.join("; ") };
}

function named(what: string, changes: readonly ComponentChange[]): string {
  if (changes.length === 0) return "";
  const names = [...new Set(changes.map(({ component }) => component))];
  const others = names.length > NAMED_MAX ? `, and ${names.length - NAMED_MAX} others` : "";
  return `${what}: ${names.slice(0, NAMED_MAX).join(", ")}${others}`;
}
