import { existsSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { print, report, withSession } from "../cli/command";
import { installerWith } from "../local/installer";
import type { Inspection } from "../moveIn/inspect";
import type { Inventory } from "../moveIn/inventory";
import { requireRegion } from "../moveIn/regionName";
import { ensureLangFlow } from "../moveIn/rehearsal/langflowPackage";
import { rehearsalOf } from "../moveIn/rehearsal/rehearsal";
import { rehearsalPage, rehearsalReport } from "../moveIn/rehearsal/rehearsalReport";
import { OUR_RELEASE, releasePattern } from "../moveIn/releases";
import type { RehearseOptions } from "../verbs/moveIn";

const DAY_LENGTH = 10;

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
  const today = new Date().toISOString().slice(0, DAY_LENGTH);
  if (out !== undefined) writeFileSync(out, rehearsalPage(rehearsal, today));
  if (json) print(JSON.stringify({ verb: "move-in rehearse", exitCode, ...rehearsal }, null, 2));
  else print(...rehearsalReport(rehearsal));
  return exitCode;
}

/** @throws UserError (BadInput) before anything is read or installed */
function refuseUnknown({ oldPython, newPython, withoutOld, out, region, local }: RehearseOptions): void {
  for (const [name, folder] of Object.entries({ "--old-python": oldPython, "--new-python": newPython }))
    if (folder !== undefined && !existsSync(join(folder, "python")))
      throw new UserError(
        `${name} ${folder} has no program python: give the folder bin of an environment with LangFlow`,
        ExitCode.BadInput,
      );
  if (oldPython !== undefined && withoutOld)
    throw new UserError("--old-python and --without-old exclude each other: give one of them", ExitCode.BadInput);
  if (out !== undefined && !existsSync(dirname(resolve(out))))
    throw new UserError(`${dirname(resolve(out))} is not there: make the folder of --out first`, ExitCode.BadInput);
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
