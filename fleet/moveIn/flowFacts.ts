import { isObject, isText, type Json, type JsonObject } from "../../agent/flows/canonicalJson";
import { exportedFlow, FLOW_BYTES_MAX, type FlowFile, NotAFlow } from "../../agent/flows/flowFile";
import { findSecrets } from "../../agent/flows/secretScan";
import { fieldsMapped } from "../../agent/flows/templates";
import type { SourceFlow } from "./inventory";

/** A flow as its source has it. */
export interface StoredFlow {
  readonly id: string;
  readonly name: string;
  readonly owner?: string;
  readonly bytes: number;
  /** With `data`, as LangFlow's API shows a flow; or why there is none. */
  readonly value: JsonObject | string;
  /** Names of its user's global variables. */
  readonly variables: ReadonlySet<string>;
}

/** Who looks at each flow of a source as it is read: as it is stored, with what matters of it. */
export type FlowReader = (stored: StoredFlow, facts: SourceFlow) => void;

/** What LangFlow calls the module of code that a user wrote (`lfx/custom/utils.py`). */
const OWN_MODULE = "custom_components";
/** The node of a component that was written from nothing. */
const OWN_TYPE = "CustomComponent";

/** A file or folder of one machine: POSIX, a home, or Windows with its drive. */
const LOCAL_PATH = /^(?:\/[^/\s][^\n]*|~\/[^\n]+|[A-Za-z]:[\\/][^\n]+)$/;
/** Fields that hold a path although they are no uploads: of the component Directory, say. */
const PATH_NAME = /(?:^|_)(?:path|file|folder|dir|directory)(?:$|_)/i;

/** What matters of a flow that is to move: what the record and LangFlow here would do with it. */
export async function flowFacts(stored: StoredFlow, onFlow?: FlowReader): Promise<SourceFlow> {
  const facts = await factsOf(stored);
  onFlow?.(stored, facts);
  return facts;
}

async function factsOf(stored: StoredFlow): Promise<SourceFlow> {
  const { id, name, owner, bytes, value } = stored;
  const known = { id, name, bytes, ...(owner !== undefined && { owner }) };
  const refused = (problem: string) => ({ ...known, problem, secrets: [], localPaths: [], ownCode: [] });
  if (typeof value === "string") return refused(value);
  const file = fileOf(value, stored.variables);
  if (typeof file === "string") return refused(file);
  const secrets = await findSecrets(file);
  const data = value.data ?? null;
  return {
    ...known,
    // A name that looks like a secret is not said.
    name: secrets.some(({ field }) => field === "name") ? id : name,
    secrets: secrets.map(({ field, rule }) => `${field} (${rule})`),
    localPaths: localPaths(data),
    ownCode: ownCode(data),
  };
}

/** Why a flow that is too large is not read. */
export const tooLarge = (bytes: number): string => `has ${bytes} bytes, ${FLOW_BYTES_MAX} are allowed`;

/** The file that the recorder would make of it, or why it would make none. */
function fileOf(value: JsonObject, variables: ReadonlySet<string>): FlowFile | string {
  try {
    const file = exportedFlow(value, { variables });
    const bytes = Buffer.byteLength(file.text);
    return bytes > FLOW_BYTES_MAX ? tooLarge(bytes) : file;
  } catch (error) {
    if (error instanceof NotAFlow) return error.message;
    throw error;
  }
}

/** Fields of a graph that name a file or folder of the machine that it ran on. An upload's path begins with an id. */
export function localPaths(data: Json): string[] {
  const found = new Set<string>();
  fieldsMapped(data, ({ path, name, field }) => {
    if (!isObject(field)) return field;
    const held = field.type === "file" || PATH_NAME.test(name) ? [field.value, field.file_path] : [field.file_path];
    if (held.flatMap(textsIn).some((text) => LOCAL_PATH.test(text.trim()))) found.add(`${nodeIn(path)}.${name}`);
    return field;
  });
  return [...found];
}

/** Components that a user wrote or edited, by the ids of their nodes. Of code that came by the API alone nothing may tell. */
export function ownCode(data: Json): string[] {
  const nodes = isObject(data) && Array.isArray(data.nodes) ? data.nodes : [];
  return nodes.flatMap((node) => (isObject(node) ? nodesWithOwnCode(node) : []));
}

function nodesWithOwnCode(node: JsonObject): string[] {
  const data = isObject(node.data) ? node.data : {};
  const inner = isObject(data.node) ? data.node : {};
  const id = isText(node.id) ? node.id : "?";
  // A group of components holds a graph of its own.
  const grouped = isObject(inner.flow) ? ownCode(inner.flow.data ?? null) : [];
  return hasOwnCode(data, inner) ? [id, ...grouped] : grouped;
}

function hasOwnCode(data: JsonObject, inner: JsonObject): boolean {
  const template = isObject(inner.template) ? inner.template : {};
  const code = isObject(template.code) && isText(template.code.value) ? template.code.value : "";
  if (code === "") return false;
  if (data.type === OWN_TYPE || inner.edited === true) return true;
  // Not by the digest beside it: LangFlow's own starter flows have some that are not those of their code.
  const { module } = isObject(inner.metadata) ? inner.metadata : {};
  return isText(module) && module.split(".")[0] === OWN_MODULE;
}

function textsIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isText(value) ? [value] : [];
}

/** The innermost node on the way to a field; ids of nodes are like `File-x3kQ1`. */
function nodeIn(path: readonly string[]): string {
  const at = path.lastIndexOf("nodes");
  return path[at + 1] ?? "?";
}
