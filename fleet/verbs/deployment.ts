import { ExitCode, UserError } from "../../model/errors";
import { type Deployment, WAITS } from "../prove/assumption";
import type { Clouds } from "../prove/clouds";
import { withoutNoise } from "../stacks/noise";
import { exitCodeOf as exitCodeOfRuns } from "../stacks/report";
import { stackOutputs } from "../stacks/stackOutputs";
import type { Opened } from "../stacks/withSession";
import { runPreview } from "./preview/handler";

/** Opens the deployed fleet and its clouds for read-only checks. The caller must close the clouds. */
export async function openDeployment(
  opened: Opened,
  { local, signal }: { readonly local: boolean; readonly signal: AbortSignal },
): Promise<Deployment> {
  const { session, project } = opened;
  const outputs = await stackOutputs(session, project);
  const stacks = [...project.stacks.values()];
  const regions = stacks.filter((stack) => stack.kind === "region");
  const edge = stacks.find((stack) => stack.kind === "edge");
  if (!edge) throw new Error("internal error: project has no edge stack");
  const clouds = await cloudsOf();
  return { clouds, regions, edge, outputs, drifted: () => drifted(opened), waits: WAITS, signal };

  async function cloudsOf(): Promise<Clouds> {
    if (local) {
      const { LocalClouds }: typeof import("../prove/localClouds") = require("../prove/localClouds");
      return LocalClouds.open(session, outputs);
    }
    const { RealClouds }: typeof import("../prove/realClouds") = require("../prove/realClouds");
    return RealClouds.open({ regions, outputs, signal });
  }
}

async function drifted(opened: Opened): Promise<string[]> {
  const runs = await runPreview(opened, { refresh: true });
  const exitCode = exitCodeOfRuns(runs);
  if (exitCode !== ExitCode.Success)
    throw new UserError(runs.flatMap(({ failure }) => failure?.message ?? []).join("\n"), exitCode);
  return runs.flatMap(({ stack, changes }) =>
    withoutNoise(changes).changes.map(({ operation, name, type }) => `${stack} ${operation} ${type} ${name}`),
  );
}
