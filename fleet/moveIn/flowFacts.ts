import { isObject, isText, type Json, type JsonObject } from "../../formats/flows/canonicalJson";
import { exportedFlow, FLOW_BYTES_MAX, type FlowFile, NotAFlow } from "../../formats/flows/flowFile";
import { findSecrets } from "../../formats/flows/secretScan";
import { fieldsMapped } from "../../formats/flows/templates";
import type { SourceFlow } from "./inventory";

/** A flow as stored in its source. */
export interface StoredFlow {
  readonly id: string;
  readonly name: string;
  readonly owner?: string;
  readonly bytes: number;
  /** The flow including `data`, as LangFlow's API returns it, or the reason why it could not be read. */
  readonly value: JsonObject | string;
  /** Names of the global variables of the flow's user. */
  readonly variables: ReadonlySet<string>;
}

/** Callback that receives each flow of a source as it is read: the stored flow and the facts about it. */
export type FlowReader = (stored: StoredFlow, facts: SourceFlow) => void;

/** Module name that LangFlow gives to user-written code (`lfx/custom/utils.py`). */
const OWN_MODULE = "custom_components";
/** Node type of a component that a user wrote from scratch. */
const OWN_TYPE = "CustomComponent";

/** Path on a local machine: POSIX, home folder, or Windows with a drive letter. */
const LOCAL_PATH = /^(?:\/[^/\s][^\n]*|~\/[^\n]+|[A-Za-z]:[\\/][^\n]+)$/;
/** Names of fields that contain a path without being uploads, such as those of the Directory component. */
const PATH_NAME = /(?:^|_)(?:path|file|folder|dir|directory)(?:$|_)/i;

/**
 * Returns the facts about a flow that matter for an import: how the record in Git and the fleet's LangFlow would treat
 * it.
 */
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
    // Never prints a name that looks like a secret.
    name: secrets.some(({ field }) => field === "name") ? id : name,
    secrets: secrets.map(({ field, rule }) => `${field} (${rule})`),
    localPaths: localPaths(data),
    ownCode: ownCode(data),
  };
}

/** Returns the reason why a flow is too large to be read. */
export const tooLarge = (bytes: number): string => `has ${bytes} bytes, ${FLOW_BYTES_MAX} are allowed`;

/** Returns the file that the recorder would write for the flow, or the reason why it would write none. */
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

/**
 * Returns the fields of a graph that refer to a file or folder on the original machine. Paths of uploads start with an
 * id and do not count.
 */
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

/**
 * Returns the node ids of components that a user wrote or edited. Code that was only added through the API may be
 * undetectable.
 */
export function ownCode(data: Json): string[] {
  const nodes = isObject(data) && Array.isArray(data.nodes) ? data.nodes : [];
  return nodes.flatMap((node) => (isObject(node) ? nodesWithOwnCode(node) : []));
}

function nodesWithOwnCode(node: JsonObject): string[] {
  const data = isObject(node.data) ? node.data : {};
  const inner = isObject(data.node) ? data.node : {};
  const id = isText(node.id) ? node.id : "?";
  // A grouped component contains a nested graph.
  const grouped = isObject(inner.flow) ? ownCode(inner.flow.data ?? null) : [];
  return hasOwnCode(data, inner) ? [id, ...grouped] : grouped;
}

function hasOwnCode(data: JsonObject, inner: JsonObject): boolean {
  const template = isObject(inner.template) ? inner.template : {};
  const code = isObject(template.code) && isText(template.code.value) ? template.code.value : "";
  if (code === "") return false;
  if (data.type === OWN_TYPE || inner.edited === true) return true;
  // The code hash in the metadata is no reliable criterion, because some of LangFlow's own starter flows have hashes
  // that do not match their code.
  const { module } = isObject(inner.metadata) ? inner.metadata : {};
  return isText(module) && module.split(".")[0] === OWN_MODULE;
}

function textsIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isText(value) ? [value] : [];
}

/** Returns the id of the innermost node on the path to a field, such as `File-x3kQ1`. */
function nodeIn(path: readonly string[]): string {
  const at = path.lastIndexOf("nodes");
  return path[at + 1] ?? "?";
}
