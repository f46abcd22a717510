type Listener = (error: unknown, ...rest: unknown[]) => void;

/** What the process tells every listener, whichever stack's program it was. */
const EVENTS: readonly (string | symbol)[] = ["uncaughtException", "unhandledRejection"];

const own = new WeakMap<Listener, Listener>();
let isolated = false;

/**
 * Keeps the programs of several stacks in this process apart when one of them fails.
 *
 * The Automation API listens to the whole process while it runs a program, and takes every unhandled error for that
 * program's: with one region's cloud dead, an error there would fail each stack that happens to run beside it. What tells
 * them apart is the context in which a program runs, which an error still has when it is heard of.
 */
export function isolatePrograms(): void {
  if (isolated) return;
  isolated = true;
  const { on, off } = process;
  process.on = ((event: string, listener: Listener) => {
    const mine = EVENTS.includes(event) ? context() : undefined;
    if (mine === undefined) return on.call(process, event, listener);
    const filtered: Listener = (error, ...rest) => {
      const theirs = context();
      if (theirs === undefined || theirs === mine) listener(error, ...rest);
    };
    own.set(listener, filtered);
    return on.call(process, event, filtered);
  }) as typeof process.on;
  process.off = ((event: string, listener: Listener) =>
    off.call(process, event, own.get(listener) ?? listener)) as typeof process.off;
}

/** What the SDK keeps of the stack whose program runs; undefined outside of one. */
function context(): object | undefined {
  const { asyncLocalStorage } = globalThis as { asyncLocalStorage?: { getStore(): object | undefined } };
  return asyncLocalStorage?.getStore();
}
