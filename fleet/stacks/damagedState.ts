import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../model/errors";

/**
 * Errors of Go's encoding/json with which the engine reports a state file that is not JSON. They name neither the stack
 * nor the file.
 */
const NO_JSON = /unexpected end of JSON input|invalid character .+ (looking for|in|after) /;

const RUNBOOK = "restore an earlier version as docs/operations/state-backend-lost.md describes";

/** Folder of the local fleet's state, and its project name. */
interface StateFolder {
  readonly folder: string;
  readonly project: string;
}

/**
 * Finds the stacks whose state is not JSON. One such stack prevents the engine from listing any stack.
 *
 * @param error the engine's error when listing the stacks
 * @param read throws the engine's error for one stack's state
 * @param local absent if the state is in a remote backend
 * @returns the error to show (exit 10, because nothing is known about the fleet); undefined if the cause is a different
 * one
 */
export async function damagedState(
  error: unknown,
  stacks: readonly string[],
  read: (stack: string) => Promise<unknown>,
  local?: StateFolder,
): Promise<UserError | undefined> {
  if (!isNoJson(error)) return undefined;
  const damaged: string[] = [];
  for (const stack of stacks) if (isNoJson(await read(stack).catch((said: unknown) => said))) damaged.push(stack);
  if (damaged.length === 0) return undefined;
  return damage(damaged, local);
}

/**
 * Rejects state files that are valid JSON but not a state. The engine treats them as stacks without resources, so `up`
 * would create all existing resources again.
 *
 * @param stacks stacks that the engine lists as empty
 * @throws UserError exit 10
 */
export function refuseNoState(stacks: readonly string[], local: StateFolder): void {
  const damaged = stacks.filter((stack) => !isWhole(fileOf(stack, local)));
  if (damaged.length > 0) throw damage(damaged, local);
}

function damage(stacks: readonly string[], local?: StateFolder): UserError {
  const lines = stacks.map((stack) => `the state of stack ${stack} is damaged: ${wayOut(stack, local)}`);
  return new UserError(lines.join("\n"), ExitCode.Unreachable);
}

const isNoJson = (said: unknown): boolean => said instanceof Error && NO_JSON.test(said.message);

const fileOf = (stack: string, { folder, project }: StateFolder): string =>
  join(folder, ".pulumi/stacks", project, `${stack}.json`);

function wayOut(stack: string, local?: StateFolder): string {
  if (!local) return RUNBOOK;
  const file = fileOf(stack, local);
  const copy = [`${file}.bak`, ...earlier(join(local.folder, ".pulumi/history", local.project, stack))].find(isWhole);
  if (copy === undefined)
    return `${file} is unreadable and has no copy; delete the local fleet with \`destroy --local --with-data\``;
  return `${file} is unreadable; restore the newest copy with \`cp '${copy}' '${file}'\`, then run \`up --local --refresh\``;
}

/** Returns the checkpoints of earlier updates, newest first. Their file names contain the time. */
function earlier(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".checkpoint.json"));
    return names
      .sort()
      .reverse()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function isWhole(file: string): boolean {
  try {
    return "checkpoint" in JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return false;
  }
}
