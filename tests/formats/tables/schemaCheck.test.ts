import fc from "fast-check";
import type { CatalogColumn, CatalogTable } from "../../../formats/tables/catalog";
import { checkSchema, type Finding, type SchemaVerdict } from "../../../formats/tables/schemaCheck";
import { isReplicated, type ReplicatedTable } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";

const ON_DELETE = { dies: "cascade", null: "set null", stays: "no action" } as const;

const TRAVELLING: readonly ReplicatedTable[] = TABLES.filter(isReplicated);
/** Returns whether a column is a reference that every row must have. */
const always = ({ references }: ReplicatedTable, column: string) =>
  references[column]?.missing === "waits" && references[column]?.dead !== "null";
const KEYS = new Map(TRAVELLING.map(({ table, key }) => [table, key]));

/** A database that matches the list of tables. */
const CATALOG: readonly CatalogTable[] = TABLES.map((rule) =>
  isReplicated(rule)
    ? tableOf(rule)
    : { name: rule.table, columns: [], primaryKey: [], uniqueIndexes: [], foreignKeys: [] },
);

function tableOf(rule: ReplicatedTable): CatalogTable {
  const primaryKey = rule.primaryKey ?? rule.key;
  const hard = Object.entries(rule.references).filter(([, { soft }]) => !soft);
  return {
    name: rule.table,
    columns: [...rule.columns, ...Object.keys(rule.regionalColumns)].map((name) => ({
      name,
      type: primaryKey.includes(name) && rule.numbered ? "integer" : "character varying",
      notNull: rule.key.includes(name) || always(rule, name),
      hasDefault: false,
      generated: false,
    })),
    primaryKey,
    uniqueIndexes: rule.uniqueIndexes.map(({ on, where }, number) => ({
      name: `${rule.table}_${number}`,
      on: on.map((part) =>
        typeof part === "string" ? { column: part } : { expression: `lower(${part.lower}::text)` },
      ),
      where: where ? `((${where.split(" ")[0]})::text${where.slice(where.indexOf(" "))})` : null,
    })),
    foreignKeys: hard.map(([column, { to, dead }]) => ({
      name: `${rule.table}_${column}_fkey`,
      columns: [column],
      table: to as string,
      referenced: KEYS.get(to as string) ?? [],
      onDelete: ON_DELETE[dead],
    })),
  };
}

const changed = (table: string, change: (of: CatalogTable) => Partial<CatalogTable>): CatalogTable[] =>
  CATALOG.map((of) => (of.name === table ? { ...of, ...change(of) } : of));
const without = (table: string, column: string) =>
  changed(table, ({ columns }) => ({ columns: columns.filter(({ name }) => name !== column) }));
const withColumn = (table: string, column: Partial<CatalogColumn>) =>
  changed(table, ({ columns }) => ({
    columns: [
      ...columns,
      { name: "new", type: "text", notNull: false, hasDefault: false, generated: false, ...column },
    ],
  }));
const columnChanged = (table: string, column: string, change: Partial<CatalogColumn>) =>
  changed(table, ({ columns }) => ({
    columns: columns.map((of) => (of.name === column ? { ...of, ...change } : of)),
  }));
const told = (findings: readonly Finding[]) =>
  findings.map(({ difference, table, name, effect }) => [difference, table, name, effect]);
const judge = (catalog: readonly CatalogTable[]) => checkSchema(catalog, TABLES);
const used = ({ inUse }: SchemaVerdict) => [...inUse].map(([table, { columns }]) => [table, columns]);
const ALL = used(judge(CATALOG));

describe("the schema check of a database", () => {
  it("accepts every table completely if the database matches the list of tables", () => {
    const verdict = judge(CATALOG);
    expect(verdict.findings).toEqual([]);
    expect(ALL).toEqual(TRAVELLING.map(({ table, columns }) => [table, columns]));
    expect([...verdict.inUse.values()].map(({ references, only }) => [references, only])).toEqual(
      TRAVELLING.map(({ references, only }) => [references, only]),
    );
  });

  it("reports a new table and accepts everything else", () => {
    const badge = { name: "badge", columns: [], primaryKey: ["id"], uniqueIndexes: [], foreignKeys: [] };
    const verdict = judge([...CATALOG, badge]);
    expect(told(verdict.findings)).toEqual([["undeclared table", "badge", undefined, "left out"]]);
    expect(used(verdict)).toEqual(ALL);
  });

  it.each([
    ["can be null", {}],
    ["has a default", { notNull: true, hasDefault: true }],
    ["is generated", { notNull: true, generated: true }],
  ])("reports a new column that %s and accepts everything else", (_, column) => {
    const verdict = judge(withColumn("user", column));
    expect(told(verdict.findings)).toEqual([["undeclared column", "user", "new", "left out"]]);
    expect(used(verdict)).toEqual(ALL);
  });

  it("refuses a table in which a row cannot be created without an unknown column", () => {
    const verdict = judge(withColumn("file", { notNull: true }));
    expect(told(verdict.findings)).toEqual([["undeclared column", "file", "new", "refused"]]);
    expect(used(verdict)).toEqual(ALL.filter(([table]) => table !== "file"));
  });

  it("refuses the child tables of flows if flows cannot be created, and accepts everything else", () => {
    const verdict = judge(withColumn("flow", { notNull: true }));
    const refused = told(verdict.findings).filter(([, , , effect]) => effect === "refused");
    const tables = refused.map(([, table]) => table);
    const parts = ["flow_version", "flow_version_deployment_attachment", "trigger"];
    expect(tables.sort()).toEqual(["flow", ...parts, "trigger_source_version", "trigger_subscription"]);
    expect(used(verdict)).toEqual(ALL.filter(([table]) => !tables.includes(table as string)));
  });

  it("refuses the table of flows if its column for the graph is missing", () => {
    expect(told(judge(without("flow", "data")).findings)).toContainEqual(["missing column", "flow", "data", "refused"]);
  });

  it.each([
    ["replicates", "password", "columns"],
    ["stays regional", "last_login_at", "regionalColumns"],
  ] as const)("leaves out a missing column that otherwise %s", (_, column, among) => {
    const verdict = judge(without("user", column));
    expect(told(verdict.findings)).toEqual([["missing column", "user", column, "left out"]]);
    const { columns = [], regionalColumns = {} } = verdict.inUse.get("user") ?? {};
    expect({ columns, regionalColumns: Object.keys(regionalColumns) }[among]).not.toContain(column);
    expect(verdict.inUse.size).toBe(TRAVELLING.length);
  });

  it("reports no missing foreign key for a missing column", () => {
    const verdict = judge(
      changed("folder", ({ columns, foreignKeys }) => ({
        columns: columns.filter(({ name }) => name !== "parent_id"),
        foreignKeys: foreignKeys.filter((key) => !key.columns.includes("parent_id")),
      })),
    );
    expect(told(verdict.findings)).toEqual([["missing column", "folder", "parent_id", "left out"]]);
  });

  it("leaves out a column that has become a computed column", () => {
    const verdict = judge(columnChanged("user", "password", { generated: true }));
    expect(told(verdict.findings)).toEqual([["computed column", "user", "password", "left out"]]);
    expect(verdict.inUse.get("user")?.columns).not.toContain("password");
  });

  it("leaves out a missing column from the row condition and from the references", () => {
    const verdict = judge(without("variable", "is_environment_managed"));
    expect(verdict.inUse.get("variable")?.only).toEqual({
      not: { any: [{ any: [] }, { column: "name", oneOf: ["LANGFLOW_DR_SYNC"] }, { all: expect.anything() }] },
    });
    expect(judge(without("folder", "parent_id")).inUse.get("folder")?.references).toEqual({
      user_id: expect.anything(),
    });
  });

  it.each([
    ["it has a different primary key", changed("apikey", () => ({ primaryKey: ["id", "user_id"] })), "another key"],
    ["it has no primary key", changed("apikey", () => ({ primaryKey: [] })), "another key"],
    ["its key has a different type", columnChanged("apikey", "id", { type: "bigint" }), "another key"],
    ["its key is generated", columnChanged("apikey", "id", { generated: true }), "computed column"],
  ] as const)("refuses a table if %s", (_, catalog, difference) => {
    const verdict = judge(catalog);
    expect(verdict.findings.map((finding) => [finding.difference, finding.table, finding.effect])).toContainEqual([
      difference,
      "apikey",
      "refused",
    ]);
    expect(used(verdict)).toEqual(ALL.filter(([table]) => table !== "apikey"));
  });

  it.each([
    ["the column that names its rows", "mcp_server", "name"],
    ["the column that selects its values", "model_provider_policy", "version"],
  ])("refuses a table without %s", (_, table, column) => {
    expect(told(judge(without(table, column)).findings)).toContainEqual(["missing column", table, column, "refused"]);
    expect(judge(without(table, column)).inUse.has(table)).toBe(false);
  });

  it("accepts a number as a table's key only if `TABLES` gives that table a numeric key", () => {
    expect(judge(columnChanged("sso_settings", "id", { type: "uuid" })).inUse.has("sso_settings")).toBe(false);
    expect(judge(columnChanged("file", "id", { type: "integer" })).inUse.has("file")).toBe(false);
  });

  it("refuses the child tables of a refused table, and their child tables", () => {
    const verdict = judge(changed("connection", () => ({ primaryKey: ["name"] })));
    expect(told(verdict.findings).filter(([, , , effect]) => effect === "refused")).toEqual([
      ["another key", "connection", undefined, "refused"],
      ["table without its parent", "connection_secret", "connection", "refused"],
      ["table without its parent", "connection_oauth", "connection", "refused"],
    ]);
    // A trigger need not have a connection, so triggers without one still replicate.
    expect(verdict.inUse.has("trigger")).toBe(true);
    // No foreign key says what the active revision's number refers to.
    const revisions = changed("policy_bundle_revision", () => ({ primaryKey: [] }));
    expect(judge(revisions).inUse.has("policy_bundle_active")).toBe(false);
  });

  it("reports unknown and missing indexes and foreign keys", () => {
    const unique = { name: "one_text", on: [{ column: "text" }], where: null };
    const toFlow = {
      name: "to_flow",
      columns: ["flow_id"],
      table: "flow",
      referenced: ["id"],
      onDelete: "cascade" as const,
    };
    const more = judge(changed("message", () => ({ uniqueIndexes: [unique], foreignKeys: [toFlow] })));
    expect(told(more.findings)).toEqual([
      ["unknown unique index", "message", "one_text", "said"],
      ["unknown foreign key", "message", "to_flow", "said"],
    ]);
    expect(used(more)).toEqual(ALL);
    const fewer = judge(changed("mcp_server", () => ({ uniqueIndexes: [], foreignKeys: [] })));
    expect(told(fewer.findings)).toEqual([
      ["missing unique index", "mcp_server", "name, user_id", "said"],
      ["missing foreign key", "mcp_server", "user_id", "said"],
    ]);
    expect(used(fewer)).toEqual(ALL);
  });

  it.each([
    ["over other rows", "node_id IS NOT NULL AND kind <> 'x'"],
    ["over all rows", null],
  ])("distinguishes a unique index %s from the expected index", (_, where) => {
    const verdict = judge(
      changed("trigger", ({ uniqueIndexes }) => ({
        uniqueIndexes: uniqueIndexes.map((index) => (index.where === null ? index : { ...index, where })),
      })),
    );
    expect(verdict.findings.map(({ difference }) => difference)).toEqual([
      "unknown unique index",
      "missing unique index",
    ]);
  });

  it("reports a foreign key that refers to a different column or has a different rule for deletes", () => {
    const keyed = (change: object) =>
      judge(
        changed("file", ({ foreignKeys }) => ({ foreignKeys: foreignKeys.map((key) => ({ ...key, ...change })) })),
      ).findings.map(({ difference }) => difference);
    expect(keyed({ referenced: ["username"] })).toEqual(["unknown foreign key", "missing foreign key"]);
    expect(keyed({ columns: ["user_id", "name"] })).toEqual(["unknown foreign key", "missing foreign key"]);
    expect(keyed({ onDelete: "set null" })).toEqual(["another rule of deletion"]);
    expect(keyed({ onDelete: "set default" })).toEqual(["another rule of deletion"]);
    expect(keyed({ onDelete: "restrict" })).toEqual([]);
  });

  it("phrases each finding as a sentence with the table's name", () => {
    expect(judge(withColumn("file", { notNull: true })).findings[0]?.message).toBe(
      'the table "file" is not replicated: an insert needs a value for its column "new", which is unknown',
    );
    expect(judge(without("user", "password")).findings[0]?.message).toBe(
      'the column "password" of "user" does not exist and is not replicated',
    );
  });
});

/**
 * Changes that make a database of any release: missing and additional tables and columns, and different keys, types,
 * indexes and references.
 */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant("drop" as const), at: fc.nat() }),
  fc.record({ kind: fc.constant("dropColumn" as const), at: fc.nat(), column: fc.nat() }),
  fc.record({ kind: fc.constant("addColumn" as const), at: fc.nat(), notNull: fc.boolean(), hasDefault: fc.boolean() }),
  fc.record({ kind: fc.constant("compute" as const), at: fc.nat(), column: fc.nat() }),
  fc.record({ kind: fc.constant("key" as const), at: fc.nat(), column: fc.nat() }),
  fc.record({ kind: fc.constant("retype" as const), at: fc.nat(), column: fc.nat() }),
  fc.record({ kind: fc.constant("unindex" as const), at: fc.nat() }),
  fc.record({ kind: fc.constant("unreference" as const), at: fc.nat() }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutated(catalog: readonly CatalogTable[], change: Mutation): CatalogTable[] {
  const at = change.at % catalog.length;
  if (change.kind === "drop") return catalog.filter((_, index) => index !== at);
  return catalog.map((table, index) => (index === at ? mutatedTable(table, change) : table));
}

function mutatedTable(table: CatalogTable, change: Exclude<Mutation, { kind: "drop" }>): CatalogTable {
  const { columns } = table;
  const chosen = "column" in change && columns.length > 0 ? columns[change.column % columns.length] : undefined;
  const replaced = (by: Partial<CatalogColumn>) => columns.map((of) => (of === chosen ? { ...of, ...by } : of));
  switch (change.kind) {
    case "dropColumn":
      return { ...table, columns: columns.filter((column) => column !== chosen) };
    case "addColumn": {
      const { notNull, hasDefault } = change;
      return { ...table, columns: [...columns, { name: "new", type: "text", notNull, hasDefault, generated: false }] };
    }
    case "compute":
      return { ...table, columns: replaced({ generated: true }) };
    case "key":
      return { ...table, primaryKey: chosen ? [chosen.name] : [] };
    case "retype":
      return { ...table, columns: replaced({ type: "bigint" }) };
    case "unindex":
      return { ...table, uniqueIndexes: [] };
    case "unreference":
      return { ...table, foreignKeys: [] };
  }
}

const database = fc
  .array(mutation, { maxLength: 12 })
  .map((changes) => changes.reduce<readonly CatalogTable[]>(mutated, CATALOG));

const namesOf = (columns: readonly CatalogColumn[]) => columns.map(({ name }) => name);
const lacking = (wanted: readonly string[], among: readonly string[]) => wanted.filter((name) => !among.includes(name));

describe("the schema check of any release's database", () => {
  it("allows writes only to columns that both the database and the list have, and only in tables with the list's key", () => {
    fc.assert(
      fc.property(database, (catalog) => {
        const tables = new Map(catalog.map((table) => [table.name, table]));
        for (const [name, { key, columns, regionalColumns }] of judge(catalog).inUse) {
          const declared = TRAVELLING.find(({ table }) => table === name)?.columns ?? [];
          const present = tables.get(name)?.columns ?? [];
          const writable = present.filter(({ generated }) => !generated);
          expect(lacking(columns, namesOf(writable))).toEqual([]);
          expect(lacking(Object.keys(regionalColumns), namesOf(present))).toEqual([]);
          expect(lacking(columns, declared)).toEqual([]);
          expect(lacking(key, columns)).toEqual([]);
        }
      }),
    );
  });

  it("never allows a row that lacks a required value", () => {
    fc.assert(
      fc.property(database, (catalog) => {
        const tables = new Map(catalog.map((table) => [table.name, table]));
        for (const [name, { columns, regionalColumns }] of judge(catalog).inUse) {
          const needed = tables.get(name)?.columns.filter((of) => of.notNull && !of.hasDefault && !of.generated) ?? [];
          expect(lacking(namesOf(needed), [...columns, ...Object.keys(regionalColumns)])).toEqual([]);
        }
      }),
    );
  });

  it("reports each table that cannot be replicated, and lists each replicated table after the tables that it references", () => {
    fc.assert(
      fc.property(database, (catalog) => {
        const { inUse, findings } = judge(catalog);
        const silent = new Set(
          findings
            .filter(({ effect, difference }) => effect === "refused" || difference === "missing table")
            .map(({ table }) => table),
        );
        expect(TRAVELLING.map(({ table }) => table).filter((table) => !inUse.has(table))).toEqual(
          TRAVELLING.map(({ table }) => table).filter((table) => silent.has(table)),
        );
        const order = [...inUse.keys()];
        for (const [name, { references }] of inUse)
          for (const { to, soft, dead } of Object.values(references))
            if (!soft && dead === "dies" && typeof to === "string" && to !== name)
              expect(order.slice(order.indexOf(name))).not.toContain(to);
      }),
    );
  });

  it("refuses a table only because of a problem in that table or in a parent table", () => {
    fc.assert(
      fc.property(database, mutation, (catalog, change) => {
        const before = judge(catalog);
        const after = judge(mutated(catalog, change));
        const hit = catalog[change.at % catalog.length]?.name ?? "";
        const follows = (table: string): boolean =>
          table === hit ||
          Object.values(before.inUse.get(table)?.references ?? {}).some(
            ({ to, missing }) => missing === "waits" && typeof to === "string" && to !== table && follows(to),
          );
        for (const [table, { columns }] of before.inUse)
          if (!follows(table)) expect(after.inUse.get(table)?.columns).toEqual(columns);
      }),
    );
  });

  it("has the same result in whatever order the database's tables and columns are listed", () => {
    fc.assert(
      fc.property(database, (catalog) => {
        const turned = [...catalog].reverse().map((table) => ({ ...table, columns: [...table.columns].reverse() }));
        expect(used(judge(turned))).toEqual(used(judge(catalog)));
        const sorted = (verdict: SchemaVerdict) => verdict.findings.map(({ message }) => message).sort();
        expect(sorted(judge(turned))).toEqual(sorted(judge(catalog)));
      }),
    );
  });
});
