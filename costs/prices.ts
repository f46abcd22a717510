/** Prices of everything that the fleet uses, each with its source. Compiled 2026-11-25. No price is from memory. */
import { STANDING } from "./standingPrices";
import { USAGE } from "./usagePrices";

export const PRICES = { ...STANDING, ...USAGE };

export type PriceName = keyof typeof PRICES;
