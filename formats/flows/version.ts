import { createHash } from "node:crypto";

/**
 * The parts of a flow that are merged separately, so that a rename in one region and an edit in a different one do not
 * cause a copy. `details` contains everything else in a flow file: icon, color, tags, and whether the flow is a
 * component or an MCP tool.
 */
export const FIELDS = ["graph", "name", "description", "project", "endpoint", "lock", "details"] as const;
export type Field = (typeof FIELDS)[number];

/** The keys in a flow of each field. The project has none, because the file's path determines it. */
export const KEYS: Readonly<Record<Field, readonly string[]>> = {
  graph: ["data"],
  name: ["name"],
  description: ["description"],
  project: [],
  endpoint: ["endpoint_name"],
  lock: ["locked"],
  details: ["icon", "icon_bg_color", "is_component", "mcp_enabled", "tags"],
};

/** Hashes by field. Equal values have equal hashes, and different values have different ones. */
export type Prints = Readonly<Record<Field, string>>;

/** Time and author of a field's last edit. */
export interface Stamp {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Our name of the region, or the author of a commit that no agent made. */
  readonly by: string;
}

/** A file that is skipped or a flow that is held, and the reason. Never contains a value of the flow. */
export interface Problem {
  /** Path in the repository, or `LangFlow <id>`. */
  readonly path: string;
  readonly reason: string;
}

/** Returns a 22-character hash of a text. @param text whole, or in pieces */
export function print(text: string | Iterable<string>): string {
  const hash = createHash("sha256");
  for (const piece of typeof text === "string" ? [text] : text) hash.update(piece);
  return hash.digest("base64url").slice(0, 22);
}
