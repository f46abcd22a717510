import { report, withSession } from "../../cli/command";
import type { ImportOptions } from "../../verbs/moveIn";
import { cloudTarget } from "../cloudTarget";
import { localTarget } from "../localTarget";
import { type Imported, importSource } from "./importSource";

/** An import as the command line asks for it, into a region of the local fleet or on the clouds. @throws UserError as {@link importSource} */
export function importIntoRegion(options: ImportOptions): Promise<Imported> {
  const { from, config, region, withoutSecrets, local, signal } = options;
  return withSession(options, { localCloud: "require", changes: false }, async ({ session, project }) => {
    const target = local ? await localTarget(region, session, project) : await cloudTarget(region, session, project);
    const asked = { from, config, withoutSecrets, environment: process.env, signal, report, target };
    return importSource(asked).finally(target.close);
  });
}
