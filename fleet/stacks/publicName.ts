import { ExitCode, UserError } from "../../model/errors";
import type { Project } from "./project";
import type { Session } from "./session";

/** What is updated: the stacks in the waves that they run in. */
interface Updated {
  readonly project: Project;
  readonly session: Session;
  readonly order: readonly (readonly string[])[];
}

/**
 * While the public name changes: that the config says which one the edge has until now, since without its certificate each region
 * would be dead to Cloudflare from its own turn on; and that the edge comes after every region, whose certificate of the new one Cloudflare
 * asks for then. Asked of the states, so that it holds without a preview as well.
 *
 * @throws UserError exit 2
 */
export async function requireFormerName({ project, session, order }: Updated): Promise<void> {
  const edge = project.stacks.get("edge");
  if (!edge || !session.has("edge")) return;
  const { hostname, formerHostname, regions } = edge.fleet;
  const outputsOf = async (stack: string): Promise<Record<string, unknown>> =>
    JSON.parse(await session.run(stack, ["stack", "output", "--json"]));
  const { url } = await outputsOf("edge");
  if (typeof url !== "string") return;
  const served = new URL(url).hostname;
  if (served !== hostname && served !== formerHostname)
    throw new UserError(
      `the public name changes from ${served} to ${hostname}: set formerHostname to ${served} in Pulumi.yaml (docs/operations/change-the-hostname.md)`,
      ExitCode.BadInput,
    );
  const updated = order.flat();
  if (served === hostname || !updated.includes("edge")) return;
  for (const { name } of regions)
    if (!updated.includes(name) && session.has(name) && (await outputsOf(name)).hostname !== hostname)
      throw new UserError(
        `${name} does not serve ${hostname} yet, and the edge would probe it under that name: deploy ${name} before the edge, or both (docs/operations/change-the-hostname.md)`,
        ExitCode.BadInput,
      );
}
