import { Client } from "pg";
import { readCatalog } from "../../formats/tables/catalog";
import { checkSchema, type Finding } from "../../formats/tables/schemaCheck";
import { TABLES } from "../../formats/tables/tables";
import { failed, passed, type StepEnd, warned } from "./steps";

/**
 * Checks that this checkout's agent can replicate the whole database, with the same schema check that the agent runs in
 * a region.
 */
export async function replicationOf(databaseUrl: string): Promise<StepEnd> {
  const client = new Client({ connectionString: databaseUrl });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { findings, inUse } = checkSchema(await readCatalog(client), TABLES);
    return replicationInWords(findings, inUse.size);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @param tables number of replicated tables */
export function replicationInWords(findings: readonly Finding[], tables: number): StepEnd {
  const refused = findings.filter(({ effect }) => effect === "refused").map(({ message }) => message);
  if (refused.length > 0) return failed(`${refused.join("; ")}: deploy an agent that supports this release`);
  // Tables that only the agent's list contains are ignored, because they belong to other releases.
  const unknown = findings.filter(
    ({ effect, difference }) => effect === "left out" && difference.startsWith("undeclared"),
  );
  if (unknown.length > 0)
    return warned(`not replicated to other regions: ${unknown.map(({ message }) => message).join("; ")}`);
  return passed(`the agent replicates all ${tables} expected tables`);
}
