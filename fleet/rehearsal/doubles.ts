import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, isText, type Json, type JsonObject, mapped } from "../../formats/flows/canonicalJson";
import { isHidden } from "../../formats/flows/secretFields";

/** A graph for a rehearsal, and the ids of the nodes that were replaced with doubles. */
export interface DoubledGraph {
  readonly data: Json;
  readonly doubles: readonly string[];
}

const TEMPLATE = readFileSync(join(__dirname, "python/modelDouble.py"), "utf8");
/**
 * Placeholder for every key and global variable, so that a missing value does not stop a component before it makes a
 * call. Must not appear in any other text, because LangFlow removes the values of secrets from its answers.
 */
export const PLACEHOLDER = "no-key-in-a-rehearsal";

/** Output types of model components. */
const MODELS = new Set(["LanguageModel", "Embeddings"]);
/** Output of a component that serves as an agent's tool (`lfx/base/tools/constants.py`). */
const TOOL_OUTPUT = "component_as_tool";
/** Field that selects the provider in an Agent component before 1.9. */
const AGENTS_PROVIDER = "agent_llm";
/** Type of the field that selects the model in a component since 1.9 (`ModelInput` in `lfx/inputs/inputs.py`). */
const MODEL_FIELD = "model";
const IDENTIFIER = /^[A-Za-z]\w*$/;

/** Return type and value of a double's output method, by output type. */
const BODIES: Readonly<Record<string, readonly [annotation: string, value: string]>> = {
  LanguageModel: ["LanguageModel", "MockModel()"],
  Embeddings: ["Embeddings", "MockEmbeddings()"],
  Message: ["Message", "Message(text=self.told())"],
  Text: ["Message", "Message(text=self.told())"],
  Data: ["Data", 'Data(data={"text": self.told()})'],
  JSON: ["Data", 'Data(data={"text": self.told()})'],
  DataFrame: ["DataFrame", 'DataFrame([{"text": self.told()}])'],
  Table: ["DataFrame", 'DataFrame([{"text": self.told()}])'],
};

/**
 * Returns a graph in which doubles replace all components that call a model of their own choice. A double gives the
 * same answer to the same question. Components that receive their model through an edge are kept, because they receive
 * a double. Keys and global variables become a placeholder.
 */
export function withDoubles(data: Json): DoubledGraph {
  if (!isObject(data) || !Array.isArray(data.nodes)) return { data, doubles: [] };
  const edges = Array.isArray(data.edges) ? data.edges.filter((edge) => isObject(edge)) : [];
  const doubles: string[] = [];
  const nodes = data.nodes.map((node) => {
    const inner = componentIn(node);
    if (!isObject(node) || !isObject(node.data) || !inner) return node;
    const id = isText(node.id) ? node.id : "";
    if (isObject(inner.flow)) {
      const grouped = withDoubles(inner.flow.data ?? null);
      doubles.push(...grouped.doubles);
      return { ...node, data: { ...node.data, node: { ...inner, flow: { ...inner.flow, data: grouped.data } } } };
    }
    const component = withPlaceholders(inner);
    if (!asksModel(inner, fieldsFed(id, edges))) return { ...node, data: { ...node.data, node: component } };
    doubles.push(id);
    return { ...node, data: { ...node.data, node: doubleOf(component) } };
  });
  return { data: { ...data, nodes }, doubles };
}

/** Returns a node's component, which is LangFlow's description of its class. */
export function componentIn(node: Json): JsonObject | undefined {
  const data = isObject(node) && isObject(node.data) ? node.data : {};
  return isObject(data.node) ? data.node : undefined;
}

/** Returns the names of a node's fields that are connected to edges. */
function fieldsFed(id: string, edges: readonly JsonObject[]): ReadonlySet<string> {
  const names = edges
    .filter(({ target }) => target === id)
    .map(({ data }) => (isObject(data) && isObject(data.targetHandle) ? data.targetHandle.fieldName : undefined));
  return new Set(names.filter((name) => isText(name)));
}

/** Returns whether a component calls a model that it does not receive through an edge. */
function asksModel(component: JsonObject, fed: ReadonlySet<string>): boolean {
  const template = isObject(component.template) ? component.template : {};
  const takes = (name: string) => {
    const field = template[name];
    if (!isObject(field)) return false;
    return (
      name === AGENTS_PROVIDER || field.type === MODEL_FIELD || textsIn(field.input_types).includes("LanguageModel")
    );
  };
  if ([...fed].some(takes)) return false;
  if (Object.keys(template).some((name) => name === AGENTS_PROVIDER || isModelField(template[name]))) return true;
  return outputsOf(component).some(({ types }) => textsIn(types).some((type) => MODELS.has(type)));
}

const isModelField = (field: Json | undefined): boolean => isObject(field) && field.type === MODEL_FIELD;

function doubleOf(component: JsonObject): JsonObject {
  const template = isObject(component.template) ? component.template : {};
  const code = isObject(template.code) ? template.code : {};
  return { ...component, template: { ...template, code: { ...code, value: codeOf(outputsOf(component)) } } };
}

/** Returns the Python code of a component with the given outputs. */
export function codeOf(outputs: readonly JsonObject[]): string {
  const known = outputs.filter(({ name, method }) => isText(name) && isText(method) && IDENTIFIER.test(method));
  const list = known.map(
    ({ name, method, display_name: shown }) =>
      `Output(name=${python(name)}, display_name=${python(isText(shown) ? shown : name)}, method=${python(method)})`,
  );
  const methods = new Map(known.map((output) => [String(output.method), methodOf(output)]));
  return TEMPLATE.replace("[]  # @@OUTPUTS@@", () => `[${list.join(", ")}]`).replace("    # @@METHODS@@\n", () =>
    [...methods.values()].join("\n"),
  );
}

function methodOf({ name, method, types }: JsonObject): string {
  if (name === TOOL_OUTPUT) return `    async def ${method}(self) -> list[BaseTool]:\n        return []\n`;
  const type = textsIn(types).find((each) => Object.hasOwn(BODIES, each));
  const [annotation, value] = BODIES[type ?? "Message"] as readonly [string, string];
  return `    def ${method}(self) -> ${annotation}:\n        return ${value}\n`;
}

/** Returns a text as a Python string literal. */
const python = (text: Json | undefined): string => JSON.stringify(text);

function withPlaceholders(component: JsonObject): JsonObject {
  if (!isObject(component.template)) return component;
  return {
    ...component,
    template: mapped(component.template, (_, field) =>
      isObject(field) && (field.load_from_db === true || isHidden(field))
        ? { ...field, load_from_db: false, value: PLACEHOLDER }
        : field,
    ),
  };
}

function outputsOf({ outputs }: JsonObject): JsonObject[] {
  return Array.isArray(outputs) ? outputs.filter((output) => isObject(output)) : [];
}

const textsIn = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((each) => isText(each)) : [];
