import { type Looks, lookRegularly } from "../looks";
import type { DrillMetrics } from "./metrics";
import type { PastDrills } from "./pastDrills";

export interface DrillsLoopOptions extends Pick<Looks, "log" | "signal"> {
  readonly drills: Pick<PastDrills, "look">;
  readonly metrics: Pick<DrillMetrics, "found">;
}

/** Keeps the metrics of the newest drills, until the signal. A bucket that does not answer leaves them as they are. */
export class DrillsLoop {
  constructor(private readonly options: DrillsLoopOptions) {}

  run(): Promise<void> {
    const { drills, metrics, log, signal } = this.options;
    const look = async () => metrics.found(await drills.look());
    return lookRegularly({ look, trouble: "the newest drills cannot be looked up", log, signal });
  }
}
