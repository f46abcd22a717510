import { ExitCode, UserError } from "../../model/errors";
import type { Project } from "./project";
import type { Session } from "./session";

/** An update: its project, session, and stacks in waves. */
interface Updated {
  readonly project: Project;
  readonly session: Session;
  readonly order: readonly (readonly string[])[];
}

/**
 * Checks two conditions while the public name changes. First, the config must contain the edge's current name: without
 * its certificate, each region would fail Cloudflare's health checks as soon as it is updated. Second, every region
 * must be updated before the edge, because Cloudflare then checks the regions' certificates for the new name. The check
 * reads the states, so it also works without a preview.
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
