import { ExitCode } from "../../../model/errors";
import { gitHub } from "../../github/client";
import { deployedCommit } from "../../github/deployment";
import { asking } from "../../github/refusal";
import { print } from "../../terminal/messages";
import type { DeployedOptions } from "./verb";

/** Prints the commit that the Deploy workflow last deployed to the clouds. Drift is measured against this commit. */
export async function deployed({ json }: DeployedOptions): Promise<ExitCode> {
  const hub = gitHub();
  const commit = await asking("actions: read and contents: read", () => deployedCommit(hub));
  print(json ? JSON.stringify({ verb: "deployed", commit }, null, 2) : commit);
  return ExitCode.Success;
}
