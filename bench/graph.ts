import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run";

const GRAPH: { nodes: object[] } = JSON.parse(readFileSync(join(ROOT, "flows/default/Mock_LLM.json"), "utf8")).data;
const PROSE = readFileSync(join(ROOT, "docs/how-work-travels.md"), "utf8");
/** Returns a realistic graph that runs, with a note that pads it to the given size in bytes. */
export function graphOf(bytes: number): object {
  const start = Math.floor((Math.random() * PROSE.length) / 2);
  const rest = bytes - Buffer.byteLength(JSON.stringify(GRAPH));
  const description = PROSE.slice(start)
    .repeat(Math.ceil((2 * bytes) / PROSE.length))
    .slice(0, rest);
  const note = { id: "note", type: "noteNode", data: { id: "note", node: { description } } };
  return { ...GRAPH, nodes: [...GRAPH.nodes, note] };
}
