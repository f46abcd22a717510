import { parseJson } from "../flows/canonicalJson";
import { exportedFlow } from "../flows/flowFile";
import { isLarge, printOf } from "../postgres/largeValue";

const ANY_FLOW = { id: "00000000-0000-4000-8000-000000000000", name: "flow" };
const EVERY_NAME: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });

/** Of a text of JSON, what is the same of each that is one graph but for the secrets in it. */
function graphPrint(text: string): string {
  // A large one is nowhere to be looked into.
  if (isLarge(text)) return printOf(text);
  try {
    return exportedFlow({ ...ANY_FLOW, data: parseJson(text) }, { variables: EVERY_NAME }).prints.graph;
  } catch {
    // What is no flow to the record is compared letter by letter.
    return printOf(text);
  }
}

export const isSameGraph = (one: string, other: string): boolean =>
  one === other || graphPrint(one) === graphPrint(other);
