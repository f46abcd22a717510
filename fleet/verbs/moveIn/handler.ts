import pc from "picocolors";
import { ExitCode, UserError } from "../../../model/errors";
import { requireEmpty } from "../../moveIn/cutOver/flowFiles";
import { moveInFindings } from "../../moveIn/findings";
import { inspect } from "../../moveIn/inspect";
import { bytesOf, userCounts } from "../../moveIn/inventory";
import { releaseOf } from "../../moveIn/releases";
import { flowsByUser, inspectionReport } from "../../moveIn/report";
import { fittingSize } from "../../moveIn/size";
import { terminalLines } from "../../report/terminal";
import { print, report } from "../../terminal/messages";
import type { CollectOptions, ImportOptions, InspectOptions } from "./verb";

/**
 * Copies the data of an existing LangFlow to a folder that the other verbs can read. Changes nothing in the LangFlow.
 *
 * Exit 0 if the copy is complete; 2 if nothing was written, with the reason.
 */
export async function collectFrom({ python, out, print: isPrinted, json, signal }: CollectOptions): Promise<ExitCode> {
  const { collect, collectedAt, collectingScript } = await import("../../moveIn/collecting/collect");
  if (isPrinted) {
    print(collectingScript());
    return ExitCode.Success;
  }
  if (python === undefined || out === undefined)
    throw new UserError(
      '--python and --out are required: move-in collect --python "docker exec -i langflow python" --out collected; or use --print',
      ExitCode.BadInput,
    );
  if (collectedAt(out) === undefined) requireEmpty(out);
  const collected = await collect({ python, out, report, signal });
  if (json) {
    print(JSON.stringify({ verb: "move-in collect", exitCode: ExitCode.Success, out, ...collected }, null, 2));
    return ExitCode.Success;
  }
  const { langflow, database, config, files, warnings } = collected;
  print(
    `${langflow ?? "LangFlow"} on ${database}, with ${files} files of ${config}: copied to ${out}`,
    ...warnings.map((each) => pc.yellow(`warning: ${each}`)),
    `next: npm run fleet -- move-in inspect --from ${out}`,
  );
  return ExitCode.Success;
}

/**
 * Inspects an existing LangFlow and reports what an import would and would not transfer. Changes nothing in the
 * LangFlow.
 *
 * Exit 0 if everything could be read, regardless of the findings.
 */
export async function inspectSource({ from, config, json, signal }: InspectOptions): Promise<ExitCode> {
  const inventory = await inspect({ from, config, environment: process.env, signal });
  const findings = moveInFindings(inventory);
  const size = fittingSize(inventory);
  if (!json) {
    print(...terminalLines(inspectionReport(inventory, findings, size)));
    return ExitCode.Success;
  }
  const { flows, users, flowsOf: _, files, ciphertexts, ...told } = inventory;
  const inspected = {
    verb: "move-in inspect",
    exitCode: ExitCode.Success,
    release: releaseOf(inventory),
    ...told,
    users: users && userCounts(users),
    flowsByUser: flowsByUser(inventory),
    flows: { count: flows.length, bytes: bytesOf(flows) },
    files: files && { count: files.count, bytes: files.bytes },
    ciphertexts: ciphertexts && { ...ciphertexts, unreadable: ciphertexts.unreadable.length },
    findings,
    size,
  };
  print(JSON.stringify(inspected, null, 2));
  return ExitCode.Success;
}

/**
 * Imports an existing LangFlow into a region, or imports what has changed since the last import. Does not change the
 * source.
 *
 * Exit 0 if every region has everything except what `inspect` excludes; 13 if something is missing, as listed in the
 * report; 2 if nothing was imported, with the reason.
 */
export async function importInto(options: ImportOptions): Promise<ExitCode> {
  // Loaded lazily, because `inspect` does not need these modules.
  const { carriedRows, endOfImport, importReport } = await import("../../moveIn/importing/importReport");
  const { importIntoRegion } = await import("../../moveIn/importing/importIntoRegion");
  const { region, json } = options;
  const imported = await importIntoRegion(options);
  const exitCode = options.signal.aborted ? ExitCode.Cancelled : endOfImport(imported);
  if (!json) print(...terminalLines(importReport(region, imported)));
  else {
    const rows = carriedRows(imported.tables);
    print(JSON.stringify({ verb: "move-in import", exitCode, region, ...imported, rows }, null, 2));
  }
  return exitCode;
}

/**
 * Imports an existing LangFlow into a local fleet, restarts LangFlow in each region, signs in as each user, and
 * compares what the user sees with the source. Runs no flow.
 *
 * Exit 0 if everything is equal except what `inspect` predicts; 13 if something differs, as listed in the report; 2 if
 * nothing was imported, with the reason.
 */
export async function tryIn(options: ImportOptions): Promise<ExitCode> {
  if (!options.local)
    throw new UserError(
      "move-in try restarts LangFlow in each region, so it works only on a local fleet: add --local and a separate --directory",
      ExitCode.BadInput,
    );
  const { trialOf } = await import("../../moveIn/trial/trial");
  const { endOfTrial, trialReport } = await import("../../moveIn/trial/trialReport");
  const { region, json, signal } = options;
  const trial = await trialOf(options);
  const exitCode = signal.aborted ? ExitCode.Cancelled : endOfTrial(trial);
  if (json) print(JSON.stringify({ verb: "move-in try", exitCode, region, ...trial }, null, 2));
  else print(...terminalLines(trialReport(region, trial)));
  return exitCode;
}
