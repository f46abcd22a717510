import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, isText, type Json, type JsonObject, mapped } from "../../agent/flows/canonicalJson";
import { isHidden } from "../../agent/flows/secretFields";

/** A graph for a rehearsal, and which of its nodes are doubles in it, by their ids. */
export interface DoubledGraph {
  readonly data: Json;
  readonly doubles: readonly string[];
}

const TEMPLATE = readFileSync(join(__dirname, "python/modelDouble.py"), "utf8");
/**
 * In place of every key and of every global variable: what needs one must not stop for it before it would call. In no text else, since
 * LangFlow takes the values of secrets out of what it answers.
 */
export const PLACEHOLDER = "no-key-in-a-rehearsal";

/** What a model is handed on as. */
const MODELS = new Set(["LanguageModel", "Embeddings"]);
/** The output of a component that is a tool of an agent (`lfx/base/tools/constants.py`). */
const TOOL_OUTPUT = "component_as_tool";
/** Field in which an Agent before 1.9 chooses its provider. */
const AGENTS_PROVIDER = "agent_llm";
/** Type of the field in which a component since 1.9 chooses its model (`ModelInput` in `lfx/inputs/inputs.py`). */
const MODEL_FIELD = "model";
const IDENTIFIER = /^[A-Za-z]\w*$/;

/** What a double answers, by the type of the output. */
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
 * A graph in which every component that asks a model of its own choice is a double that answers the same to the same question.
 * Components to which an edge brings the model stay as they are: it brings a double. Keys and global variables become a placeholder.
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

/** The component of a node: what LangFlow keeps of its class. */
export function componentIn(node: Json): JsonObject | undefined {
  const data = isObject(node) && isObject(node.data) ? node.data : {};
  return isObject(data.node) ? data.node : undefined;
}

/** Names of a node's fields that edges lead to. */
function fieldsFed(id: string, edges: readonly JsonObject[]): ReadonlySet<string> {
  const names = edges
    .filter(({ target }) => target === id)
    .map(({ data }) => (isObject(data) && isObject(data.targetHandle) ? data.targetHandle.fieldName : undefined));
  return new Set(names.filter((name) => isText(name)));
}

/** Whether a component asks a model which no edge brings. */
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

/** Python of a component with the given outputs. */
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

/** A text as Python writes it. */
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
