import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ClientBase } from "pg";
import { type JsonObject, parseJson } from "../../../agent/flows/canonicalJson";
import { exportedFlow, NotAFlow } from "../../../agent/flows/flowFile";
import { flowPath, safeName } from "../../../agent/flows/layout";
import { ExitCode, UserError } from "../../../model/errors";

/** A flow has some tens of KB, and one may have 20 MB. */
const FLOWS_AT_ONCE = 20;

export interface WrittenFlows {
  /** From the folder on. */
  readonly files: readonly string[];
  /** Flows that are no files, and why. */
  readonly left: readonly { readonly id: string; readonly reason: string }[];
}

interface StoredFlow {
  readonly flow: string;
  readonly username: string;
  readonly variables: readonly string[];
}

/** @throws UserError exit 2 where the folder holds anything: what lies in it might be taken for flows of the fleet */
export function requireEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new UserError(`${folder} is not empty: give --out a folder that is not there yet`, ExitCode.BadInput);
}

/**
 * Writes flows as files in the form in which LangFlow itself exports them and takes them again ("Upload a flow", or POST
 * /api/v1/flows/upload/): a folder per user, which only you can read, without the values of secret fields.
 *
 * @param ids of rows of `flow` in the region's database
 */
export async function writeFlows(region: ClientBase, ids: readonly string[], folder: string): Promise<WrittenFlows> {
  const files: string[] = [];
  const left: { id: string; reason: string }[] = [];
  const taken = new Set<string>();
  for (let at = 0; at < ids.length; at += FLOWS_AT_ONCE) {
    const { rows } = await region.query<StoredFlow>(
      `SELECT row_to_json(f)::text AS flow, u.username,
          ARRAY(SELECT v.name FROM variable v WHERE v.user_id = f.user_id) AS variables
        FROM flow f JOIN "user" u ON u.id = f.user_id WHERE f.id = ANY($1::uuid[]) ORDER BY f.id`,
      [ids.slice(at, at + FLOWS_AT_ONCE)],
    );
    for (const { flow, username, variables } of rows) {
      const stored = parseJson(flow) as JsonObject;
      const id = String(stored.id);
      try {
        const { name, text } = exportedFlow(stored, { variables: new Set(variables) });
        const path = flowPath(safeName(username), undefined, { id, name }, taken);
        taken.add(path.toLowerCase());
        const file = join(folder, path);
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(file, text, { mode: 0o600 });
        files.push(path);
      } catch (error) {
        if (!(error instanceof NotAFlow)) throw error;
        left.push({ id, reason: error.message });
      }
    }
  }
  return { files, left };
}
