import type { LangFlow } from "./langflow";
import { NAMES } from "./ordinaryUser";
import type { Check } from "./report";

const FIRST = "edited by the clock that is ahead";
const LATER = "edited after that, by the clock that is right";

/**
 * A flow that is edited first in a region whose clock is ahead, and then in a region whose clock is correct. By their
 * timestamps, the second edit appears older.
 */
export class RivalEdits {
  private constructor(private readonly flowId: string) {}

  static async make(langflow: LangFlow, drill: string): Promise<RivalEdits> {
    return new RivalEdits(await langflow.createEmpty(`${NAMES.flow}of two clocks, ${drill}`, "not edited yet"));
  }

  async isIn(langflow: LangFlow): Promise<boolean> {
    return (await langflow.flows()).some(({ id }) => id === this.flowId);
  }

  async edit(ahead: LangFlow, right: LangFlow): Promise<void> {
    await ahead.save(this.flowId, FIRST, FIRST);
    await right.save(this.flowId, LATER, LATER);
  }

  /** Checks that a region has the later edit, either as the flow itself or as a copy next to it. */
  async kept(region: string, langflow: LangFlow): Promise<Check> {
    const said = (await langflow.flows()).flatMap(({ description }) => description ?? []);
    const isThere = said.includes(LATER);
    const where = said.includes(FIRST) ? "together with the earlier edit" : "instead of the earlier edit";
    return {
      name: `the later of two edits is in ${region}, although the clocks differ`,
      passed: isThere,
      said: isThere ? where : "the later edit is missing",
    };
  }
}

/**
 * Checks that a region's clock is ahead, based on the Date header of its LangFlow.
 *
 * @param url URL of the region's LangFlow
 * @param wantedSeconds expected offset of the clock, in seconds
 */
export async function isAhead(region: string, url: string, wantedSeconds: number): Promise<Check> {
  const name = `the clock of ${region} is ${wantedSeconds} s ahead`;
  const { headers } = await fetch(url, { headers: { connection: "close" } });
  const seconds = (Date.parse(headers.get("date") ?? "") - Date.now()) / 1000;
  // The tolerance covers the Date header's resolution of one second and slow answers of a busy region.
  const passed = Math.abs(seconds - wantedSeconds) < wantedSeconds / 10;
  return {
    name,
    passed,
    said: Number.isNaN(seconds) ? "its responses have no Date header" : `${seconds.toFixed(0)} s`,
  };
}
