import { SIZE_NAMES, SIZES, type SizeName } from "../../config/sizes";
import { sizeCost } from "../../costs/sizes";

/** Describes a size in one sentence: its cost and the failures that it survives. */
export function saidOf(size: SizeName): string {
  const usd = Math.round(sizeCost(size).standing.usd).toLocaleString("en");
  return `${size}: two regions cost about ${usd} US$ a month without usage (docs/costs.md); survives ${SIZES[size].survives}`;
}

/** Choice that keeps the regions' current config. */
const NO_SIZE = "none: keep the current values";

/** Choices for the size prompt. */
export const SIZE_CHOICES: readonly string[] = [...SIZE_NAMES.map(saidOf), NO_SIZE];

/** Returns the chosen size, or undefined for none. */
export function chosenSize(choice: string): SizeName | undefined {
  return SIZE_NAMES.find((name) => choice === saidOf(name));
}

/** Returns every config value that a size sets, with the path of its keys. */
export function valuesOf(size: SizeName): readonly (readonly [path: readonly string[], value: unknown])[] {
  return leaves(SIZES[size].config);
}

function leaves(value: unknown): readonly (readonly [path: readonly string[], value: unknown])[] {
  if (typeof value !== "object" || value === null) return [[[], value]];
  return Object.entries(value).flatMap(([key, part]) =>
    leaves(part).map(([path, leaf]) => [[key, ...path], leaf] as const),
  );
}
