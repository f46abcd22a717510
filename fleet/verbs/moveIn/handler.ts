import pc from "picocolors";
import { ExitCode, UserError } from "../../../model/errors";
import { requireEmpty } from "../../moveIn/cutOver/flowFiles";
import { moveInFindings } from "../../moveIn/findings";
import { inspect } from "../../moveIn/inspect";
import { bytesOf, userCounts } from "../../moveIn/inventory";
import { releaseOf } from "../../moveIn/releases";
import { flowsByUser, inspectionReport } from "../../moveIn/report";
import { fittingSize } from "../../moveIn/size";
import { print, report } from "../../terminal/messages";
import type { CollectOptions, ImportOptions, InspectOptions } from "./verb";

/**
 * Copies what a LangFlow holds out of the place where it runs, into a folder that the other verbs read. It changes nothing there.
 *
 * Exit 0 where the folder is whole; 2: nothing was written, and why.
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
 * Looks at a LangFlow that runs elsewhere, and says what a move into the fleet would bring and would not. It changes nothing there.
 *
 * Exit 0 where all of it could be read, whatever was found.
 */
export async function inspectSource({ from, config, json, signal }: InspectOptions): Promise<ExitCode> {
  const inventory = await inspect({ from, config, environment: process.env, signal });
  const findings = moveInFindings(inventory);
  const size = fittingSize(inventory);
  if (!json) {
    print(...inspectionReport(inventory, findings, size));
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
 * Brings a LangFlow that runs elsewhere into a region, and again what has changed there since. In the source nothing is changed.
 *
 * Exit 0 where all that `inspect` does not name came, into each region. 13: the report names what did not. 2: nothing was moved, and why.
 */
export async function importInto(options: ImportOptions): Promise<ExitCode> {
  // Looking at a source needs none of it.
  const { carriedRows, endOfImport, importReport } = await import("../../moveIn/importing/importReport");
  const { importIntoRegion } = await import("../../moveIn/importing/importIntoRegion");
  const { region, json } = options;
  const imported = await importIntoRegion(options);
  const exitCode = options.signal.aborted ? ExitCode.Cancelled : endOfImport(imported);
  if (!json) print(...importReport(region, imported));
  else {
    const rows = carriedRows(imported.tables);
    print(JSON.stringify({ verb: "move-in import", exitCode, region, ...imported, rows }, null, 2));
  }
  return exitCode;
}

/**
 * Imports a LangFlow that runs elsewhere into a local fleet, starts LangFlow again in each region, signs each user in there, and compares
 * what they find with the source. It runs no flow.
 *
 * Exit 0 where all is the same but what `inspect` names; 13: the report names what is not. 2: nothing was moved, and why.
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
  else print(...trialReport(region, trial));
  return exitCode;
}
