import { ExitCode, UserError } from "../../model/errors";
import type { OF_FLEET } from "../cli/sharedOptions";
import type { Given } from "../cli/verb";
import { report } from "../terminal/messages";
import { onlyOne } from "./onlyOne";
import { type Project, readProject } from "./project";
import { waves } from "./schedule";
import { Session, type SessionOptions } from "./session";

/** What a verb is given that is about the fleet as it is deployed. */
export type FleetOptions = Given<typeof OF_FLEET> & {
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
