import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { FlowText } from "../../../formats/moveIn/result";
import { ExitCode, UserError } from "../../../model/errors";

export interface WrittenFlows {
  /** Paths relative to the output folder. */
  readonly files: readonly string[];
  /** Flows that could not be written as files, with the reason. */
  readonly left: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * @throws UserError exit 2 if the folder is not empty, because existing files could be mistaken for flows of the fleet
 */
export function requireEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new UserError(`${folder} is not empty: pass a new folder as --out`, ExitCode.BadInput);
}

/** Writes flows to one folder per user. Only the current user can read the files. */
export function writeFlows(flows: readonly FlowText[], folder: string): WrittenFlows {
  const files: string[] = [];
  const left: WrittenFlows["left"][number][] = [];
  for (const flow of flows) {
    if (!("text" in flow)) {
      left.push({ id: flow.id, reason: flow.reason });
      continue;
    }
    const file = join(folder, flow.path);
    // The path comes from a pod of the region and is not trusted: it must not lead out of the folder.
    if (relative(folder, file).startsWith(".."))
      throw new Error(`the path of a flow's file is outside of the folder: ${flow.path}`);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, flow.text, { mode: 0o600 });
    files.push(flow.path);
  }
  return { files, left };
}
