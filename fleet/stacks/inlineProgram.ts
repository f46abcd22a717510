import { PARTS } from "../../stacks/parts";
import type { Engine } from "../engine/processGroup";

/**
 * The engine, with what a stack's program is made of read while it starts: it takes as long until it asks for the program.
 * Commands that run none read nothing.
 */
export function readingAhead(engine: Engine, kind: keyof typeof PARTS): Engine {
  const run: Engine["run"] = (args, ...rest) => {
    const ended = engine.run(args, ...rest);
    try {
      if (args.some((arg) => arg.startsWith("--client="))) PARTS[kind]();
    } catch {
      // What can't be read fails again where the engine asks for it: as that stack's failure, in words.
    }
    return ended;
  };
  return Object.assign(Object.create(engine) as Engine, { run });
}

let isLean = false;

/**
 * Takes from the SDK, in this process, what it does for its own debugging, a fifth of a preview:
 *
 * - debug messages to the engine, which shows them with `--debug` alone. There are about four of each resource, one is sent after the
 *   other, and the program has not ended before the last is taken. Warnings and errors go their way.
 * - a stack trace with each of its promises, four for each property of a resource, which it shows where PULUMI_DEBUG_PROMISE_LEAKS is set.
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

/** Of the SDK's internal functions, what is changed here. */
interface Debuggable {
  readonly debugPromiseLeaks: boolean;
  debuggablePromise(promise: Promise<unknown>, context: string): Promise<unknown>;
}
