import { parseJson } from "../../formats/flows/canonicalJson";
import { exportedFlow } from "../../formats/flows/flowFile";
import { isLarge, printOf } from "../postgres/largeValue";

const ANY_FLOW = { id: "00000000-0000-4000-8000-000000000000", name: "flow" };
const EVERY_NAME: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });

/** Returns a digest of a flow's JSON that is equal for equal graphs, whatever secrets they contain. */
function graphPrint(text: string): string {
  // The agent does not hold a large value in memory, so it compares the digest of the whole value.
  if (isLarge(text)) return printOf(text);
  try {
    return exportedFlow({ ...ANY_FLOW, data: parseJson(text) }, { variables: EVERY_NAME }).prints.graph;
  } catch {
    // A text that is not a flow is compared literally.
    return printOf(text);
  }
}

export const isSameGraph = (one: string, other: string): boolean =>
  one === other || graphPrint(one) === graphPrint(other);
