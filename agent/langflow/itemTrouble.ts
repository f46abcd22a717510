import { NotAFlow } from "../../formats/flows/flowFile";
import { isRefusal } from "../postgres/connection";
import { RowsTooLarge } from "../postgres/largeValue";

/** Errors that JavaScript throws, for example for values that are too large or too deep. */
const OWN_ERRORS = ["RangeError", "SyntaxError", "TypeError"];

/**
 * Returns the reason why a flow cannot be processed, if the flow itself is the cause: the flow is then held, and other
 * flows continue. The reason contains no value of the flow, unlike the messages of JavaScript and the database.
 *
 * @throws the original error if the flow did not cause it, for example if a server does not respond
 */
export function itemTrouble(error: unknown): string {
  if (error instanceof NotAFlow || error instanceof RowsTooLarge) return error.message;
  if (isRefusal(error)) return `the database cannot return it (${(error as { code?: string }).code})`;
  const { name = "" } = error as Error;
  if (OWN_ERRORS.includes(name)) return `it is too large, too deeply nested or malformed (${name})`;
  throw error;
}
