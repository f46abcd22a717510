import { ExitCode, UserError } from "../../model/errors";
import type { OF_FLEET } from "../cli/sharedOptions";
import type { Given } from "../cli/verb";
import { report } from "../terminal/messages";
import { onlyOne } from "./onlyOne";
import { type Project, readProject } from "./project";
import { waves } from "./schedule";
import { Session, type SessionOptions } from "./session";

/** Options of verbs that work on a deployed fleet. */
export type FleetOptions = Given<typeof OF_FLEET> & {
  /** Stacks to act on. Absent or empty: all. */
  readonly stacks?: readonly string[];
};

/** Context of a verb: the validated project, the session and the stacks in waves. */
export interface Opened {
  readonly project: Project;
  readonly session: Session;
  readonly order: string[][];
}

/**
 * Validates the config and the stack names, opens the session, and runs `work`.
 *
 * @param changes whether the verb changes the fleet; if so, it waits for the local fleet's lock
 * @throws UserError exit 2 before anything is changed
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
      throw new UserError(`unknown stack ${stack}; the stacks are ${all.join(", ")}`, ExitCode.BadInput);
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
