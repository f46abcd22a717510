import { ExitCode, UserError } from "../../model/errors";
import type { Project } from "./project";
import type { Session } from "./session";

/**
 * That the config says which public name the edge has until now, where it says another: without its certificate each region would be
 * dead to Cloudflare from its own turn on. Asked of the edge's state, so that it holds without a preview as well.
 *
 * @throws UserError exit 2
 */
export async function requireFormerName({ project, session }: { project: Project; session: Session }): Promise<void> {
  const edge = project.stacks.get("edge");
  if (!edge || !session.has("edge")) return;
  const { hostname, formerHostname } = edge.fleet;
  const outputs: unknown = JSON.parse(await session.run("edge", ["stack", "output", "--json"]));
  const { url } = outputs as { url?: unknown };
  if (typeof url !== "string") return;
  const served = new URL(url).hostname;
  if (served !== hostname && served !== formerHostname)
    throw new UserError(
      `the public name changes from ${served} to ${hostname}: set formerHostname to ${served} in Pulumi.yaml (docs/operations/change-the-hostname.md)`,
      ExitCode.BadInput,
    );
}
