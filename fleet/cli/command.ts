import { createInterface } from "node:readline/promises";
import { ExitCode, UserError } from "../../model/errors";
import { onlyOne } from "../local/onlyOne";
import { type Project, readProject } from "../stacks/project";
import { waves } from "../stacks/schedule";
import { Session, type SessionOptions } from "../stacks/session";
import type { OF_FLEET } from "./sharedOptions";
import type { Given } from "./verb";

/** What a verb is given that is about the fleet as it is deployed. */
type FleetOptions = Given<typeof OF_FLEET> & {
  /** Stacks to act on; all where absent or empty. */
  readonly stacks?: readonly string[];
};

/** An opened verb: the project checked, the engine at hand, the stacks in order. */
export interface Opened {
  readonly project: Project;
  readonly session: Session;
  readonly order: string[][];
}

/**
 * Checks the config and the stacks named, then opens the engine, then runs `work`.
 *
 * @param changes it changes the fleet: in the local fleet it waits until nothing else does
 * @throws UserError exit 2 before anything is touched
 */
export async function withSession<T>(
  options: FleetOptions,
  { localCloud, changes }: { localCloud: SessionOptions["localCloud"]; changes: boolean },
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const project = readProject(options.project);
  for (const warning of project.warnings) process.stderr.write(`warning: ${warning}\n`);
  const all = [...project.stacks.keys()];
  const { stacks = [], local, directory, signal } = options;
  for (const stack of stacks)
    if (!all.includes(stack))
      throw new UserError(`there is no stack ${stack}; there are ${all.join(", ")}`, ExitCode.BadInput);
  const chosen = all.filter((stack) => stacks.length === 0 || stacks.includes(stack));
  const opened = async () => {
    const session = await Session.open({ project, local, directory, localCloud, signal, report });
    try {
      return await work({ project, session, order: waves(chosen) });
    } finally {
      await session.close();
    }
  };
  return local && changes ? onlyOne(directory, report, signal, opened) : opened();
}

/** Shown while something takes time. */
export function report(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Results go to stdout, all else to stderr, so that a pipe gets results alone. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/**
 * Asks on the terminal, and goes on only with exactly the word asked for.
 *
 * @param refusals what is said where nobody is there to ask, and where the answer is another
 * @throws UserError exit 11, or 8 where it is interrupted
 */
export async function confirm(
  question: string,
  word: string,
  refusals: { readonly nobody: string; readonly declined: string },
): Promise<void> {
  if (!process.stdin.isTTY) throw new UserError(`nobody is here to ask: ${refusals.nobody}`, ExitCode.Refused);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // It rejects for Ctrl-C alone, which while it reads a line is no signal.
  const answer = await prompt.question(`${question}? Only ${word} will do: `).catch(() => {
    throw new UserError(`\ninterrupted: ${refusals.declined}`, ExitCode.Cancelled);
  });
  prompt.close();
  if (answer !== word) throw new UserError(refusals.declined, ExitCode.Refused);
}
