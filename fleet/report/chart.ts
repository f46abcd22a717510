import type { EChartsOption } from "echarts";

/** Width of the drawing in pixels. The page scales it. */
export const WIDTH = 960;

export interface Chart {
  /** Prefix for the ids in the page; a single word. */
  readonly name: string;
  readonly title: string;
  /** Text alternative for people who cannot see the chart. */
  readonly description: string;
  readonly height: number;
  readonly option: EChartsOption;
}

/** Colors that people with red-green color blindness can distinguish, on white and on black. */
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
/** Text color of the surrounding page: black on white or white on black. */
export const INK = "currentColor";

/** Text style with an outline in the page's background color, so that text stays readable across lines. */
export const HALO = { color: INK, opacity: 1, textBorderColor: "var(--paper)", textBorderWidth: 3 } as const;

/** Returns a text on one line, because charts do not support line breaks. */
export const plain = (text: string): string => text.replace(/\s+/g, " ").trim();

/** Options shared by all charts. */
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
