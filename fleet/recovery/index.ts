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

/** Resources that a crashed update left open, and how they were handled. */
export interface Recovered {
  /** Resources that were searched for in the cloud. They are in the state again if they exist. */
  readonly adopted: readonly string[];
  /**
   * Resources that could not be identified reliably. Each may exist in addition to the one created now. The operator
   * has to check them.
   */
  readonly forgotten: readonly string[];
}

/**
 * Cleans up after a crashed update, so that the next update neither fails at a partially recorded resource nor creates
 * a duplicate. Imports the resources that can be identified into the state and refreshes them from the cloud at once.
 * The refresh removes those that do not exist.
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

/** Searches the clouds for resources whose id does not follow from their inputs. */
async function ask(open: readonly Begun[], recorded: readonly Recorded[], stack: Stack, signal: AbortSignal) {
  const questions = open.filter((begun) => idOf(begun) === undefined);
  if (questions.length === 0) return new Map<string, readonly string[]>();
  // The providers' packages load slowly and are rarely needed.
  const { lookUp }: typeof import("./lookup") = require("./lookup");
  return lookUp(questions, recorded, stack, signal);
}

/**
 * Stores the resources that a failed update had begun to create without an answer, for the next update. The engine
 * stores them itself only if it crashes. If the engine survives but the cloud does not answer, the engine forgets them.
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
