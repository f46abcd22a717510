import type { ClientBase } from "pg";
import { type JsonObject, parseJson } from "../../formats/flows/canonicalJson";
import { exportedFlow, NotAFlow } from "../../formats/flows/flowFile";
import type { FlowText } from "../../formats/moveIn/result";
import { flowPath, folded, safeName } from "../flows/layout";

/** Number of flows per query. A flow may have 20 MB, and is in memory in several forms. */
const FLOWS_AT_ONCE = 1;

interface StoredFlow {
  readonly flow: string;
  readonly username: string;
  readonly variables: readonly string[];
}

/**
 * Yields flows in the format that LangFlow exports and imports ("Upload a flow", or POST /api/v1/flows/upload/), in one
 * folder per user, without the values of secret fields.
 *
 * @param ids of rows of `flow` in the region's database
 */
export async function* flowTexts(region: ClientBase, ids: readonly string[]): AsyncGenerator<FlowText> {
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
        taken.add(folded(path));
        yield { id, path, text };
      } catch (error) {
        if (!(error instanceof NotAFlow)) throw error;
        yield { id, reason: error.message };
      }
    }
  }
}
