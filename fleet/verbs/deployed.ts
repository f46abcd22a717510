import { ExitCode } from "../../model/errors";
import { print } from "../command";
import { gitHub } from "../github/client";
import { deployedCommit } from "../github/deployment";

/** Prints the commit that the workflow Deploy last brought to the clouds: what drift is to be measured against. */
export async function deployed({ json }: { readonly json: boolean }): Promise<ExitCode> {
  const commit = await deployedCommit(gitHub());
  print(json ? JSON.stringify({ verb: "deployed", commit }, null, 2) : commit);
  return ExitCode.Success;
}
