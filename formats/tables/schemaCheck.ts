import type { CatalogColumn, CatalogForeignKey, CatalogTable, CatalogUniqueIndex } from "./catalog";
import { conditionWithout } from "./rowCondition";
import {
  columnOf,
  isReplicated,
  type KeyPart,
  type Reference,
  type ReplicatedTable,
  type TableRule,
} from "./tableRule";

/** A difference between the database's schema and the rules. */
export type Difference =
  | "undeclared table"
  | "missing table"
  | "undeclared column"
  | "missing column"
  | "computed column"
  | "another key"
  | "unknown unique index"
  | "missing unique index"
  | "unknown foreign key"
  | "missing foreign key"
  | "another rule of deletion"
  | "table without its parent";

export interface Finding {
  readonly difference: Difference;
  readonly table: string;
  /** The column, index, foreign key or parent table that the finding is about. */
  readonly name?: string;
  /**
   * `refused`: no row of the table is replicated. `left out`: only this table or column is not replicated. `said`: the
   * difference is only reported.
   */
  readonly effect: "refused" | "left out" | "said";
  /** A sentence for the log. */
  readonly message: string;
}

export interface SchemaVerdict {
  /**
   * The rules by table name, without the columns that this database lacks. Each table comes after the tables that its
   * rows wait for.
   */
  readonly inUse: ReadonlyMap<string, ReplicatedTable>;
  readonly findings: readonly Finding[];
}

/** Compares the database's schema with the rules. Each finding is about a single table. */
export function checkSchema(catalog: readonly CatalogTable[], rules: readonly TableRule[]): SchemaVerdict {
  const declared = new Set(rules.map(({ table }) => table));
  const tables = new Map(catalog.map((table) => [table.name, table]));
  const keys = new Map(rules.filter(isReplicated).map((rule) => [rule.table, rule.key]));
  const findings = catalog.flatMap(({ name }) =>
    declared.has(name)
      ? []
      : finding(name)("left out", "undeclared table", `the table "${name}" is unknown and is not replicated`),
  );
  const sound = rules.filter(isReplicated).filter((rule) => {
    const found = [...differences(rule, tables.get(rule.table), keys)];
    findings.push(...found);
    return !found.some(({ effect, difference }) => effect === "refused" || difference === "missing table");
  });
  const { kept, refused } = withParents(sound, tables);
  findings.push(...refused);
  return { inUse: new Map(kept.map((rule) => [rule.table, inUse(rule, columnsOf(tables, rule))])), findings };
}

/** Leaves out tables whose rows would all wait forever for a table that is not replicated. */
function withParents(rules: readonly ReplicatedTable[], tables: ReadonlyMap<string, CatalogTable>) {
  let kept = rules;
  const refused: Finding[] = [];
  for (;;) {
    const names = new Set(kept.map(({ table }) => table));
    const orphans = new Set<ReplicatedTable>();
    for (const rule of kept) {
      const parent = neededTables(rule, columnsOf(tables, rule)).find((table) => !names.has(table));
      if (parent === undefined) continue;
      orphans.add(rule);
      const why = `its rows belong to "${parent}", which is not replicated`;
      refused.push(finding(rule.table)("refused", "table without its parent", why, parent));
    }
    if (orphans.size === 0) return { kept, refused };
    kept = kept.filter((rule) => !orphans.has(rule));
  }
}

/** Returns the tables that every row of this table waits for. */
function neededTables(rule: ReplicatedTable, columns: ReadonlyMap<string, CatalogColumn>): string[] {
  return Object.entries(rule.references).flatMap(([column, { to, missing }]) =>
    missing === "waits" && typeof to === "string" && columns.get(column)?.notNull === true ? [to] : [],
  );
}

function inUse(rule: ReplicatedTable, columns: ReadonlyMap<string, CatalogColumn>): ReplicatedTable {
  const present = <Value>(byColumn: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(byColumn).filter(([column]) => columns.has(column)));
  return {
    ...rule,
    columns: rule.columns.filter((column) => columns.get(column)?.generated === false),
    regionalColumns: present(rule.regionalColumns),
    references: present(rule.references),
    only: rule.only && conditionWithout(rule.only, (column) => columns.has(column)),
  };
}

function* differences(
  rule: ReplicatedTable,
  table: CatalogTable | undefined,
  keys: ReadonlyMap<string, readonly string[]>,
): Generator<Finding> {
  if (!table)
    return yield finding(rule.table)(
      "left out",
      "missing table",
      `the table "${rule.table}" does not exist and is not replicated`,
    );
  yield* keyDifferences(rule, table);
  yield* columnDifferences(rule, table);
  yield* indexDifferences(rule, table);
  yield* foreignKeyDifferences(rule, table, keys);
}

function* keyDifferences(rule: ReplicatedTable, { primaryKey, columns }: CatalogTable): Generator<Finding> {
  const say = finding(rule.table);
  const expected = rule.primaryKey ?? rule.key;
  const types = rule.numbered ? ["integer"] : ["uuid", "text", "character varying"];
  if (!sameSet(primaryKey, expected))
    return yield say("refused", "another key", `its key is ${listed(primaryKey)}, not ${listed(expected)}`);
  for (const { name, type } of columns) {
    if (!rule.key.includes(name) || types.includes(type)) continue;
    const message = `its key column "${name}" is of type ${type}, not ${types.join(" or ")}`;
    yield say("refused", "another key", message, name);
  }
}

function* columnDifferences(rule: ReplicatedTable, table: CatalogTable): Generator<Finding> {
  const say = finding(rule.table);
  const present = new Map(table.columns.map((column) => [column.name, column]));
  const essential = essentialColumns(rule);
  const declared = [...rule.columns, ...Object.keys(rule.regionalColumns)];
  for (const name of declared) {
    const column = present.get(name);
    if (column && !(column.generated && rule.columns.includes(name))) continue;
    const difference = column ? "computed column" : "missing column";
    const how = column ? "is a generated column" : "does not exist";
    if (essential.includes(name))
      yield say(
        "refused",
        difference,
        `the column "${name}", which the agent needs to distinguish its rows, ${how}`,
        name,
      );
    else
      yield say("left out", difference, `the column "${name}" of "${rule.table}" ${how} and is not replicated`, name);
  }
  for (const { name, notNull, hasDefault, generated } of table.columns) {
    if (declared.includes(name)) continue;
    const difference = "undeclared column";
    if (notNull && !hasDefault && !generated)
      yield say("refused", difference, `an insert needs a value for its column "${name}", which is unknown`, name);
    else
      yield say(
        "left out",
        difference,
        `the column "${name}" of "${rule.table}" is unknown and is not replicated`,
        name,
      );
  }
}

function* indexDifferences({ table, uniqueIndexes }: ReplicatedTable, catalog: CatalogTable): Generator<Finding> {
  const say = finding(table);
  const declared = new Set(uniqueIndexes.map(({ on, where }) => indexPrint(on.map(partPrint), where)));
  const present = new Map(catalog.uniqueIndexes.map((index) => [catalogIndexPrint(index), index.name]));
  for (const [print, name] of present) {
    const what = `the unique index "${name}" of "${table}" (${print}) is unknown: rows that violate it are held`;
    if (!declared.has(print)) yield say("said", "unknown unique index", what, name);
  }
  for (const print of declared) {
    const what = `"${table}" has no unique index over ${print}`;
    if (!present.has(print)) yield say("said", "missing unique index", what, print);
  }
}

function* foreignKeyDifferences(
  rule: ReplicatedTable,
  table: CatalogTable,
  keys: ReadonlyMap<string, readonly string[]>,
): Generator<Finding> {
  const say = finding(rule.table);
  const hard = Object.entries(rule.references).filter(([, { soft }]) => !soft);
  const leadsTo = (key: CatalogForeignKey, column: string, to: Reference["to"]) =>
    sameSet(key.columns, [column]) && key.table === to && sameSet(key.referenced, keys.get(key.table) ?? []);
  for (const key of table.foreignKeys) {
    const { name, columns, onDelete } = key;
    const reference = hard.find(([column, { to }]) => leadsTo(key, column, to))?.[1];
    const where = `the foreign key "${name}" of "${rule.table}", ${listed(columns)} to "${key.table}",`;
    if (!reference)
      yield say("said", "unknown foreign key", `${where} is unknown: rows that violate it are held`, name);
    else if (!agreesOnDelete(key, reference)) {
      const what = `${where} has an unexpected ON DELETE action: ${onDelete}`;
      yield say("said", "another rule of deletion", what, name);
    }
  }
  for (const [column, { to }] of hard) {
    if (!table.columns.some(({ name }) => name === column)) continue;
    const what = `the column "${column}" of "${rule.table}" lacks its foreign key`;
    if (!table.foreignKeys.some((key) => leadsTo(key, column, to)))
      yield say("said", "missing foreign key", what, column);
  }
}

/** Returns whether the foreign key's ON DELETE action matches the rule. NO ACTION and RESTRICT match every rule. */
function agreesOnDelete({ onDelete }: CatalogForeignKey, { dead }: Reference): boolean {
  if (onDelete === "cascade") return dead === "dies";
  if (onDelete === "set null") return dead === "null";
  return onDelete !== "set default";
}

/** Returns the columns without which the agent could merge different rows, or take one row for two. */
function essentialColumns({ key, naturalKey, whole, versions }: ReplicatedTable): string[] {
  const content = versions?.content.slice(0, 1) ?? [];
  return [...key, ...(naturalKey?.on.map(columnOf) ?? []), ...(whole?.counter ? [whole.counter] : []), ...content];
}

function columnsOf(tables: ReadonlyMap<string, CatalogTable>, { table }: ReplicatedTable): Map<string, CatalogColumn> {
  return new Map(tables.get(table)?.columns.map((column) => [column.name, column]));
}

/** Returns the same text for equivalent indexes, regardless of the order of their columns and of casts. */
const indexPrint = (parts: readonly string[], where: string | null | undefined): string =>
  [[...parts].sort().join(", "), ...(where ? [`where ${plain(where)}`] : [])].join(" ");
const partPrint = (part: KeyPart): string => (typeof part === "string" ? part : `lower(${part.lower})`);
const catalogIndexPrint = ({ on, where }: CatalogUniqueIndex): string =>
  indexPrint(
    on.map((part) => ("column" in part ? part.column : plain(part.expression))),
    where,
  );

/** Removes casts from an expression, and parentheses around a column or the whole expression. */
function plain(expression: string): string {
  const bare = expression.replace(/::[a-z]+( varying)?(\(\d+\))?/g, "").replace(/(?<![a-z_])\((\w+)\)/g, "$1");
  return /^\([^()]*\)$/.test(bare) ? bare.slice(1, -1) : bare;
}

const finding =
  (table: string) =>
  (effect: Finding["effect"], difference: Difference, message: string, name?: string): Finding => ({
    difference,
    table,
    ...(name !== undefined && { name }),
    effect,
    message: effect === "refused" ? `the table "${table}" is not replicated: ${message}` : message,
  });

const sameSet = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((one) => others.includes(one));
const listed = (columns: readonly string[]): string => columns.map((name) => `"${name}"`).join(", ") || "none";
