import { ExitCode, UserError } from "../../model/errors";
import { backendOf } from "./backend";
import type { Project } from "./project";

interface ListedStack {
  /** `organization/project/stack` where all are asked for, else as short as the backend makes it. */
  readonly name: string;
  readonly resourceCount?: number;
}

/**
 * The backend's stacks of this project.
 *
 * A folder or bucket of state holds one fleet: what lies there under another project's name is this one, renamed, and an
 * `up` would make everything once more. In Pulumi Cloud other projects are others'.
 *
 * @throws UserError exit 2 where the project was renamed over a deployed fleet
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
