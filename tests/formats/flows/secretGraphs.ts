import { type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";

export const ID = "6f1c2a34-58d1-4e0f-9c55-0a1b2c3d4e5f";

/** Returns a flow in the format of LangFlow's API, with one component inside `depth` nested groups. */
export function flowWith(
  template: unknown,
  { depth = 0, more = {} }: { depth?: number; more?: object } = {},
): JsonObject {
  let nodes: unknown[] = [{ id: "n1", data: { id: "n1", node: { template } } }];
  for (let level = 0; level < depth; level++)
    nodes = [
      {
        id: `group${level}`,
        data: { node: { template: {}, flow: { id: `inner${level}`, name: "Group", data: { nodes, edges: [] } } } },
      },
    ];
  return parseJson(JSON.stringify({ id: ID, name: "A flow", data: { nodes, edges: [] }, ...more })) as JsonObject;
}

/** Returns the template of the component in a flow from {@link flowWith}. */
export function templateOf(flow: unknown): Record<string, { value?: unknown } & Record<string, unknown>> {
  // biome-ignore lint/suspicious/noExplicitAny: any shape of JSON.
  let node = (flow as any).data.nodes[0].data.node;
  while (node.flow) node = node.flow.data.nodes[0].data.node;
  return node.template;
}
