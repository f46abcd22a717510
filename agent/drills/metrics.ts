import { Gauge, type Registry } from "prom-client";
import type { DrillSummary } from "../../formats/drills/summary";
import type { RegionDrills } from "./pastDrills";

const LABELS = ["target_region", "fault"] as const;
type Label = (typeof LABELS)[number];

/** Names of a drill's times, for the label `moment`. */
type Moment = "began" | "fault" | "restored" | "ended";

/** Prometheus metrics of drills, documented in docs/drill.md. Only the newest drill of each region has series. */
export class DrillMetrics {
  readonly #timestamp: Gauge<Label | "moment">;
  readonly #passed: Gauge<Label>;
  readonly #detection: Gauge<Label>;
  readonly #recovery: Gauge<Label>;
  readonly #missed: Gauge<Label | "what">;

  constructor(registry: Registry) {
    const gauge = <More extends string = never>(name: string, help: string, ...more: More[]) =>
      new Gauge<Label | More>({
        name: `langflow_dr_drill_${name}`,
        help,
        labelNames: [...LABELS, ...more],
        registers: [registry],
      });
    this.#timestamp = gauge(
      "timestamp_seconds",
      "When a region's newest drill began, injected the fault, restored the region and ended, and when its newest passed drill ended",
      "moment",
    );
    this.#passed = gauge("passed", "1 if a region's newest drill met all its targets and checks");
    this.#detection = gauge("detection_seconds", "Time from the fault until the monitor marked the region as down");
    this.#recovery = gauge("recovery_seconds", "RTO: time from the fault until the region's users were served again");
    this.#missed = gauge("missed", "1 for each target that a region's newest drill missed", "what");
  }

  /** @param drills by region; the series of any other region are removed */
  found(drills: ReadonlyMap<string, RegionDrills>): void {
    for (const each of [this.#timestamp, this.#passed, this.#detection, this.#recovery, this.#missed]) each.reset();
    for (const { newest, newestPassed } of drills.values()) {
      this.tell(newest);
      if (newestPassed) this.#timestamp.set({ ...labelsOf(newestPassed), moment: "passed" }, newestPassed.ended / 1000);
    }
  }

  private tell(drill: DrillSummary): void {
    const labels = labelsOf(drill);
    const moments: Readonly<Record<Moment, number | undefined>> = {
      began: drill.began,
      fault: drill.faultAt,
      restored: drill.restoredAt,
      ended: drill.ended,
    };
    for (const [moment, at] of Object.entries(moments))
      if (at !== undefined) this.#timestamp.set({ ...labels, moment }, at / 1000);
    this.#passed.set(labels, drill.passed ? 1 : 0);
    if (drill.detectionSeconds !== undefined) this.#detection.set(labels, drill.detectionSeconds);
    if (drill.recoverySeconds !== undefined) this.#recovery.set(labels, drill.recoverySeconds);
    for (const what of drill.missed) this.#missed.set({ ...labels, what }, 1);
  }
}

const labelsOf = ({ region, fault }: DrillSummary): Record<Label, string> => ({ target_region: region, fault });
