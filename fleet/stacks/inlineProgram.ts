import { PARTS } from "../../stacks/parts";
import type { Engine } from "../engine/processGroup";

/**
 * Wraps the engine so that it loads the modules of a stack's program while the engine starts. Both take about the same
 * time. Commands that run no program load nothing.
 */
export function readingAhead(engine: Engine, kind: keyof typeof PARTS): Engine {
  const run: Engine["run"] = (args, ...rest) => {
    const ended = engine.run(args, ...rest);
    try {
      if (args.some((arg) => arg.startsWith("--client="))) PARTS[kind]();
    } catch {
      // A failed import fails again when the engine runs the program, and is then reported as the stack's failure.
    }
    return ended;
  };
  return Object.assign(Object.create(engine) as Engine, { run });
}

let isLean = false;

/**
 * Disables two debugging features of Pulumi's SDK in this process, which take a fifth of a preview's time:
 *
 * - Debug messages to the engine, which only shows them with `--debug`. The SDK sends about four per resource, one
 *   after the other, and the program waits for all of them. Warnings and errors are unaffected.
 * - A stack trace for each of its promises, of which each property of a resource has four. The SDK only shows the
 *   traces if PULUMI_DEBUG_PROMISE_LEAKS is set.
 */
export function debugNothing(): void {
  if (isLean) return;
  isLean = true;
  const log: { debug: typeof import("@pulumi/pulumi/log").debug } = require("@pulumi/pulumi/log");
  log.debug = async () => {};
  const debuggable: Debuggable = require("@pulumi/pulumi/runtime/debuggable");
  if (debuggable.debugPromiseLeaks) return;
  const { debuggablePromise } = debuggable;
  debuggable.debuggablePromise = (...given) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return debuggablePromise(...given);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
}

/** Internal SDK functions that this module changes. */
interface Debuggable {
  readonly debugPromiseLeaks: boolean;
  debuggablePromise(promise: Promise<unknown>, context: string): Promise<unknown>;
}
