import fc from "fast-check";
import { Client } from "pg";
import { readCatalog } from "../../formats/tables/catalog";
import { conditionHolds, conditionSql, type RowCondition } from "../../formats/tables/rowCondition";
import { checkSchema } from "../../formats/tables/schemaCheck";
import { isReplicated, type ReplicatedTable } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
import { rowsNear } from "../agent/accounts/rowsNear";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(120_000);

const TRAVELLING: readonly ReplicatedTable[] = TABLES.filter(isReplicated);

let scratch: Scratch;
let postgres: Postgres;
let client: Client;

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.migratedPostgres();
  client = await connected("migrated");
});
afterAll(async () => {
  await client.end();
  await scratch.end();
});

async function connected(database: string): Promise<Client> {
  const made = new Client(postgres.url(database));
  await made.connect();
  return made;
}

/** Returns the findings of the schema check after a statement, and rolls the statement back. */
async function checkedWith(statement: string): Promise<ReturnType<typeof checkSchema>> {
  await client.query("BEGIN");
  try {
    await client.query(statement);
    return checkSchema(await readCatalog(client), TABLES);
  } finally {
    await client.query("ROLLBACK");
  }
}

describe("the agent's table definitions, compared with the installed LangFlow's migrated schema,", () => {
  it("name exactly the tables of the database", async () => {
    const catalog = await readCatalog(client);
    expect(TABLES.map(({ table }) => table).sort()).toEqual(catalog.map(({ name }) => name).sort());
  });

  it("match every column, key, unique index and foreign key of the replicated tables", async () => {
    const { inUse, findings } = checkSchema(await readCatalog(client), TABLES);
    expect(findings).toEqual([]);
    expect([...inUse].map(([table, { columns }]) => [table, columns])).toEqual(
      TRAVELLING.map(({ table, columns }) => [table, columns]),
    );
  });

  it("give each regional column an insert value that the database accepts", async () => {
    const catalog = new Map((await readCatalog(client)).map((table) => [table.name, table]));
    for (const { table, regionalColumns } of TRAVELLING)
      for (const [name, { onInsert }] of Object.entries(regionalColumns)) {
        const column = catalog.get(table)?.columns.find((candidate) => candidate.name === name);
        if (onInsert === "DEFAULT") expect([table, name, column?.hasDefault]).toEqual([table, name, true]);
        else {
          const { rows } = await client.query(`SELECT CAST(${onInsert} AS ${column?.type}) IS NULL AS nothing`);
          expect([table, name, rows[0]?.nothing && column?.notNull]).toEqual([table, name, false]);
        }
      }
  });

  it("select the same rows in the database as in the agent", async () => {
    const rules = TRAVELLING.filter(({ only }) => only !== undefined);
    expect(rules.length).toBeGreaterThan(3);
    for (const { table, only } of rules) {
      const chosen = only as RowCondition;
      await fc.assert(
        fc.asyncProperty(rowsNear(chosen), async (row) => {
          const { rows } = await client.query(
            `SELECT ${conditionSql(chosen, "t")} AS chosen FROM jsonb_populate_record(NULL::public."${table}", $1::jsonb) t`,
            [JSON.stringify(row)],
          );
          expect([row, rows[0]?.chosen]).toEqual([row, conditionHolds(chosen, row)]);
        }),
        { numRuns: 60 },
      );
    }
  });
});

describe("the schema check of a database with a changed schema", () => {
  it.each([
    ["a column", `ALTER TABLE "user" ADD COLUMN phone text`],
    ["a required column with a default", `ALTER TABLE "user" ADD COLUMN level int NOT NULL DEFAULT 3`],
    ["a table", "CREATE TABLE badge (id uuid PRIMARY KEY, user_id uuid)"],
    ["a computed column", `ALTER TABLE "user" ADD COLUMN handle text GENERATED ALWAYS AS (upper(username)) STORED`],
  ])("reports %s that is new and still replicates all known columns", async (_, statement) => {
    const { inUse, findings } = await checkedWith(statement);
    expect(findings).toEqual([expect.objectContaining({ effect: "left out" })]);
    expect([...inUse.values()].map(({ columns }) => columns)).toEqual(TRAVELLING.map(({ columns }) => columns));
  });

  it("leaves out a missing column, also in the condition that selects the rows", async () => {
    const { inUse, findings } = await checkedWith("ALTER TABLE variable DROP COLUMN is_environment_managed");
    expect(findings).toEqual([
      expect.objectContaining({ difference: "missing column", name: "is_environment_managed", effect: "left out" }),
    ]);
    const variable = inUse.get("variable");
    expect(variable?.columns).not.toContain("is_environment_managed");
    expect(conditionSql(variable?.only as RowCondition, "t")).not.toContain("is_environment_managed");
  });

  it("refuses, by name, only the table whose rows can no longer be inserted", async () => {
    const { inUse, findings } = await checkedWith("ALTER TABLE file ADD COLUMN checksum text NOT NULL");
    expect(findings.map(({ message }) => message)).toEqual([
      'the table "file" is not replicated: an insert needs a value for its column "checksum", which is unknown',
    ]);
    expect([...inUse.keys()]).toEqual(TRAVELLING.map(({ table }) => table).filter((table) => table !== "file"));
  });

  it("refuses a table with a changed key, and that table's child tables", async () => {
    const { inUse, findings } = await checkedWith(
      "ALTER TABLE authz_team DROP CONSTRAINT authz_team_pkey CASCADE, ADD PRIMARY KEY (id, adom_name)",
    );
    const refused = findings.filter(({ effect }) => effect === "refused").map(({ message }) => message);
    expect(refused).toEqual([
      'the table "authz_team" is not replicated: its key is "id", "adom_name", not "id"',
      'the table "authz_team_member" is not replicated: its rows belong to "authz_team", which is not replicated',
      'the table "authz_team_member_grant" is not replicated: its rows belong to "authz_team_member", which is not replicated',
    ]);
    expect(inUse.size).toBe(TRAVELLING.length - 3);
  });

  it("reports a new unique index and a new foreign key, which may prevent rows from being applied", async () => {
    const { inUse, findings } = await checkedWith(
      `CREATE UNIQUE INDEX one_transport ON mcp_server (user_id, lower(transport)) WHERE enabled;
       ALTER TABLE message ADD CONSTRAINT message_flow FOREIGN KEY (flow_id) REFERENCES flow (id)`,
    );
    expect(findings.map(({ difference, name, effect }) => [difference, name, effect])).toEqual([
      ["unknown unique index", "one_transport", "said"],
      ["unknown foreign key", "message_flow", "said"],
    ]);
    expect(inUse.size).toBe(TRAVELLING.length);
  });
});
