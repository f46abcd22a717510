/** What each thing the fleet uses costs, with where that was read. Compiled 2026-11-25; nothing here is from memory. */
import { STANDING } from "./standingPrices";
import { USAGE } from "./usagePrices";

export const PRICES = { ...STANDING, ...USAGE };

export type PriceName = keyof typeof PRICES;
