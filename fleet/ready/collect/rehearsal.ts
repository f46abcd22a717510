import { z } from "zod";
import { ExitCode } from "../../../formats/agentErrors";
import { NotCheckable } from "../../checks/checkResult";
import type { Rehearsal } from "../evidence";

/** Exit code and end of the log of an `agent restore --rehearse`. */
export interface Ended {
  readonly exitCode: number;
  readonly log: string;
}

const doneShape = z.object({
  message: z.literal("rehearsal done"),
  id: z.string(),
  seconds: z.number(),
  bytes: z.number(),
  users: z.number(),
  flows: z.number(),
});
const errorShape = z.object({ level: z.literal("error"), message: z.string() });

/**
 * Parses the result of a restore rehearsal.
 *
 * @throws NotCheckable if the region has no backup; Error if the agent could not read the backup, so its quality is
 * unknown
 */
export function rehearsalIn({ exitCode, log }: Ended): Rehearsal {
  const lines = log.split("\n").flatMap((line) => parsed(line) ?? []);
  const said = lines.flatMap((line) => errorShape.safeParse(line).data?.message ?? []).at(-1) ?? "it logged no reason";
  if (exitCode === ExitCode.BadInput) throw new NotCheckable(said);
  if (exitCode === ExitCode.Unreachable) throw Object.assign(new Error(said), { code: "ECONNREFUSED" });
  if (exitCode !== ExitCode.Success) return { id: "it", seconds: 0, amiss: [said], said };
  const done = lines.flatMap((line) => doneShape.safeParse(line).data ?? []).at(-1);
  if (!done) throw new Error("the restore rehearsal succeeded but did not report which backup it restored");
  const { id, seconds, users, flows } = done;
  return { id, seconds, amiss: [], said: `${users} users, ${flows} flows, the same counts as in its manifest` };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
