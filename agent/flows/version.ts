import { createHash } from "node:crypto";

/**
 * The parts of a flow that are merged one by one, so that a rename in one region and an edit in another need no copy. `details` is all
 * else that a flow file holds: icon, colour, tags, whether it is a component or an MCP tool.
 */
export const FIELDS = ["graph", "name", "description", "project", "endpoint", "lock", "details"] as const;
export type Field = (typeof FIELDS)[number];

/** A field's keys in a flow; its project is said by the file's path. */
export const KEYS: Readonly<Record<Field, readonly string[]>> = {
  graph: ["data"],
  name: ["name"],
  description: ["description"],
  project: [],
  endpoint: ["endpoint_name"],
  lock: ["locked"],
  details: ["icon", "icon_bg_color", "is_component", "mcp_enabled", "tags"],
};

/** By field, what tells two values apart: equal for equal values, and for no others. */
export type Prints = Readonly<Record<Field, string>>;

/** When and by whom one field was last edited. */
export interface Stamp {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Our name of the region, or the author of a commit that is not an agent's. */
  readonly by: string;
}

/** A file that is skipped, or a flow that is held back, and why; never with a value of the flow. */
export interface Problem {
  /** Path in the repository, or `LangFlow <id>`. */
  readonly path: string;
  readonly reason: string;
}

/** What tells two texts apart, in 22 characters. @param text whole, or in pieces */
export function print(text: string | Iterable<string>): string {
  const hash = createHash("sha256");
  for (const piece of typeof text === "string" ? [text] : text) hash.update(piece);
  return hash.digest("base64url").slice(0, 22);
}
