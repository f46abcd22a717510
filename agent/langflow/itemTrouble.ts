import { NotAFlow } from "../flows/flowFile";
import { isRefusal } from "../postgres/connection";
import { RowsTooLarge } from "../postgres/largeValue";

/** What JavaScript itself throws: of a value that is too large or too deep, say. */
const OWN_ERRORS = ["RangeError", "SyntaxError", "TypeError"];

/**
 * Why nothing could be done with one flow, where that is the flow's own trouble: it is held, and all else goes on. It shows no
 * value of the flow, as JavaScript's and the database's own messages do.
 *
 * @throws the error itself where it says nothing about the flow: whoever was asked does not answer
 */
export function itemTrouble(error: unknown): string {
  if (error instanceof NotAFlow || error instanceof RowsTooLarge) return error.message;
  if (isRefusal(error)) return `the database refuses to show it (${(error as { code?: string }).code})`;
  const { name = "" } = error as Error;
  if (OWN_ERRORS.includes(name)) return `it is too large or too deep, or not what it ought to be (${name})`;
  throw error;
}
