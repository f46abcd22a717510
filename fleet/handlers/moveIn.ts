import { ExitCode } from "../../model/errors";
import { print } from "../cli/command";
import { moveInFindings } from "../moveIn/findings";
import { inspect } from "../moveIn/inspect";
import { bytesOf, userCounts } from "../moveIn/inventory";
import { releaseOf } from "../moveIn/releases";
import { flowsByUser, inspectionReport } from "../moveIn/report";
import { fittingSize } from "../moveIn/size";
import type { InspectOptions } from "../verbs/moveIn";

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
  const report = {
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
  print(JSON.stringify(report, null, 2));
  return ExitCode.Success;
}
