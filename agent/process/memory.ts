import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Keeps the agent small beside LangFlow. V8 lets garbage grow to a multiple of what is in use before it collects; with
 * this it collects sooner, for little processor time. Not a hard limit on the heap, since one large flow must not end the
 * agent. The space for new objects is left to grow: held at its first size, it is collected twenty times as often, and
 * that was a third of what a filling region cost.
 */
export function collectSooner(): void {
  setFlagsFromString("--heap-growing-percent=30");
}

/** Characters of text that are worth a collection of their own, of some hundredths of a second. */
const LARGE = 4_000_000;
let collect: (() => void) | undefined;

/**
 * Frees what one large text left behind before the next is held: of flows of 20 MB V8 otherwise lets several lie, each in the
 * forms that it had on its way.
 *
 * @param length characters of the text that is needed no more
 */
export function collectAfter(length: number): void {
  if (length < LARGE) return;
  setFlagsFromString("--expose-gc");
  collect ??= runInNewContext("gc") as () => void;
  collect();
}
