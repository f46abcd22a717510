import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { z } from "zod";
import { withoutGraphSecrets } from "./bindings";
import {
  canonicalPieces,
  isDeeperThan,
  isObject,
  type Json,
  type JsonObject,
  mapped,
  numbersAsIn,
  parseJson,
} from "./canonicalJson";
import { withOwnSecrets } from "./ownSecrets";
import { isHidden } from "./secretFields";
import type { MayStay } from "./secretValues";
import { type Field, KEYS, type Prints, print } from "./version";

/** Largest flow file that is read; GitHub refuses files above 100 MB, LangFlow's own uploads end at 1024 MB by default. */
export const FLOW_BYTES_MAX = 20 * 1024 * 1024;
/** Deepest nesting of a flow: LangFlow answers through pydantic, which writes nothing deeper than 255 levels. */
export const NESTING_MAX = 250;
/** In characters. LangFlow's column has no limit, what shows names has. */
export const NAME_MAX = 500;

/** What LangFlow makes of the graph whenever it writes a flow; nothing that anybody edits. */
const DERIVED_KEY = "webhook";
/** The keys of a flow file, as `lfx export` of lfx 1.13 writes them (`langflow_sdk.models.Flow` less what it strips). */
const FILE_KEYS = ["id", DERIVED_KEY, ...Object.values(KEYS).flat()];

/** What `lfx` takes where the server says nothing. */
const DEFAULTS: JsonObject = { is_component: false, mcp_enabled: false, webhook: false };

/** A file, or what LangFlow holds, that is no flow to us; the message says why, never with a value of the flow. */
export class NotAFlow extends Error {}

/** Keys of a node that change whenever it is looked at. */
const NODE_DISPLAY_KEYS = ["positionAbsolute", "dragging", "selected"];

/** A flow as it lies in Git. */
export interface FlowFile {
  /** UUID, the same in every region. */
  readonly id: string;
  readonly name: string;
  /** The file's whole text, which each call builds again. Equal flows have equal texts. */
  readonly contents: Buffer;
  /** The same as a text. */
  readonly text: string;
  /** What the text says. Not to be changed. */
  readonly value: JsonObject;
  /** The project's is empty: the file's path says it. */
  readonly prints: Prints;
}

// Only what would break a region is refused; the rest is LangFlow's to judge.
const shape = z.object({
  // LangFlow keeps UUIDs of version 5 for runs of public flows and refuses them for flows.
  id: z.uuid().refine((id) => id[14] !== "5", "is a UUID of version 5, which LangFlow refuses for flows"),
  name: z
    .string()
    .min(1)
    .refine((name) => name.length <= NAME_MAX || [...name.slice(0, 2 * NAME_MAX + 1)].length <= NAME_MAX, {
      message: `has more than ${NAME_MAX} characters`,
    })
    .refine((name) => !/(^|[\\/])\.\.([\\/]|$)/.test(name), "must not hold a path that leads out (..)")
    // PostgreSQL has no room for them, and a commit's message none.
    .refine((name) => !/\p{Cc}|\p{Cs}/u.test(name), "must not hold control characters or half a character"),
  endpoint_name: z
    .string()
    .regex(/^[a-zA-Z0-9_-]*$/, "may hold letters, digits, - and _ alone")
    .nullish(),
  data: z.object({ nodes: z.array(z.unknown()).optional(), edges: z.array(z.unknown()).optional() }).nullish(),
});

/**
 * A flow file from its contents, in the one form that equal flows share. Secrets that somebody wrote into it are left
 * out; names of global variables stay, since Git has them.
 *
 * @throws NotAFlow: too large, no UTF-8, no JSON, or not the shape of a flow
 */
export function readFlowFile(contents: Uint8Array): FlowFile {
  if (contents.byteLength > FLOW_BYTES_MAX)
    throw new NotAFlow(`has ${contents.byteLength} bytes, ${FLOW_BYTES_MAX} are allowed`);
  return flowFile(parsed(contents), () => true);
}

/**
 * The file of a flow as LangFlow's API shows it: without what differs by region, and without secrets.
 *
 * @param variables names of the user's global variables, of which a flow's fields may speak
 * @param agreed Git's version, whose bindings to variables stay whether or not this region has the variables, and whose numbers stay
 *   as they are written there
 * @throws NotAFlow
 */
export function exportedFlow(
  stored: JsonObject,
  { variables, agreed }: { variables: ReadonlySet<string>; agreed?: FlowFile },
): FlowFile {
  return flowFile(stored, (name) => variables.has(name), agreed);
}

/** A flow with some of its fields from another version of it, each whole. */
export function compose(file: FlowFile, other: FlowFile, fields: readonly Field[]): FlowFile {
  const keys = fields.flatMap((field) => (field === "graph" ? [...KEYS.graph, DERIVED_KEY] : KEYS[field]));
  return described({ ...file.value, ...Object.fromEntries(keys.map((key) => [key, other.value[key] ?? null])) });
}

/** The flow of a file as LangFlow takes it, with the secrets that this region's own copy holds put back. */
export function importable(file: FlowFile, local: JsonObject | undefined): JsonObject {
  if (!isObject(local?.data) || isDeeperThan(local.data, NESTING_MAX)) return { ...file.value };
  return { ...file.value, data: withOwnSecrets(file.value.data ?? null, local.data) };
}

/**
 * The id of the flow that keeps a version of another: the same whoever keeps it, however often. A UUID of version 8
 * (RFC 9562, "custom").
 */
export function keptId(id: string, versionPrint: string): string {
  const hex = createHash("sha256").update(`${id} ${versionPrint}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A name with a suffix, cut before the suffix where both would be too long for a name. */
export function fittingName(name: string, suffix: string): string {
  const characters = [...name];
  const room = Math.max(0, NAME_MAX - [...suffix].length);
  const kept = characters.length <= room ? name : characters.slice(0, room).join("").trimEnd();
  return [...kept, ...suffix].slice(0, NAME_MAX).join("");
}

function parsed(contents: Uint8Array): JsonObject {
  if (!isUtf8(contents)) throw new NotAFlow("is no UTF-8");
  let value: Json;
  try {
    // A mark of the byte order is no part of the text.
    value = parseJson(
      Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength)
        .toString("utf8")
        .replace(/^\uFEFF/, ""),
    );
  } catch {
    // JavaScript's own message cites the text.
    throw new NotAFlow("is no JSON");
  }
  if (!isObject(value)) throw new NotAFlow("is not a JSON object");
  return value;
}

function flowFile(flow: JsonObject, mayStay: MayStay, agreed?: FlowFile): FlowFile {
  if (isDeeperThan(flow, NESTING_MAX)) throw new NotAFlow(`is nested deeper than ${NESTING_MAX} levels`);
  const kept: JsonObject = {};
  for (const key of FILE_KEYS) kept[key] = flow[key] ?? DEFAULTS[key] ?? null;
  const data = isObject(flow.data) ? flow.data : {};
  const nodes = Array.isArray(data.nodes) ? data.nodes.map(asLfx) : (data.nodes ?? []);
  kept.locked = flow.locked === true;
  kept.data = numbersAsIn(agreed?.value.data, withoutGraphSecrets({ ...data, nodes }, mayStay, agreed?.value.data));
  return described(kept, flow);
}

const isEmpty = (value: Json | undefined): boolean => value === "" || (Array.isArray(value) && value.length === 0);

/** @param original where it differs, what a refusal is about */
function described(kept: JsonObject, original: JsonObject = kept): FlowFile {
  const checked = shape.safeParse(original);
  if (!checked.success)
    throw new NotAFlow(checked.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; "));
  const value: JsonObject = {
    ...kept,
    id: checked.data.id.toLowerCase(),
    endpoint_name: checked.data.endpoint_name || null,
  };
  // LangFlow cannot be told to forget a value, only to hold an empty one.
  const printed = function* (keys: readonly string[]) {
    for (const [at, key] of keys.entries()) {
      if (at > 0) yield "\n";
      yield* canonicalPieces(isEmpty(value[key]) ? null : (value[key] ?? null), 0);
    }
  };
  const prints = once(() => {
    const each = Object.entries(KEYS).map(([field, keys]) => [field, keys.length > 0 ? print(printed(keys)) : ""]);
    return Object.fromEntries(each) as Prints;
  });
  return {
    id: value.id as string,
    name: checked.data.name,
    value,
    get contents() {
      return canonicalFile(value);
    },
    get text() {
      return canonicalFile(value).toString("utf8");
    },
    // It takes as long as all else, and few need it.
    get prints() {
      return prints();
    },
  };
}

/** Characters of a text that may be in memory in several forms. */
const SMALL_LENGTH = 1_000_000;

function canonicalFile(value: JsonObject): Buffer {
  const pieces: string[] = [];
  let [length, bytes] = [0, 1];
  for (const piece of canonicalPieces(value)) {
    length += piece.length;
    bytes += Buffer.byteLength(piece);
    if (length <= SMALL_LENGTH) pieces.push(piece);
  }
  if (length <= SMALL_LENGTH) return Buffer.from(`${pieces.join("")}\n`);
  // A large one is made twice rather than gathered: its pieces beside it would be as large again.
  const contents = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const piece of canonicalPieces(value)) at += contents.write(piece, at);
  contents.write("\n", at);
  return contents;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** A node of the graph in `lfx`'s form: less display keys, with an empty template where it has none. */
function asLfx(node: Json): Json {
  if (!isObject(node)) return node;
  const shown = Object.fromEntries(Object.entries(node).filter(([key]) => !NODE_DISPLAY_KEYS.includes(key)));
  const data = isObject(node.data) ? node.data : {};
  const inner = isObject(data.node) ? data.node : {};
  const template = mapped(isObject(inner.template) ? inner.template : {}, (_, field) =>
    isObject(field) && isHidden(field) && (field.value ?? null) === null ? { ...field, value: "" } : field,
  );
  return { ...shown, data: { ...data, node: { ...inner, template } } };
}
