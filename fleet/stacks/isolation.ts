type Listener = (error: unknown, ...rest: unknown[]) => void;

/** Process events that every stack's listener receives, whichever stack's program caused them. */
const EVENTS: readonly (string | symbol)[] = ["uncaughtException", "unhandledRejection"];

const own = new WeakMap<Listener, Listener>();
let isolated = false;

/**
 * Isolates the programs of several stacks in this process, so that an error in one does not fail the others.
 *
 * While it runs a program, the Automation API listens to errors of the whole process and attributes every unhandled
 * error to that program. If one region's cloud fails, its error would therefore fail every stack that runs at the same
 * time. This function distinguishes the programs by their async context, which is still set when an error event is
 * emitted.
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

/** Returns the SDK's async context of the stack whose program is running, or undefined outside of a program. */
function context(): object | undefined {
  const { asyncLocalStorage } = globalThis as { asyncLocalStorage?: { getStore(): object | undefined } };
  return asyncLocalStorage?.getStore();
}
