import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../model/errors";

/** How the engine says that a file of state is no JSON (the errors of Go's encoding/json); it names neither stack nor file. */
const NO_JSON = /unexpected end of JSON input|invalid character .+ (looking for|in|after) /;

const RUNBOOK = "restore an earlier version as docs/operations/state-backend-lost.md describes";

/** Where the local fleet keeps its state, and under which project's name. */
interface StateFolder {
  readonly folder: string;
  readonly project: string;
}

/**
 * One stack whose state is no JSON keeps the engine from listing any: this finds out which.
 *
 * @param error what the engine said when it was to list them
 * @param read throws what the engine says of one stack's state
 * @param local absent where the state is in a backend
 * @returns what to tell (exit 10: nothing can be said of the fleet); undefined where the error is another
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
 * JSON that is no state: to the engine a stack without resources, so that an `up` would make again all that is there.
 *
 * @param stacks those that the engine lists as empty
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

/** The states after earlier updates, the newest first: their names have the moment in them. */
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
