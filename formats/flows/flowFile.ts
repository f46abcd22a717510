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

/**
 * Maximum size of a flow file, in bytes. GitHub rejects files above 100 MB; LangFlow limits uploads to 1024 MB by
 * default.
 */
export const FLOW_BYTES_MAX = 20 * 1024 * 1024;
/** Maximum nesting of a flow. LangFlow serializes responses with pydantic, which fails beyond 255 levels. */
export const NESTING_MAX = 250;
/** Maximum length of a name, in characters. LangFlow's column has no limit, but user interfaces do. */
export const NAME_MAX = 500;

/** Key that LangFlow derives from the graph at every write. Users never edit it. */
const DERIVED_KEY = "webhook";
/**
 * Keys of a flow file, as written by `lfx export` of lfx 1.13 (`langflow_sdk.models.Flow` without the keys it strips).
 */
const FILE_KEYS = ["id", DERIVED_KEY, ...Object.values(KEYS).flat()];

/** Values that `lfx` uses if the server omits a key. */
const DEFAULTS: JsonObject = { is_component: false, mcp_enabled: false, webhook: false };

/**
 * A file, or a flow in LangFlow, that is not a valid flow. The message gives the reason, and never contains a value of
 * the flow.
 */
export class NotAFlow extends Error {}

/** Keys of a node that change when a user merely views the flow. */
const NODE_DISPLAY_KEYS = ["positionAbsolute", "dragging", "selected"];

/** A flow as stored in Git. */
export interface FlowFile {
  /** UUID, the same in every region. */
  readonly id: string;
  readonly name: string;
  /** The file's content, which each access builds again. Equal flows have equal content. */
  readonly contents: Buffer;
  /** The content as a string. */
  readonly text: string;
  /** The parsed content. Do not modify it. */
  readonly value: JsonObject;
  /** Hashes of the fields. The project's is empty, because the file's path determines the project. */
  readonly prints: Prints;
}

// Reject only values that would break a region. LangFlow validates the rest.
const shape = z.object({
  // LangFlow reserves UUIDs of version 5 for runs of public flows and rejects them for flows.
  id: z.uuid().refine((id) => id[14] !== "5", "is a UUID of version 5, which LangFlow rejects for flows"),
  name: z
    .string()
    .min(1)
    .refine((name) => name.length <= NAME_MAX || [...name.slice(0, 2 * NAME_MAX + 1)].length <= NAME_MAX, {
      message: `has more than ${NAME_MAX} characters`,
    })
    .refine((name) => !/(^|[\\/])\.\.([\\/]|$)/.test(name), "must not contain the path segment ..")
    // Neither PostgreSQL nor a commit message can hold these characters.
    .refine((name) => !/\p{Cc}|\p{Cs}/u.test(name), "must not contain control characters or unpaired surrogates"),
  endpoint_name: z
    .string()
    .regex(/^[a-zA-Z0-9_-]*$/, "may contain only letters, digits, - and _")
    .nullish(),
  data: z.object({ nodes: z.array(z.unknown()).optional(), edges: z.array(z.unknown()).optional() }).nullish(),
});

/**
 * Parses a flow file into its canonical form, which is the same for equal flows. Secrets are removed. Names of global
 * variables stay, because Git already has them.
 *
 * @throws NotAFlow if the file is too large, not UTF-8, not JSON, or not a flow
 */
export function readFlowFile(contents: Uint8Array): FlowFile {
  if (contents.byteLength > FLOW_BYTES_MAX)
    throw new NotAFlow(`has ${contents.byteLength} bytes, ${FLOW_BYTES_MAX} are allowed`);
  return flowFile(parsed(contents), () => true);
}

/**
 * Converts a flow from LangFlow's API to a flow file, without regional values and secrets.
 *
 * @param variables names of the user's global variables, which the flow's fields may reference
 * @param agreed Git's version. Its variable names stay even if this region lacks the variables, and its numbers keep
 *   their notation
 * @throws NotAFlow
 */
export function exportedFlow(
  stored: JsonObject,
  { variables, agreed }: { variables: ReadonlySet<string>; agreed?: FlowFile },
): FlowFile {
  return flowFile(stored, (name) => variables.has(name), agreed);
}

/** Returns a flow in which some fields are replaced by those of a different version. */
export function compose(file: FlowFile, other: FlowFile, fields: readonly Field[]): FlowFile {
  const keys = fields.flatMap((field) => (field === "graph" ? [...KEYS.graph, DERIVED_KEY] : KEYS[field]));
  return described({ ...file.value, ...Object.fromEntries(keys.map((key) => [key, other.value[key] ?? null])) });
}

/**
 * Returns the flow of a file in the format that LangFlow imports, with the secrets from this region's copy restored.
 */
export function importable(file: FlowFile, local: JsonObject | undefined): JsonObject {
  if (!isObject(local?.data) || isDeeperThan(local.data, NESTING_MAX)) return { ...file.value };
  return { ...file.value, data: withOwnSecrets(file.value.data ?? null, local.data) };
}

/**
 * Returns the id of the copy that preserves a version of a flow. The id is deterministic, so every region and every
 * retry gets the same one. A UUID of version 8 (RFC 9562, "custom").
 */
export function keptId(id: string, versionPrint: string): string {
  const hex = createHash("sha256").update(`${id} ${versionPrint}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Appends a suffix to a name and truncates the name if the result would be too long. */
export function fittingName(name: string, suffix: string): string {
  const characters = [...name];
  const room = Math.max(0, NAME_MAX - [...suffix].length);
  const kept = characters.length <= room ? name : characters.slice(0, room).join("").trimEnd();
  return [...kept, ...suffix].slice(0, NAME_MAX).join("");
}

function parsed(contents: Uint8Array): JsonObject {
  if (!isUtf8(contents)) throw new NotAFlow("is not UTF-8");
  let value: Json;
  try {
    // Strip a byte order mark.
    value = parseJson(
      Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength)
        .toString("utf8")
        .replace(/^\uFEFF/, ""),
    );
  } catch {
    // Do not use JavaScript's own message, because it quotes the text.
    throw new NotAFlow("is not JSON");
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

/** @param original the flow to validate, if it differs from `kept` */
function described(kept: JsonObject, original: JsonObject = kept): FlowFile {
  const checked = shape.safeParse(original);
  if (!checked.success)
    throw new NotAFlow(checked.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; "));
  const value: JsonObject = {
    ...kept,
    id: checked.data.id.toLowerCase(),
    endpoint_name: checked.data.endpoint_name || null,
  };
  // Treat an empty value like a missing one: LangFlow's API can set a value to empty, but not remove it.
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
    // Hash on demand: hashing takes as long as everything else, and few callers need it.
    get prints() {
      return prints();
    },
  };
}

/** Maximum length of a text that may be in memory in several forms, in characters. */
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
  // Generate a large text twice instead of collecting its pieces, which would need as much memory again.
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

/**
 * Converts a node of the graph to the format of `lfx`: without display keys, and with an empty template if the node has
 * none.
 */
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
