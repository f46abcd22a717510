import { z } from "zod";
import { ExitCode } from "../../../agent/process/errors";
import { NotCheckable } from "../../checks/checkResult";
import type { Rehearsal } from "../evidence";

/** How an `agent restore --rehearse` ended, and the end of its log. */
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
 * What a rehearsal says of the backup.
 *
 * @throws NotCheckable where there is none; Error where the agent could not get at it, which says nothing of it
 */
export function rehearsalIn({ exitCode, log }: Ended): Rehearsal {
  const lines = log.split("\n").flatMap((line) => parsed(line) ?? []);
  const said = lines.flatMap((line) => errorShape.safeParse(line).data?.message ?? []).at(-1) ?? "it says no reason";
  if (exitCode === ExitCode.BadInput) throw new NotCheckable(said);
  if (exitCode === ExitCode.Unreachable) throw Object.assign(new Error(said), { code: "ECONNREFUSED" });
  if (exitCode !== ExitCode.Success) return { id: "it", seconds: 0, amiss: [said], said };
  const done = lines.flatMap((line) => doneShape.safeParse(line).data ?? []).at(-1);
  if (!done) throw new Error("the rehearsal ended well and says of nothing that it restored it");
  const { id, seconds, users, flows } = done;
  return { id, seconds, amiss: [], said: `${users} users, ${flows} flows, as its manifest says` };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
