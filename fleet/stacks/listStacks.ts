import { ExitCode, UserError } from "../../model/errors";
import { backendOf } from "./backend";
import type { Project } from "./project";

interface ListedStack {
  /** `organization/project/stack` if all projects are listed; otherwise the backend's short name. */
  readonly name: string;
  readonly resourceCount?: number;
}

/**
 * Lists the backend's stacks of this project.
 *
 * A folder or bucket contains the state of one fleet. A deployed stack under a different project name therefore means
 * that the project was renamed, and `up` would create all resources a second time. In Pulumi Cloud, other projects are
 * unrelated.
 *
 * @throws UserError exit 2 if the project of a deployed fleet was renamed
 */
export async function listStacks(
  { directory, name: project, stacks }: Project,
  local: boolean,
  run: (args: string[]) => Promise<string>,
): Promise<ListedStack[]> {
  const list = async (...args: string[]) => JSON.parse(await run(["stack", "ls", "--json", ...args])) as ListedStack[];
  if (!local && backendOf(directory, process.env).kind === "cloud") return list();
  const all = (await list("--all")).map((each) => ({ ...each, path: each.name.split("/") }));
  const isOwn = ({ path }: { path: string[] }) => path.length < 3 || path.at(-2) === project;
  const renamed = all.find((each) => !isOwn(each) && each.resourceCount && stacks.has(each.path.at(-1) ?? ""));
  if (renamed)
    throw new UserError(
      `Pulumi.yaml: name is ${project}, but the fleet is deployed as ${renamed.path.at(-2)} (stack ${renamed.path.at(-1)}): restore that name`,
      ExitCode.BadInput,
    );
  return all.filter(isOwn);
}
