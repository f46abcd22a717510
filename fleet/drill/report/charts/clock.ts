import type { MarkAreaComponentOption, MarkLineComponentOption } from "echarts";
import { AXIS, FAILED, HALO, INK, WIDTH } from "../../../report/chart";
import type { DrillReport, Phase, Sample } from "../../report";
import { originOf } from "../words";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const MOST_BUCKETS = 130;
const MOST_TICKS = 14;

export const GRID = { left: 76, right: 24, top: 40, bottom: 72 } as const;
const PLOT = WIDTH - GRID.left - GRID.right;
const LETTER = 6.6;
/** Distance in pixels below which phase marks share a label. */
const NEAR = 18;

/** Samples of an interval of a few seconds. */
export interface Bucket {
  /** Seconds from the fault to the middle of the interval. */
  readonly middle: number;
  readonly samples: readonly Sample[];
}

/** Time axis of a report's charts, in seconds since the fault. */
export class Clock {
  private readonly origin: number;
  private readonly from: number;
  private readonly to: number;
  private readonly tick: number;
  /** Length of a bucket in seconds. */
  readonly bucketSeconds: number;

  constructor(private readonly report: DrillReport) {
    this.origin = originOf(report);
    const times = [...report.phases, ...report.samples].map(({ at }) => this.since(at));
    const edges = [Date.parse(report.startedAt), Date.parse(report.endedAt)].map((at) => this.since(at));
    const [first, last] = [...times, ...edges].reduce(
      ([least, most], time): [number, number] => [Math.min(least, time), Math.max(most, time)],
      [0, 1],
    );
    this.bucketSeconds = stepFor(last - first, MOST_BUCKETS);
    this.tick = stepFor(last - first, MOST_TICKS);
    this.from = Math.floor(first / this.bucketSeconds) * this.bucketSeconds;
    this.to = Math.ceil(last / this.bucketSeconds) * this.bucketSeconds;
  }

  /** Converts milliseconds since 1970 to seconds since the fault. */
  since(at: number): number {
    return (at - this.origin) / 1000;
  }

  /**
   * Splits the drill into intervals of equal length, including empty ones. The fault is always on a boundary between
   * two intervals.
   */
  buckets(): Bucket[] {
    const [first, size] = [this.from / this.bucketSeconds, this.bucketSeconds];
    const buckets = Array.from({ length: Math.round((this.to - this.from) / size) + 1 }, (_, index) => ({
      middle: (first + index + 0.5) * size,
      samples: [] as Sample[],
    }));
    for (const sample of this.report.samples)
      buckets[Math.floor(this.since(sample.at) / size) - first]?.samples.push(sample);
    return buckets.filter(({ middle, samples }) => middle < this.to || samples.length > 0);
  }

  /** Width of a bucket in pixels. */
  get bucketPixels(): number {
    return (PLOT * this.bucketSeconds) / (this.to - this.from);
  }

  axis() {
    // Places ticks at whole multiples of the step from the fault, regardless of the axis' ends.
    const ticks: number[] = [];
    for (let tick = Math.ceil(this.from / this.tick) * this.tick; tick <= this.to; tick += this.tick) ticks.push(tick);
    return {
      ...AXIS,
      type: "value" as const,
      min: this.from,
      max: this.to,
      name: "seconds since the fault",
      nameLocation: "middle" as const,
      nameGap: 26,
      axisLabel: { ...AXIS.axisLabel, customValues: ticks },
      axisTick: { ...AXIS.axisTick, customValues: ticks },
      splitLine: { show: false },
    };
  }

  /** Returns a numbered line at the start of each phase. Marks that are close together share a label. */
  phaseLines(): MarkLineComponentOption {
    const marks = this.marks();
    return {
      silent: true,
      symbol: "none",
      animation: false,
      data: marks.map(({ phase, x }) => ({
        xAxis: x,
        lineStyle:
          phase === "fault"
            ? { color: FAILED, width: 2, type: "solid" as const }
            : { color: INK, opacity: 0.6, width: 1, type: "dashed" as const },
        label: { ...LABEL, formatter: () => this.labelAt(marks, x) },
      })),
    };
  }

  /** Returns the shaded area between the fault and the restoration. */
  outage(): MarkAreaComponentOption {
    const from = this.marks().find(({ phase }) => phase === "fault")?.x;
    const to = this.marks().find(({ phase }) => phase === "restoration")?.x ?? this.to;
    return {
      silent: true,
      itemStyle: { color: FAILED, opacity: 0.07 },
      data: from === undefined ? [] : [[{ xAxis: from }, { xAxis: to }]],
    };
  }

  private marks(): Mark[] {
    return this.report.phases.map(({ phase, at }) => ({ phase, x: this.since(at) }));
  }

  /**
   * Returns the label at a mark. The label is empty if an earlier mark's label covers this mark, and contains the phase
   * names only if they fit.
   */
  private labelAt(marks: readonly Mark[], x: number): string {
    const pixels = PLOT / (this.to - this.from);
    const groups: { x: number; phases: Phase[] }[] = [];
    for (const mark of marks) {
      const last = groups.at(-1);
      if (last && (mark.x - last.x) * pixels < NEAR) last.phases.push(mark.phase);
      else groups.push({ x: mark.x, phases: [mark.phase] });
    }
    const index = groups.findIndex((group) => group.x === x);
    const group = groups[index];
    if (!group) return "";
    const room = ((groups[index + 1]?.x ?? this.to) - x) * pixels;
    const numberOf = (phase: Phase) => String(marks.findIndex((mark) => mark.phase === phase) + 1);
    const named = group.phases.map((phase) => `${numberOf(phase)} ${phase}`).join(", ");
    return named.length * LETTER < room ? named : group.phases.map(numberOf).join(",");
  }
}

interface Mark {
  readonly phase: Phase;
  readonly x: number;
}

const LABEL = { position: "end", align: "left", distance: 6, fontSize: 11, ...HALO } as const;

const stepFor = (span: number, most: number): number =>
  STEPS.find((step) => span / step <= most) ?? Math.ceil(span / most / 3600) * 3600;
