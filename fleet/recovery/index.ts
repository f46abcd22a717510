import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Stack } from "@pulumi/pulumi/automation";
import type { StepState } from "../changes";
import type { Session } from "../session";
import { type Begun, shown } from "./begun";
import { idOf, isRepeatable } from "./ids";
import { type Recorded, settle } from "./settle";

export { isOrphanedLock } from "./orphanedLock";

/** What a crash in the middle of an update left open, and what was done about it. */
export interface Recovered {
  /** Begun before the crash and looked for in the cloud: in the state again, if it is there. */
  readonly adopted: readonly string[];
  /** Begun before the crash, and not to be found for sure: may exist beside the one made now. For a person to check. */
  readonly forgotten: readonly string[];
}

/** Beside the id, the output by which the real provider reads the resource. */
const READ_BY: Readonly<Record<string, string>> = {
  "aws:eks/podIdentityAssociation:PodIdentityAssociation": "associationId",
};

/**
 * Closes what a crashed update left open, so that the next one neither stumbles over a half-recorded resource nor
 * makes a second one. What can be found goes into the state and is read from the cloud at once; where the cloud does
 * not have it, that reading takes it out again.
 */
export async function recover(session: Session, stack: Stack): Promise<Recovered> {
  const { signal } = session.options;
  const exported = JSON.parse(await session.run(stack.name, ["stack", "export"]));
  const recorded: Recorded[] = exported.deployment?.resources ?? [];
  const pending: { type: string; resource: Begun }[] = exported.deployment?.pending_operations ?? [];
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
  if (pending.length > 0 || found.length > 0) {
    delete exported.deployment.pending_operations;
    exported.deployment.resources.push(...found.map(({ begun, id }) => adopted(begun, id)));
    await importState(session, stack.name, exported);
  }
  const target = found.map(({ begun: { urn } }) => urn);
  if (target.length > 0) await stack.refresh({ target, signal });
  rmSync(file, { force: true });
  const urns = (each: readonly Begun[]) => each.map(({ urn }) => urn);
  return { adopted: [...target, ...urns(absent)], forgotten: urns(forgotten) };
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
 * What a package's provider keeps beside the outputs: the version of their form. Where it is missing, the bridge takes
 * them for those of an older provider and upgrades what needs none (`schema_version` of Cloudflare's provider, v5).
 */
const META: Readonly<Record<string, string>> = { cloudflare: '{"schema_version":"500"}' };

export function adopted(begun: Begun, id: string) {
  const meta = META[begun.type.split(":")[0] ?? ""];
  return {
    ...begun,
    id,
    custom: true,
    outputs: { ...begun.inputs, id, [READ_BY[begun.type] ?? "id"]: id, ...(meta && { __meta: meta }) },
  };
}

async function importState(session: Session, stack: string, state: object): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "state-"));
  try {
    writeFileSync(join(folder, "state.json"), JSON.stringify(state), { mode: 0o600 });
    await session.run(stack, ["stack", "import", "--file", join(folder, "state.json")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
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
