import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { LangFlow } from "./langflow";
import { markedAt, stamp } from "./markers";
import { NAMES } from "./ordinaryUser";
import type { Check } from "./report";

const SAVE_MS = 2_000;
/**
 * Number of random three-digit numbers in each save. Even compressed, a save needs far more space than the free space
 * in a database's pages.
 */
const NUMBERS = 100_000;

interface Save {
  /** When the save was sent, in milliseconds since 1970. */
  readonly at: number;
  /** When LangFlow answered, in milliseconds since 1970. */
  readonly until: number;
  /** LangFlow's error message, if the save failed. */
  readonly refusal?: string;
}

/** A user in one region who saves one flow repeatedly. The flow is so large that each save needs new disk space. */
export class Saves {
  private readonly made: Save[] = [];
  private readonly stopped = new AbortController();
  private writer: Promise<void> = Promise.resolve();

  private constructor(
    private readonly langflow: LangFlow,
    readonly flowId: string,
  ) {}

  /** Creates the flow. @returns after the first successful save */
  static async start(langflow: LangFlow, drill: string): Promise<Saves> {
    const saves = new Saves(langflow, await langflow.createEmpty(`${NAMES.flow}that grows, ${drill}`, ""));
    await saves.save();
    saves.writer = saves.goOn();
    return saves;
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.writer;
  }

  /** Returns when the first successful save after `moment` was sent. Both are milliseconds since 1970. */
  takenSince(moment: number): number | undefined {
    return this.made.find(({ at, refusal }) => at >= moment && refusal === undefined)?.at;
  }

  /**
   * Checks that saves failed while the disk was full, and succeeded afterwards.
   *
   * @param from when the disk became full, in milliseconds since 1970, like the next two
   * @param freed when freeing began; saves that were answered later may have succeeded
   * @param to when disk space was available again
   */
  checks(region: string, from: number, freed: number, to: number): Check[] {
    const during = this.made.filter(({ at, until }) => at >= from && until < freed);
    const refusals = during.flatMap(({ refusal }) => refusal ?? []);
    const taken = this.takenSince(to);
    return [
      {
        name: `${region} rejects all saves while its disk is full`,
        passed: refusals.length > 0 && refusals.length === during.length,
        said: `${refusals.length} of ${during.length} rejected${refusals.length > 0 ? `: ${refusals[0]}` : ""}`,
      },
      {
        name: `${region} accepts saves again without intervention`,
        passed: taken !== undefined,
        said:
          taken === undefined
            ? "no save succeeded"
            : `${((taken - to) / 1000).toFixed(1)} s after disk space was freed`,
      },
    ];
  }

  /** Checks that a region has the last successful save. Call this after stopping the saves. */
  async kept(region: string, langflow: LangFlow): Promise<Check> {
    const name = `the last accepted save is in ${region}`;
    const last = this.made.findLast(({ refusal }) => refusal === undefined)?.at ?? 0;
    const flow = (await langflow.flows()).find(({ id }) => id === this.flowId);
    const found = markedAt(flow?.description);
    const said =
      found === undefined ? "the flow is missing, or has no timestamp" : `as it was saved at ${stamp(found)}`;
    return { name, passed: found === last, said };
  }

  private async goOn(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      await sleep(SAVE_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.save();
    }
  }

  private async save(): Promise<void> {
    const at = Date.now();
    const numbers = Array.from(randomBytes(NUMBERS), (byte) => 100 + byte).join(" ");
    const refusal = await this.langflow.save(this.flowId, stamp(at), numbers).then(
      () => undefined,
      (error: Error) => error.message,
    );
    this.made.push({ at, until: Date.now(), ...(refusal !== undefined && { refusal }) });
  }
}
