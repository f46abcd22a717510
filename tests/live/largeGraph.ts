import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Node {
  readonly id: string;
}
const SAMPLE: { nodes: Node[]; edges: object[] } = JSON.parse(
  readFileSync(join(__dirname, "../../flows/default/Mock_LLM.json"), "utf8"),
).data;
const PROSE = readFileSync(join(__dirname, "../../docs/how-work-travels.md"), "utf8");

/** Cause of a graph's size: many nodes, or one long text in one node, with one or two bytes per character in memory. */
export type GraphShape = "nodes" | "text" | "wide text";

/** Returns the JSON of a graph of approximately the given size. */
export function largeGraph(shape: GraphShape, bytes: number): string {
  const nodes = [...SAMPLE.nodes];
  if (shape === "nodes") {
    const size = Buffer.byteLength(JSON.stringify(SAMPLE.nodes));
    for (let copy = 1; copy * size < bytes; copy += 1)
      nodes.push(...SAMPLE.nodes.map((node) => ({ ...node, id: `${node.id}-${copy}` })));
  } else {
    const prose = shape === "text" ? PROSE.replaceAll(/[^ -~\n]/g, "") : `${PROSE} \u{1f600} \u6d41`;
    const description = prose.repeat(Math.ceil(bytes / Buffer.byteLength(JSON.stringify(prose))));
    nodes.push({ id: "note", type: "noteNode", data: { id: "note", node: { description } } } as Node);
  }
  return JSON.stringify({ ...SAMPLE, nodes });
}
