/** LangFlow's own description of its components: by category, by type. */
export type Components = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A component as a flow's graph contains it. */
interface Described {
  readonly template: Readonly<Record<string, { readonly input_types?: readonly string[]; readonly type?: string }>>;
  readonly outputs: readonly { readonly name: string; readonly types: readonly string[] }[];
}

const [INPUT, QUESTION, OUTPUT] = ["ChatInput", "HumanInput", "ChatOutput"] as const;

/**
 * Returns the graph of a flow that waits for a person's approval, and then repeats its input.
 *
 * @throws Error if this LangFlow has no component that asks a person
 */
export function approvalGraph(components: Components): { nodes: object[]; edges: object[] } {
  const described = (type: string): Described => {
    const found = Object.values(components).flatMap((category) => category[type] ?? [])[0];
    if (!found) throw new Error(`this LangFlow has no component ${type}`);
    return found as Described;
  };
  const nodes = [INPUT, QUESTION, OUTPUT].map((type) => {
    const data = { id: nodeOf(type), type, node: described(type) };
    return { id: nodeOf(type), type: "genericNode", position: { x: 0, y: 0 }, data };
  });
  const edge = (from: string, output: string, to: string, field: string) => {
    const source = described(from).outputs.find(({ name }) => name === output);
    const target = described(to).template[field];
    const sourceHandle = { dataType: from, id: nodeOf(from), name: output, output_types: source?.types ?? [] };
    const targetHandle = {
      fieldName: field,
      id: nodeOf(to),
      inputTypes: target?.input_types ?? [],
      type: target?.type ?? "str",
    };
    return {
      id: `${from}-${to}`,
      source: nodeOf(from),
      target: nodeOf(to),
      sourceHandle: handle(sourceHandle),
      targetHandle: handle(targetHandle),
      data: { sourceHandle, targetHandle },
    };
  };
  const edges = [edge(INPUT, "message", QUESTION, "prompt"), edge(QUESTION, "branch_approve", OUTPUT, "input_value")];
  return { nodes, edges };
}

const nodeOf = (type: string): string => `${type}-drill`;
/** LangFlow's UI writes handles as JSON with a different quotation mark. */
const handle = (value: object): string => JSON.stringify(value).replaceAll('"', "œ");
