import fc from "fast-check";
import { codeOf, componentIn, PLACEHOLDER, withDoubles } from "../../../fleet/rehearsal/doubles";
import { isObject, type Json, type JsonObject } from "../../../formats/flows/canonicalJson";

const output = (type: string, method = "build", name = "out"): JsonObject => ({ name, method, types: [type] });
const node = (id: string, outputs: JsonObject[], template: JsonObject = {}): JsonObject => ({
  id,
  data: { id, type: id, node: { outputs, template: { code: { type: "code", value: `code of ${id}` }, ...template } } },
});
const edge = (source: string, target: string, fieldName: string): JsonObject => ({
  source,
  target,
  data: { targetHandle: { fieldName, id: target }, sourceHandle: { id: source } },
});
const graph = (nodes: JsonObject[], edges: JsonObject[] = []): JsonObject => ({ nodes, edges });

const templateOf = (data: Json, index = 0): JsonObject => {
  const found = isObject(data) && Array.isArray(data.nodes) ? componentIn(data.nodes[index] ?? null) : undefined;
  return (found?.template ?? {}) as JsonObject;
};
const codeIn = (data: Json, index = 0): string => String((templateOf(data, index).code as JsonObject).value);

const MODEL_FIELD = { model: { type: "model", input_types: ["LanguageModel"] } };
const HANDLE = { llm: { type: "other", input_types: ["LanguageModel"] } };

describe("model doubles", () => {
  it.each([
    ["a language model", node("A", [output("LanguageModel")])],
    ["embeddings", node("A", [output("Embeddings")])],
    ["an agent that chooses its provider", node("A", [output("Message")], { agent_llm: { type: "str" } })],
    ["a component that chooses its model since 1.9", node("A", [output("Data")], MODEL_FIELD)],
  ])("replace %s", (_, model) => {
    const { data, doubles } = withDoubles(graph([model]));
    expect(doubles).toEqual(["A"]);
    expect(codeIn(data)).toContain("class ModelDouble(Component)");
  });

  it.each([
    ["a chat input", node("A", [output("Message", "message_response")]), []],
    ["a note", { id: "A", data: { type: "note" } }, []],
    ["a component that gets its model from an edge", node("A", [output("Message")], HANDLE), [edge("B", "A", "llm")]],
    [
      "an agent that gets its model from an edge",
      node("A", [output("Message")], MODEL_FIELD),
      [edge("B", "A", "model")],
    ],
  ])("do not replace %s", (_, given, edges) => {
    const { data, doubles } = withDoubles(graph([given], edges));
    expect(doubles).toEqual([]);
    expect(data).toEqual(graph([given], edges));
  });

  it("replace a model if its outgoing edges carry only text, also in groups of components", () => {
    const agent = node("A", [output("Message")], { ...MODEL_FIELD, input_value: { type: "str" } });
    expect(withDoubles(graph([agent], [edge("B", "A", "input_value")])).doubles).toEqual(["A"]);
    const group = { id: "G", data: { node: { flow: { data: graph([agent]) } } } };
    expect(withDoubles(graph([group])).doubles).toEqual(["A"]);
  });

  it("have the outputs of the component that they replace, with answers of the right types", () => {
    const code = codeOf([
      output("Message", "text_response", "text_output"),
      output("LanguageModel", "build_model", "model_output"),
      output("Tool", "to_toolkit", "component_as_tool"),
    ]);
    expect(code).toContain(
      'outputs = [Output(name="text_output", display_name="text_output", method="text_response"), Output(name="model_output",',
    );
    expect(code).toContain("    def text_response(self) -> Message:\n        return Message(text=self.told())\n");
    expect(code).toContain("    def build_model(self) -> LanguageModel:\n        return MockModel()\n");
    expect(code).toContain("    async def to_toolkit(self) -> list[BaseTool]:\n        return []\n");
  });

  it("contain no code from a flow: invalid method names are dropped, and output names are quoted", () => {
    const code = codeOf([
      output("Message", "a(self): evil()\n    def b"),
      output("Message", "fine", '"] + evil() + ["'),
    ]);
    expect(code).toBe(codeOf([output("Message", "fine", '"] + evil() + ["')]));
    expect(code).toContain('name="\\"] + evil() + [\\""');
  });
});

describe("a field that needs a key", () => {
  it("gets a placeholder, so that LangFlow looks up no global variable", () => {
    const fields = {
      key: { password: true, value: "" },
      bound: { load_from_db: true, value: "NAME" },
      text: { value: "as it is" },
    };
    const template = templateOf(withDoubles(graph([node("A", [], fields)])).data);
    expect(template).toMatchObject({
      key: { value: PLACEHOLDER, load_from_db: false },
      bound: { value: PLACEHOLDER, load_from_db: false },
      text: { value: "as it is" },
    });
  });
});

describe("withDoubles", () => {
  const anyOutput = fc.record({
    name: fc.string(),
    method: fc.oneof(fc.constantFrom("build", "message_response"), fc.string()),
    types: fc.array(fc.constantFrom("Message", "LanguageModel", "Embeddings", "Data", "Tool", "Other"), {
      maxLength: 2,
    }),
  });
  const anyNode = fc.tuple(fc.constantFrom("A", "B", "C"), fc.array(anyOutput, { maxLength: 3 }), fc.boolean());
  const anyGraph = fc
    .tuple(fc.array(anyNode, { maxLength: 4 }), fc.array(fc.constantFrom("A", "B", "C"), { maxLength: 3 }))
    .map(([nodes, fed]) =>
      graph(
        nodes.map(([id, outputs, chooses]) => node(id, outputs as JsonObject[], chooses ? MODEL_FIELD : HANDLE)),
        fed.map((id) => edge("X", id, "llm")),
      ),
    );

  it("changes only code and keys of a graph, and is idempotent", () => {
    const bare = (data: Json) =>
      JSON.stringify(data, (key, value) =>
        key === "code" || key === "value" || key === "load_from_db" ? undefined : value,
      );
    fc.assert(
      fc.property(anyGraph, (given) => {
        const once = withDoubles(given);
        expect(bare(once.data)).toBe(bare(given));
        expect(withDoubles(once.data)).toEqual(once);
      }),
    );
  });

  it.each([null, [], {}, { nodes: "none" }, { nodes: [null, 1, {}, { data: null }] }])(
    "returns %j unchanged",
    (data) => {
      expect(withDoubles(data as Json)).toEqual({ data, doubles: [] });
    },
  );
});
