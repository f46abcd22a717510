import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { throttle } from "../../agent/moveIn/throttle";
import { ExitCode, UserError } from "../../model/errors";
import { componentChanges } from "../rehearsal/componentChanges";
import { type Counts, countsOf } from "../rehearsal/flowChapters";
import { type RehearsedFlow, rehearse } from "../rehearsal/rehearse";
import { RehearsedLangFlow } from "../rehearsal/rehearsedLangFlow";
import { Stage } from "../rehearsal/stage";
import type { Inspection } from "./inspect";
import type { Inventory } from "./inventory";
import { readFlows, userNames } from "./readFlows";
import { releaseOf } from "./releases";

export interface RehearsalOfSource {
  readonly inspection: Inspection;
  /** `bin` folder of a Python environment with the fleet's LangFlow. */
  readonly newPython: string;
  /**
   * Returns the `bin` folder of a Python environment with the source's LangFlow release, called once the source is
   * read. Undefined if no such environment exists.
   */
  readonly oldPython: (inventory: Inventory) => Promise<string | undefined>;
  readonly report: (message: string) => void;
}

export interface Rehearsal {
  readonly source: Inventory["source"];
  /** LangFlow's version numbers. `old` is absent if there was no old LangFlow to compare with. */
  readonly releases: { readonly new: string; readonly old?: string };
  readonly flows: readonly RehearsedFlow[];
  readonly counts: Counts;
}

const TOLD_EVERY_MS = 5_000;

/**
 * Runs every flow of a source in two temporary LangFlows, one with the old release and one with the fleet's, with model
 * doubles. Changes neither the source nor the fleet, and deletes everything that it creates.
 *
 * @throws UserError (BadInput) if the source has no flows or cannot be read; (ResourceFailed) if LangFlow does not
 * start; (Cancelled)
 */
export async function rehearsalOf({ inspection, newPython, oldPython, report }: RehearsalOfSource): Promise<Rehearsal> {
  const { signal } = inspection;
  const { inventory, flows } = await readFlows(inspection);
  if (flows.length === 0)
    throw new UserError(
      `${inventory.source.place} has no users' flows, so there is nothing to rehearse`,
      ExitCode.BadInput,
    );
  const old = await oldPython(inventory);
  const folder = await mkdtemp(join(tmpdir(), "rehearsal-"));
  const started: RehearsedLangFlow[] = [];
  const stageOf = async (pythonBin: string, name: string) => {
    const langflow = await RehearsedLangFlow.start(pythonBin, join(folder, name), signal);
    started.push(langflow);
    return { stage: new Stage(langflow), version: releaseOf({ version: await langflow.version() }).said };
  };
  try {
    report(`starting ${old === undefined ? "one LangFlow" : "two LangFlows"} for the rehearsal`);
    const stages = await all([
      stageOf(newPython, "new"),
      old === undefined ? Promise.resolve(undefined) : stageOf(old, "old"),
    ]);
    const [now, before] = stages;
    if (!now) throw new Error("internal error: a rehearsal needs the new LangFlow");
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

/** Waits until all promises have settled. Returns their values or throws the first failure. */
async function all<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(works);
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}
