import { ExitCode } from "../../model/errors";
import { print, type VerbOptions, withSession } from "../command";
import { afterwords, asJson, exitCodeOf } from "../report";
import { runPreview, showChanges } from "./preview";

/**
 * Compares the code with the clouds themselves, by a refreshing preview. Exit 0: no difference; 7: drift; anything
 * else: it could not be told, which is neither.
 */
export async function drift(options: VerbOptions): Promise<ExitCode> {
  return withSession(options, "require", async (opened) => {
    const runs = await runPreview(opened, { refresh: true });
    const drifted = runs.some(({ changes }) => changes.length > 0);
    const exitCode = exitCodeOf(runs) || (drifted ? ExitCode.Drift : ExitCode.Success);
    if (options.json) print(asJson("drift", options.local, runs, exitCode));
    else print(...showChanges(runs), ...afterwords(runs));
    return exitCode;
  });
}
