import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { throttle } from "../../agent/moveIn/throttle";
import { ExitCode, UserError } from "../../model/errors";
import { componentChanges } from "../rehearsal/componentChanges";
import { type Counts, countsOf } from "../rehearsal/flowTables";
import { type RehearsedFlow, rehearse } from "../rehearsal/rehearse";
import { RehearsedLangFlow } from "../rehearsal/rehearsedLangFlow";
import { Stage } from "../rehearsal/stage";
import type { Inspection } from "./inspect";
import type { Inventory } from "./inventory";
import { readFlows, userNames } from "./readFlows";

export interface RehearsalOfSource {
  readonly inspection: Inspection;
  /** Folder of programs of a Python with the fleet's LangFlow. */
  readonly newPython: string;
  /** The same of the source's, which is asked for once the source is read; undefined: there is none to compare with. */
  readonly oldPython: (inventory: Inventory) => Promise<string | undefined>;
  readonly report: (message: string) => void;
}

export interface Rehearsal {
  readonly source: Inventory["source"];
  /** In their own words; without `old` there was none to compare with. */
  readonly releases: { readonly new: string; readonly old?: string };
  readonly flows: readonly RehearsedFlow[];
  readonly counts: Counts;
}

const TOLD_EVERY_MS = 5_000;

/**
 * Every flow of a source in two LangFlows of the rehearsal's own, the old release and the fleet's, with doubles of its models. In the
 * source and in the fleet nothing is changed; of the rehearsal nothing is left.
 *
 * @throws UserError (BadInput) where there is no flow, or the source cannot be read; (ResourceFailed) where LangFlow does not start;
 *   (Cancelled)
 */
export async function rehearsalOf({ inspection, newPython, oldPython, report }: RehearsalOfSource): Promise<Rehearsal> {
  const { signal } = inspection;
  const { inventory, flows } = await readFlows(inspection);
  if (flows.length === 0)
    throw new UserError(
      `${inventory.source.place} has no flow of a user: there is nothing to rehearse`,
      ExitCode.BadInput,
    );
  const old = await oldPython(inventory);
  const folder = await mkdtemp(join(tmpdir(), "rehearsal-"));
  const started: RehearsedLangFlow[] = [];
  const stageOf = async (pythonBin: string, name: string) => {
    const langflow = await RehearsedLangFlow.start(pythonBin, join(folder, name), signal);
    started.push(langflow);
    return { stage: new Stage(langflow), version: await langflow.version() };
  };
  try {
    report(`starting ${old === undefined ? "a LangFlow" : "two LangFlows"} of the rehearsal's own`);
    const stages = await all([
      stageOf(newPython, "new"),
      old === undefined ? Promise.resolve(undefined) : stageOf(old, "old"),
    ]);
    const [now, before] = stages;
    if (!now) throw new Error("a rehearsal needs the new LangFlow");
    const rehearsed = await rehearse(flows, userNames(inventory), {
      now: now.stage,
      old: before?.stage,
      changes: (graphs) => componentChanges(newPython, folder, graphs, signal),
      progress: throttle(report, TOLD_EVERY_MS),
    });
    return {
      source: inventory.source,
      releases: { new: now.version, ...(before && { old: before.version }) },
      flows: rehearsed,
      counts: countsOf(rehearsed),
    };
  } finally {
    await Promise.all(started.map((each) => each.end()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** All of them, or the first failure once none of them goes on. */
async function all<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(works);
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}
