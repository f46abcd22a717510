import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Makes V8 collect garbage sooner, so that the agent stays small next to LangFlow. By default V8 lets garbage grow to a
 * multiple of the memory in use. Collecting sooner takes little CPU time. This does not limit the heap, because one
 * large flow must not end the agent. It does not limit the young generation either: at its initial size, V8 would
 * collect it twenty times as often, which took a third of the CPU time while a region was being filled.
 */
export function collectSooner(): void {
  setFlagsFromString("--heap-growing-percent=30");
}

/**
 * Length of a text, in characters, that justifies a garbage collection of its own, which takes some hundredths of a
 * second.
 */
const LARGE = 4_000_000;
let collect: (() => void) | undefined;

/**
 * Collects the garbage of a large text before the next one is read. Otherwise V8 keeps several flows of 20 MB, each in
 * all its intermediate forms.
 *
 * @param length characters of the text that is no longer needed
 */
export function collectAfter(length: number): void {
  if (length < LARGE) return;
  setFlagsFromString("--expose-gc");
  collect ??= runInNewContext("gc") as () => void;
  collect();
}
