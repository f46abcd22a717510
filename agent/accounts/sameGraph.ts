import { parseJson } from "../flows/canonicalJson";
import { exportedFlow } from "../flows/flowFile";

const ANY_FLOW = { id: "00000000-0000-4000-8000-000000000000", name: "flow" };
const EVERY_NAME: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });

/** Whether two texts of JSON are one graph but for the secrets in them. */
export function isSameGraph(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    const [print, otherPrint] = [one, other].map(
      (text) => exportedFlow({ ...ANY_FLOW, data: parseJson(text) }, { variables: EVERY_NAME }).prints.graph,
    );
    return print === otherPrint;
  } catch {
    // What is no flow to the record is compared letter by letter.
    return false;
  }
}
