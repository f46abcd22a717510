import type { EChartsOption } from "echarts";

/** Pixels of the drawing; the page scales it. */
export const WIDTH = 960;

export interface Chart {
  /** For the ids in the page; one word. */
  readonly name: string;
  readonly title: string;
  /** What is to be seen, for those who can't see it. */
  readonly description: string;
  readonly height: number;
  readonly option: EChartsOption;
}

/** Told apart by those who see no red or no green as well, on white and on black. */
export const COLOURS = [
  "#3584e4",
  "#e59700",
  "#9a63c9",
  "#0aa5a5",
  "#8d6e4f",
  "#e668a7",
  "#6a8f1f",
  "#7d8794",
] as const;
export const FAILED = "#d7263d";
export const PREDICTED = "#8b939e";
/** Of the page around: black on white or white on black. */
export const INK = "currentColor";

/** Text that stays readable where it crosses a line: a rim in the colour of the page's paper. */
export const HALO = { color: INK, opacity: 1, textBorderColor: "var(--paper)", textBorderWidth: 3 } as const;

/** A text as charts can show it: on one line. */
export const plain = (text: string): string => text.replace(/\s+/g, " ").trim();

/** What all charts share. */
export const BASE = {
  animation: false,
  textStyle: { fontFamily: "system-ui, sans-serif", color: INK },
} as const;

export const LEGEND = {
  bottom: 0,
  itemGap: 22,
  itemWidth: 14,
  itemHeight: 10,
  textStyle: { color: INK },
  selectedMode: false,
} as const;

export const AXIS = {
  axisLabel: { color: INK },
  nameTextStyle: { color: INK },
  axisLine: { lineStyle: { color: INK, opacity: 0.5 } },
  axisTick: { lineStyle: { color: INK, opacity: 0.5 } },
  splitLine: { lineStyle: { color: INK, opacity: 0.12 } },
} as const;
