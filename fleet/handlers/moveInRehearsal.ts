import { writeFileSync } from "node:fs";
import { ExitCode, UserError } from "../../model/errors";
import { print, report, withSession } from "../cli/command";
import { installerWith } from "../local/installer";
import type { Inspection } from "../moveIn/inspect";
import type { Inventory } from "../moveIn/inventory";
import { requireRegion } from "../moveIn/regionName";
import { rehearsalOf } from "../moveIn/rehearsal";
import { rehearsalPage, rehearsalReport } from "../moveIn/rehearsalReport";
import { OUR_RELEASE, releasePattern } from "../moveIn/releases";
import { today } from "../page/page";
import { ensureLangFlow } from "../rehearsal/langflowPackage";
import { requirePythons } from "../rehearsal/pythons";
import type { RehearseOptions } from "../verbs/moveIn";

/**
 * Loads, opens and runs each flow of a LangFlow that runs elsewhere, in LangFlows of the rehearsal's own. Neither there nor in the fleet
 * anything is changed.
 *
 * Exit 0 where no flow differs, 13 where one does: the table says in what.
 */
export async function rehearseSource(options: RehearseOptions): Promise<ExitCode> {
  const { from, config, out, json, signal } = options;
  refuseUnknown(options);
  const inspection = { from, config, environment: process.env, signal };
  const installer = installerWith(report, signal);
  const newPython = options.newPython ?? (await ensureLangFlow(installer, OUR_RELEASE));
  const oldPython = async (inventory: Inventory): Promise<string | undefined> => {
    if (options.withoutOld) return undefined;
    if (options.oldPython !== undefined) return options.oldPython;
    const old = releasePattern(inventory);
    if (old === undefined)
      throw new UserError(
        "the release of the source is not known, so that it cannot be installed: give a Python that has it as --old-python, or --without-old",
        ExitCode.BadInput,
      );
    return ensureLangFlow(installer, old);
  };
  const fleet = await regionOf(options, inspection);
  const rehearsal = await rehearsalOf({ inspection, newPython, oldPython, report, ...(fleet && { fleet }) });
  const exitCode = rehearsal.counts.differs > 0 ? ExitCode.Disproved : ExitCode.Success;
  if (out !== undefined) writeFileSync(out, rehearsalPage(rehearsal, today()));
  if (json) print(JSON.stringify({ verb: "move-in rehearse", exitCode, ...rehearsal }, null, 2));
  else print(...rehearsalReport(rehearsal));
  return exitCode;
}

/** @throws UserError (BadInput) before anything is read or installed */
function refuseUnknown({ region, local, ...pythons }: RehearseOptions): void {
  requirePythons(pythons);
  if (region !== undefined && !local)
    throw new UserError(
      "--region is of the local fleet: on the clouds a region's database is reached by its own pods alone; give --local too, or leave it out",
      ExitCode.BadInput,
    );
}

/** How a region's database is read, as any source is. */
async function regionOf(options: RehearseOptions, inspection: Inspection): Promise<Inspection | undefined> {
  const { region } = options;
  if (region === undefined) return undefined;
  const { localDatabase } = await import("../moveIn/localDatabase");
  return withSession(options, { localCloud: "require", changes: false }, async ({ session, project }) => {
    requireRegion(region, project);
    const { host, port, user, password, database: name } = await localDatabase(region, session);
    const url = `postgresql://${encodeURIComponent(user)}@${host}:${port}/${name}`;
    return { ...inspection, from: url, config: undefined, environment: { PGPASSWORD: password } };
  });
}
