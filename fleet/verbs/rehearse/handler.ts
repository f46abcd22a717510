import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import type { Installer } from "../../../sandbox/live/tools/installer";
import { ensurePostgres } from "../../../sandbox/live/tools/postgres";
import { installerWith } from "../../local/installer";
import { flowsOfDatabase, flowsOfFolder, userNames } from "../../moveIn/readFlows";
import { requireRegion } from "../../moveIn/regionName";
import { ensureLangFlow, isRelease, releaseInImage } from "../../rehearsal/langflowPackage";
import { requirePythons } from "../../rehearsal/pythons";
import { starterFolder } from "../../rehearsal/starterFolder";
import { html } from "../../report/html";
import { today } from "../../report/report";
import { terminalLines } from "../../report/terminal";
import { withSession } from "../../stacks/withSession";
import { print, report } from "../../terminal/messages";
import { backupPlace, type OpenedPlace } from "../../upgrade/backupPlace";
import { upgradeReport } from "../../upgrade/report";
import { mayUpgrade, rehearseUpgrade } from "../../upgrade/upgradeRehearsal";
import type { RehearseUpgradeOptions } from "./verb";

/**
 * Rehearses a LangFlow upgrade on a copy of a region's newest backup. Changes nothing in the region.
 *
 * Exit 0 if nothing prevents the upgrade; 13 if a step fails or a flow differs, as explained in the tables.
 */
export async function rehearse(options: RehearseUpgradeOptions): Promise<ExitCode> {
  const { langflow, backup, out, json, signal } = options;
  refuseUnknown(options);
  const installer = installerWith(report, signal);
  const opened = await placeOf(options);
  try {
    const newPython = options.newPython ?? (await ensureLangFlow(installer, langflow));
    const rehearsal = await rehearseUpgrade({
      source: opened.place,
      ...(backup !== undefined && { backup }),
      postgres: await ensurePostgres(installer, join(newPython, "python")),
      newPython,
      oldPython: (version) => oldPython(installer, version, options),
      storedFlows: async (url) => {
        const { flows, inventory } = await flowsOfDatabase(url, signal);
        return { flows, users: userNames(inventory) };
      },
      starterFlows: async (pythonBin) => (await flowsOfFolder(await starterFolder(installer, pythonBin), signal)).flows,
      report,
      signal,
    });
    const exitCode = mayUpgrade(rehearsal) ? ExitCode.Success : ExitCode.Disproved;
    const shown = upgradeReport(rehearsal, today());
    if (out !== undefined) writeFileSync(out, html(shown));
    if (json) print(JSON.stringify({ verb: "rehearse", exitCode, ...rehearsal }, null, 2));
    else print(...terminalLines(shown));
    return exitCode;
  } finally {
    opened.close();
  }
}

/** @throws UserError (BadInput) before anything is read or installed */
function refuseUnknown({ langflow, oldPython: old, newPython, withoutOld, out }: RehearseUpgradeOptions): void {
  if (!isRelease(langflow))
    throw new UserError(
      `--langflow ${langflow} is not a LangFlow release: use a version from PyPI, such as 1.13.1`,
      ExitCode.BadInput,
    );
  requirePythons({ oldPython: old, newPython, withoutOld, out });
}

async function placeOf(options: RehearseUpgradeOptions): Promise<OpenedPlace> {
  return withSession(options, { localCloud: "require", changes: false }, async (opened) => {
    const [first = ""] = [...opened.project.stacks].flatMap(([name, { kind }]) => (kind === "region" ? [name] : []));
    const region = options.region ?? first;
    requireRegion(region, opened.project);
    return backupPlace(region, opened, options.signal);
  });
}

async function oldPython(
  installer: Installer,
  version: string,
  { oldPython: given, withoutOld }: RehearseUpgradeOptions,
): Promise<string | undefined> {
  if (withoutOld) return undefined;
  if (given !== undefined) return given;
  const release = releaseInImage(version);
  if (release === undefined)
    throw new UserError(
      `the backup does not record its LangFlow release (${version}): pass a Python that has it with --old-python, or add --without-old`,
      ExitCode.BadInput,
    );
  return ensureLangFlow(installer, release);
}
