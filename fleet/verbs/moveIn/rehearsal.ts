import { writeFileSync } from "node:fs";
import { ExitCode, UserError } from "../../../model/errors";
import { LANGFLOW_RELEASE } from "../../../model/langflow";
import { installerWith } from "../../local/installer";
import type { Inventory } from "../../moveIn/inventory";
import { rehearsalOf } from "../../moveIn/rehearsal";
import { rehearsalReport } from "../../moveIn/rehearsalReport";
import { releasePattern } from "../../moveIn/releases";
import { ensureLangFlow } from "../../rehearsal/langflowPackage";
import { requirePythons } from "../../rehearsal/pythons";
import { html } from "../../report/html";
import { today } from "../../report/report";
import { terminalLines } from "../../report/terminal";
import { print, report } from "../../terminal/messages";
import type { RehearseOptions } from "./verb";

/**
 * Loads, opens and runs each flow of an existing LangFlow in temporary LangFlows. Changes neither the existing LangFlow
 * nor the fleet.
 *
 * Exit 0 if no flow differs; 13 if a flow differs, as listed in the table.
 */
export async function rehearseSource(options: RehearseOptions): Promise<ExitCode> {
  const { from, config, out, json, signal } = options;
  requirePythons(options);
  const inspection = { from, config, environment: process.env, signal };
  const installer = installerWith(report, signal);
  const newPython = options.newPython ?? (await ensureLangFlow(installer, LANGFLOW_RELEASE));
  const oldPython = async (inventory: Inventory): Promise<string | undefined> => {
    if (options.withoutOld) return undefined;
    if (options.oldPython !== undefined) return options.oldPython;
    const old = releasePattern(inventory);
    if (old === undefined)
      throw new UserError(
        "the source's LangFlow release is unknown and cannot be installed: pass a Python that has it with --old-python, or add --without-old",
        ExitCode.BadInput,
      );
    return ensureLangFlow(installer, old);
  };
  const rehearsal = await rehearsalOf({ inspection, newPython, oldPython, report });
  const exitCode = rehearsal.counts.differs > 0 ? ExitCode.Disproved : ExitCode.Success;
  const shown = rehearsalReport(rehearsal, today());
  if (out !== undefined) writeFileSync(out, html(shown));
  if (json) print(JSON.stringify({ verb: "move-in rehearse", exitCode, ...rehearsal }, null, 2));
  else print(...terminalLines(shown));
  return exitCode;
}
