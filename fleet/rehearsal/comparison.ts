import type { Outcome, Output } from "./outcome";

/** Result of one of the three parts of a flow's rehearsal: loading, opening or running. */
export interface Verdict {
  /**
   * `differs` stops the migration or upgrade. `changes` is reported but does not stop it. `not run` comes with a
   * reason. `not known` means that no comparison was possible.
   */
  readonly result: "same" | "differs" | "changes" | "not run" | "not known";
  /** Explanation; may be empty. */
  readonly said: string;
  /** The two answers, starting shortly before their first difference. */
  readonly old?: string;
  readonly new?: string;
}

/** A component of a flow that differs from the one in the fleet's LangFlow, by LangFlow's own rule. */
export interface ComponentChange {
  readonly node: string;
  readonly component: string;
  /**
   * `gone`: the release has no component of this name; `bundle`: the component is in a bundle that LangFlow's package
   * does not contain; `breaking`: outputs or fields differ; `safe`: a compatible update exists.
   */
  readonly change: "gone" | "bundle" | "breaking" | "safe";
}

/** Number of characters shown from the first difference of two texts, and before it. */
const SHOWN = 160;
const BEFORE = 30;
const NAMED_MAX = 5;

/**
 * Compares the runs of a flow.
 *
 * @param old undefined if there is no old LangFlow to compare with
 */
export function compareRuns(old: Outcome | undefined, now: Outcome): Verdict {
  if (now.kind === "notRun") return { result: "not run", said: now.because };
  if (old === undefined) return unknown(now);
  // The runs cannot be compared if the old one did not take place: blocked call, missing package, flow not loaded.
  if (old.kind === "notRun") return { result: "not run", said: `in the old version: ${old.because}` };
  if (old.kind === "failed") return afterFailure(old.message, now);
  if (now.kind === "failed")
    return { result: "differs", said: "fails only in the new version", old: textsOf(old.outputs), new: now.message };
  return compareOutputs(old.outputs, now.outputs);
}

function unknown(now: Outcome): Verdict {
  return now.kind === "failed"
    ? { result: "not known", said: "fails; the old version's result is unknown", new: now.message }
    : { result: "not known", said: "runs; the old version's answer is unknown" };
}

function afterFailure(message: string, now: Outcome): Verdict {
  if (now.kind !== "failed") return { result: "changes", said: "fails only in the old version", old: message, new: "" };
  if (now.message === message) return { result: "same", said: `fails in both: ${message}` };
  return { result: "changes", said: "fails in both, for different reasons", old: message, new: now.message };
}

function compareOutputs(old: readonly Output[], now: readonly Output[]): Verdict {
  const components = [...new Set([...old, ...now].map(({ component }) => component))];
  const differing = components.filter((component) => textOf(old, component) !== textOf(now, component));
  const [first] = differing;
  if (first === undefined) return { result: "same", said: "" };
  const [before, after] = fromDifference(textOf(old, first) ?? "", textOf(now, first) ?? "");
  return { result: "differs", said: `different answer of ${differing.join(", ")}`, old: before, new: after };
}

/** Returns all texts of a component, or undefined if it has no output. */
function textOf(outputs: readonly Output[], component: string): string | undefined {
  const own = outputs.filter((output) => output.component === component).map(({ text }) => text);
  return own.length === 0 ? undefined : own.join("\n");
}

const textsOf = (outputs: readonly Output[]): string => cut(outputs.map(({ text }) => text).join("\n"));

/** Returns two texts, starting shortly before their first difference. */
export function fromDifference(one: string, other: string): [string, string] {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const from = Math.max(0, at - BEFORE);
  return [part(one, from), part(other, from)];
}

const part = (text: string, from: number): string => (from > 0 ? "…" : "") + cut(text.slice(from));
const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

/**
 * Evaluates how a flow opens: whether LangFlow's own rule reports outdated components, and whether LangFlow can build
 * its graph.
 *
 * @param changes undefined if the rule could not read the flow
 * @param refusal why LangFlow cannot build the graph
 */
export function compareOpened(changes: readonly ComponentChange[] | undefined, refusal: string | undefined): Verdict {
  if (refusal !== undefined) return { result: "differs", said: `does not open: ${refusal}` };
  if (changes === undefined) return { result: "not known", said: "LangFlow's upgrade check cannot read it" };
  const of = (change: ComponentChange["change"]) => changes.filter((each) => each.change === change);
  const said = [
    named("gone", of("gone")),
    named("updates that change outputs or fields", of("breaking")),
    named("in a bundle that this LangFlow lacks", of("bundle")),
    of("safe").length > 0 ? `other updates: ${of("safe").length}` : "",
  ].filter((each) => each !== "");
  // Outdated components do not stop the flow. In the fleet, LangFlow runs its own code in place of theirs; only if
  // `customComponents` is set to superusers does LangFlow reject the flow for other users.
  return { result: changes.length === 0 ? "same" : "changes", said: said.join("; ") };
}

function named(what: string, changes: readonly ComponentChange[]): string {
  if (changes.length === 0) return "";
  const names = [...new Set(changes.map(({ component }) => component))];
  const others = names.length > NAMED_MAX ? `, and ${names.length - NAMED_MAX} others` : "";
  return `${what}: ${names.slice(0, NAMED_MAX).join(", ")}${others}`;
}
