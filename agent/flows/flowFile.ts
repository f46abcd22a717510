import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson, isObject, type Json, type JsonObject, parseJson } from "./canonicalJson";

/** Largest flow file that is read; GitHub refuses files above 100 MB, LangFlow's own uploads end at 1024 MB by default. */
export const FLOW_BYTES_MAX = 20 * 1024 * 1024;

/** The keys of a flow file, as `lfx export` of lfx 1.13 writes them (`langflow_sdk.models.Flow` less what it strips). */
const FILE_KEYS = [
  "data",
  "description",
  "endpoint_name",
  "icon",
  "icon_bg_color",
  "id",
  "is_component",
  "locked",
  "mcp_enabled",
  "name",
  "tags",
  "webhook",
] as const;

/** What `lfx` takes where the server says nothing. */
const DEFAULTS: JsonObject = { is_component: false, locked: false, mcp_enabled: false, webhook: false };

/** A file, or what LangFlow holds, that is no flow to us; the message says why. */
export class NotAFlow extends Error {}

/** Keys of a node that change whenever it is looked at. */
const NODE_DISPLAY_KEYS = ["positionAbsolute", "dragging", "selected"];

/** A flow as it lies in Git. */
export interface FlowFile {
  /** UUID, the same in every region. */
  readonly id: string;
  readonly name: string;
  /** Name in URLs; unique among a user's flows. */
  readonly endpointName?: string;
  /** The file's whole text. Equal flows have equal texts. */
  readonly text: string;
  readonly fingerprint: string;
}

// Only what would break a region is refused; the rest is LangFlow's to judge.
const shape = z.object({
  // LangFlow keeps UUIDs of version 5 for runs of public flows and refuses them for flows.
  id: z.uuid().refine((id) => id[14] !== "5", "is a UUID of version 5, which LangFlow refuses for flows"),
  name: z
    .string()
    .min(1)
    .max(500)
    .refine((name) => !/(^|[\\/])\.\.([\\/]|$)/.test(name), "must not hold a path that leads out (..)"),
  endpoint_name: z
    .string()
    .regex(/^[a-zA-Z0-9_-]*$/, "may hold letters, digits, - and _ alone")
    .nullish(),
  data: z.object({ nodes: z.array(z.unknown()).optional(), edges: z.array(z.unknown()).optional() }).nullish(),
});

/**
 * A flow file from its contents, in the one form that equal flows share.
 *
 * @throws NotAFlow: no UTF-8, no JSON, or not the shape of a flow
 */
export function readFlowFile(contents: Uint8Array): FlowFile {
  let value: Json;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(contents));
  } catch (error) {
    throw new NotAFlow((error as Error).message.slice(0, 200));
  }
  if (!isObject(value)) throw new NotAFlow("is not a JSON object");
  return flowFile(value);
}

/**
 * The file of a flow as LangFlow's API shows it: without what differs by region, and without secrets.
 *
 * @throws NotAFlow
 */
export function flowFile(flow: JsonObject): FlowFile {
  const parsed = shape.safeParse(flow);
  if (!parsed.success)
    throw new NotAFlow(parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; "));
  const kept: JsonObject = {};
  for (const key of FILE_KEYS) kept[key] = flow[key] ?? DEFAULTS[key] ?? null;
  const id = parsed.data.id.toLowerCase();
  const { name } = parsed.data;
  const endpointName = parsed.data.endpoint_name || undefined;
  kept.id = id;
  kept.endpoint_name = endpointName ?? null;
  kept.data = { ...(isObject(flow.data) && flow.data), nodes: nodesOf(flow).map(withoutSecrets) };
  const text = `${canonicalJson(kept)}\n`;
  return { id, name, ...(endpointName && { endpointName }), text, fingerprint: fingerprint(text) };
}

/** The same flow under another name, id or endpoint name. */
export function renamed(file: FlowFile, changes: { id?: string; name?: string; endpoint_name?: null }): FlowFile {
  return flowFile({ ...(parseJson(file.text) as JsonObject), ...changes });
}

/**
 * The id of the flow that keeps a version of another: the same whoever keeps it, however often. A UUID of version 8
 * (RFC 9562, "custom").
 */
export function keptId(id: string, versionFingerprint: string): string {
  const hex = createHash("sha256").update(`${id} ${versionFingerprint}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** What tells two versions of a flow apart, and nothing else does. */
export function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

/**
 * The flow of a file as LangFlow takes it, with the secrets that this region's own copy holds put back: Git never had
 * them, and importing must not wipe them.
 */
export function importable(file: FlowFile, local: JsonObject | undefined): JsonObject {
  const flow = parseJson(file.text) as JsonObject;
  const kept = new Map(
    nodesOf(local ?? {}).flatMap((node) =>
      fieldsOf(node).flatMap(([name, field]) => (isHidden(field) ? [[`${idOf(node)} ${name}`, field.value]] : [])),
    ) as [string, Json][],
  );
  for (const node of nodesOf(flow))
    for (const [name, field] of fieldsOf(node)) {
      const own = kept.get(`${idOf(node)} ${name}`);
      if (isHidden(field) && field.value === "" && own) field.value = own;
    }
  return flow;
}

const nodesOf = (flow: JsonObject): Json[] => {
  const nodes = isObject(flow.data) ? flow.data.nodes : undefined;
  return Array.isArray(nodes) ? nodes : [];
};
const idOf = (node: Json): string => (isObject(node) && typeof node.id === "string" ? node.id : "");
const inside = (value: Json | undefined, key: string): JsonObject => {
  const inner = isObject(value) ? value[key] : undefined;
  return isObject(inner) ? inner : {};
};
const templateOf = (node: Json): JsonObject => inside(inside(inside(node, "data"), "node"), "template");
const fieldsOf = (node: Json): [string, JsonObject][] =>
  Object.entries(templateOf(node)).filter((entry): entry is [string, JsonObject] => isObject(entry[1]));

/** Whether `lfx export` empties a field. */
const isHidden = (field: JsonObject): boolean => field.password === true || field.load_from_db === true;

/**
 * A node without display keys and hidden values. One kind of hidden value is kept: the name of a global variable, where
 * the field says that it is one and it is written as environment variables are. It is no secret, and without it a flow
 * would not find its provider key in the other region. (`lfx` compares flows without hidden values, so to it both are
 * the same.)
 */
function withoutSecrets(node: Json): Json {
  if (!isObject(node)) return node;
  const shown = Object.entries(node).filter(([key]) => !NODE_DISPLAY_KEYS.includes(key));
  const data = inside(node, "data");
  const fields = Object.entries(templateOf(node)).map(([name, field]): [string, Json] => [
    name,
    isObject(field) && isHidden(field) && !refersToVariable(field) ? { ...field, value: "" } : field,
  ]);
  return {
    ...Object.fromEntries(shown),
    data: { ...data, node: { ...inside(data, "node"), template: Object.fromEntries(fields) } },
  };
}

function refersToVariable({ load_from_db: loads, value }: JsonObject): boolean {
  return (
    loads === true &&
    typeof value === "string" &&
    /^[A-Z][A-Z0-9_]{0,127}$/.test(value) &&
    // An AWS access key id looks like such a name.
    !/^A[A-Z]{3}[A-Z0-9]{16}$/.test(value)
  );
}
