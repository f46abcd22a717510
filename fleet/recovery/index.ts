import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Stack } from "@pulumi/pulumi/automation";
import type { StepState } from "../engine/changes";
import type { Session } from "../stacks/session";
import { type Begun, shown } from "./begun";
import { idOf, isRepeatable } from "./ids";
import { type Recorded, settle } from "./settle";
import { exportState, take } from "./take";

export { withLogsKept } from "./keptLogs";
export { isOrphanedLock } from "./orphanedLock";
export { exportState } from "./take";

/** What a crash in the middle of an update left open, and what was done about it. */
export interface Recovered {
  /** Begun before the crash and looked for in the cloud: in the state again, if it is there. */
  readonly adopted: readonly string[];
  /** Begun before the crash, and not to be found for sure: may exist beside the one made now. For a person to check. */
  readonly forgotten: readonly string[];
}

/**
 * Closes what a crashed update left open, so that the next one neither stumbles over a half-recorded resource nor
 * makes a second one. What can be found goes into the state and is read from the cloud at once; where the cloud does
 * not have it, that reading takes it out again.
 */
export async function recover(session: Session, stack: Stack): Promise<Recovered> {
  const { signal } = session.options;
  const exported = await exportState(session, stack.name);
  const { resources: recorded = [], pending_operations: pending = [] } = exported.deployment ?? {};
  const file = unansweredFile(session, stack.name);
  const kept: Begun[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const creating = pending.filter(({ type }) => type === "creating").map(({ resource }) => resource);
  const begun = new Map(
    [...creating, ...kept].map((each) => [each.urn, { ...each, inputs: shown(each.inputs ?? {}) }]),
  );
  for (const { urn } of recorded) begun.delete(urn);
  const open = [...begun.values()].filter((each) => !isRepeatable(each));
  const answers = await ask(open, recorded, stack, signal);
  const { found, absent, forgotten } = settle(open, answers, recorded);
  if (pending.length > 0 || found.length > 0) await take(session, stack, exported, found);
  rmSync(file, { force: true });
  const urns = (each: readonly Begun[]) => each.map(({ urn }) => urn);
  return { adopted: [...urns(found.map((each) => each.begun)), ...urns(absent)], forgotten: urns(forgotten) };
}

/** Asks the clouds where an id does not follow from the inputs. */
async function ask(open: readonly Begun[], recorded: readonly Recorded[], stack: Stack, signal: AbortSignal) {
  const questions = open.filter((begun) => idOf(begun) === undefined);
  if (questions.length === 0) return new Map<string, readonly string[]>();
  // the providers' packages take long to load, and hardly ever are they needed
  const { lookUp }: typeof import("./lookup") = require("./lookup");
  return lookUp(questions, recorded, stack, signal);
}

/**
 * Keeps what a failed update had begun and got no answer about, for the next one. The engine itself does so only when
 * it dies; where it lives and the cloud goes away, it forgets.
 */
export function remember(session: Session, stack: string, unanswered: readonly StepState[]): void {
  const file = unansweredFile(session, stack);
  mkdirSync(dirname(file), { recursive: true });
  const kept: Begun[] = unanswered.map(({ urn, type, parent, provider, inputs }) => ({
    urn,
    type,
    parent,
    provider,
    inputs,
  }));
  writeFileSync(file, JSON.stringify(kept), { mode: 0o600 });
}

const unansweredFile = (session: Session, stack: string): string =>
  join(session.options.directory, "unanswered", `${session.options.local ? "local" : "cloud"}-${stack}.json`);
