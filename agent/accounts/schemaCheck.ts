import type { CatalogColumn, CatalogForeignKey, CatalogTable, CatalogUniqueIndex } from "./catalog";
import { conditionWithout, type RowCondition } from "./rowCondition";
import { columnOf, type KeyPart, type Reference, type TableRule, type TravellingTable, travels } from "./tableRule";

/** What a database has that the list does not say, or the other way round. */
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
  /** The column, index, foreign key or other table that it is about. */
  readonly name?: string;
  /** `refused`: no row of the table travels. `left out`: this table or column does not travel, all else does. */
  readonly effect: "refused" | "left out" | "said";
  /** A sentence for a log. */
  readonly message: string;
}

/** A table as it can travel with this database. */
export interface TableInUse {
  readonly rule: TravellingTable;
  /** Of its columns that travel those that the database has. */
  readonly columns: readonly string[];
  /** Of its regional columns likewise. */
  readonly regionalColumns: readonly string[];
  /** By column; those of columns that the database has. */
  readonly references: Readonly<Record<string, Reference>>;
  /** Which rows; a column that the database does not have counts as null. */
  readonly only: RowCondition | undefined;
}

export interface SchemaVerdict {
  /** By name, each table after those that its rows wait for. */
  readonly inUse: ReadonlyMap<string, TableInUse>;
  readonly findings: readonly Finding[];
}

/** Holds a database against the list: what may travel, and what is to be said. Each finding is of one table alone. */
export function checkSchema(catalog: readonly CatalogTable[], rules: readonly TableRule[]): SchemaVerdict {
  const declared = new Set(rules.map(({ table }) => table));
  const tables = new Map(catalog.map((table) => [table.name, table]));
  const keys = new Map(rules.filter(travels).map((rule) => [rule.table, rule.key]));
  const findings: Finding[] = [];
  for (const { name } of catalog)
    if (!declared.has(name))
      findings.push(leftOut("undeclared table", name, undefined, `the table ${quoted(name)} is not known and stays`));
  const sound = rules.filter(travels).filter((rule) => {
    const table = tables.get(rule.table);
    const found = table ? differences(rule, table, keys) : [missingTable(rule)];
    findings.push(...found);
    return table !== undefined && !found.some(({ effect }) => effect === "refused");
  });
  const { kept, refused } = withParents(sound, tables);
  findings.push(...refused);
  return { inUse: new Map(kept.map((rule) => [rule.table, inUse(rule, columnsOf(tables, rule))])), findings };
}

/** Leaves out tables all of whose rows would wait for ever. */
function withParents(rules: readonly TravellingTable[], tables: ReadonlyMap<string, CatalogTable>) {
  let kept = rules;
  const refused: Finding[] = [];
  for (;;) {
    const names = new Set(kept.map(({ table }) => table));
    const orphans = kept.flatMap((rule) => {
      const parent = neededTables(rule, columnsOf(tables, rule)).find((table) => !names.has(table));
      return parent === undefined ? [] : [{ rule, parent }];
    });
    if (orphans.length === 0) return { kept, refused };
    for (const { rule, parent } of orphans)
      refused.push(
        refusal(
          "table without its parent",
          rule.table,
          parent,
          `its rows are of ${quoted(parent)}, which does not travel`,
        ),
      );
    kept = kept.filter((rule) => !orphans.some((orphan) => orphan.rule === rule));
  }
}

/** Tables that every row of this one waits for. */
function neededTables(rule: TravellingTable, columns: ReadonlyMap<string, CatalogColumn>): string[] {
  return Object.entries(rule.references).flatMap(([column, { to, missing }]) =>
    missing === "waits" && typeof to === "string" && columns.get(column)?.notNull === true ? [to] : [],
  );
}

function inUse(rule: TravellingTable, columns: ReadonlyMap<string, CatalogColumn>): TableInUse {
  const has = (column: string) => columns.has(column);
  return {
    rule,
    columns: rule.columns.filter((column) => columns.get(column)?.generated === false),
    regionalColumns: Object.keys(rule.regionalColumns).filter(has),
    references: Object.fromEntries(Object.entries(rule.references).filter(([column]) => has(column))),
    only: rule.only && conditionWithout(rule.only, has),
  };
}

function differences(
  rule: TravellingTable,
  table: CatalogTable,
  keys: ReadonlyMap<string, readonly string[]>,
): Finding[] {
  return [
    ...keyDifferences(rule, table),
    ...missingColumns(rule, table),
    ...undeclaredColumns(rule, table),
    ...indexDifferences(rule, table),
    ...foreignKeyDifferences(rule, table, keys),
  ];
}

function keyDifferences(rule: TravellingTable, table: CatalogTable): Finding[] {
  const expected = primaryKeyOf(rule);
  const types = rule.numbered ? ["integer"] : ["uuid", "text", "character varying"];
  const strange = table.columns.filter(({ name, type }) => rule.key.includes(name) && !types.includes(type));
  const another = (is: string) =>
    refusal("another key", rule.table, undefined, `its key is ${is}, not ${listed(expected)}`);
  if (!sameSet(table.primaryKey, expected)) return [another(listed(table.primaryKey))];
  return strange.map(({ name, type }) =>
    refusal(
      "another key",
      rule.table,
      name,
      `the column ${quoted(name)} of its key is of type ${type}, not ${types.join(" or ")}`,
    ),
  );
}

function missingColumns(rule: TravellingTable, table: CatalogTable): Finding[] {
  const present = new Map(table.columns.map((column) => [column.name, column]));
  const essential = new Set(essentialColumns(rule));
  return declaredColumns(rule).flatMap((name): Finding[] => {
    const column = present.get(name);
    if (column && !(column.generated && rule.columns.includes(name))) return [];
    const difference = column ? "computed column" : "missing column";
    const how = column ? `is computed by the server` : `is not there`;
    if (essential.has(name))
      return [
        refusal(
          difference,
          rule.table,
          name,
          `the column ${quoted(name)}, without which its rows cannot be told apart, ${how}`,
        ),
      ];
    return [
      leftOut(
        difference,
        rule.table,
        name,
        `the column ${quoted(name)} of ${quoted(rule.table)} ${how} and is left out`,
      ),
    ];
  });
}

function undeclaredColumns(rule: TravellingTable, table: CatalogTable): Finding[] {
  const declared = new Set(declaredColumns(rule));
  return table.columns
    .filter(({ name }) => !declared.has(name))
    .map(({ name, notNull, hasDefault, generated }) =>
      notNull && !hasDefault && !generated
        ? refusal(
            "undeclared column",
            rule.table,
            name,
            `no row can be made without its column ${quoted(name)}, which is not known`,
          )
        : leftOut(
            "undeclared column",
            rule.table,
            name,
            `the column ${quoted(name)} of ${quoted(rule.table)} is not known and stays`,
          ),
    );
}

function indexDifferences(rule: TravellingTable, table: CatalogTable): Finding[] {
  const declared = new Set(rule.uniqueIndexes.map(({ on, where }) => indexPrint(on.map(partPrint), where)));
  const present = new Set(table.uniqueIndexes.map(catalogIndexPrint));
  return [
    ...table.uniqueIndexes
      .filter((index) => !declared.has(catalogIndexPrint(index)))
      .map((index) =>
        said(
          "unknown unique index",
          rule.table,
          index.name,
          `the unique index ${quoted(index.name)} of ${quoted(rule.table)} (${catalogIndexPrint(index)}) is not known: rows that meet in it are held`,
        ),
      ),
    ...[...declared]
      .filter((print) => !present.has(print))
      .map((print) =>
        said("missing unique index", rule.table, print, `${quoted(rule.table)} has no unique index over ${print}`),
      ),
  ];
}

function foreignKeyDifferences(
  rule: TravellingTable,
  table: CatalogTable,
  keys: ReadonlyMap<string, readonly string[]>,
): Finding[] {
  const hard = Object.entries(rule.references).filter(([, { soft }]) => !soft);
  const present = new Set(table.columns.map(({ name }) => name));
  const leadsTo = (key: CatalogForeignKey, column: string, to: Reference["to"]) =>
    sameSet(key.columns, [column]) && key.table === to && sameSet(key.referenced, keys.get(key.table) ?? []);
  const declaredOf = (key: CatalogForeignKey) => hard.find(([column, { to }]) => leadsTo(key, column, to))?.[1];
  return [
    ...table.foreignKeys.flatMap((key): Finding[] => {
      const reference = declaredOf(key);
      const where = `the foreign key ${quoted(key.name)} of ${quoted(rule.table)}, ${listed(key.columns)} to ${quoted(key.table)},`;
      if (!reference)
        return [
          said("unknown foreign key", rule.table, key.name, `${where} is not known: rows that it refuses are held`),
        ];
      if (agreesOnDelete(key, reference)) return [];
      return [
        said(
          "another rule of deletion",
          rule.table,
          key.name,
          `${where} says ${key.onDelete} where a row that is referred to is deleted`,
        ),
      ];
    }),
    ...hard
      .filter(([column, { to }]) => present.has(column) && !table.foreignKeys.some((key) => leadsTo(key, column, to)))
      .map(([column]) =>
        said(
          "missing foreign key",
          rule.table,
          column,
          `the column ${quoted(column)} of ${quoted(rule.table)} is under no foreign key`,
        ),
      ),
  ];
}

/** Where the database itself does something to the rows of a dead one, it is what the list says. */
function agreesOnDelete({ onDelete }: CatalogForeignKey, { dead }: Reference): boolean {
  if (onDelete === "cascade") return dead === "dies";
  if (onDelete === "set null") return dead === "null";
  return onDelete !== "set default";
}

const primaryKeyOf = (rule: TravellingTable): readonly string[] => rule.primaryKey ?? rule.key;

/** Without one of these, two rows may be one or one row two. */
function essentialColumns(rule: TravellingTable): string[] {
  const { key, naturalKey, whole, versions } = rule;
  const content = versions?.content.slice(0, 1) ?? [];
  return [...key, ...(naturalKey?.on.map(columnOf) ?? []), ...(whole?.counter ? [whole.counter] : []), ...content];
}

const declaredColumns = (rule: TravellingTable): string[] => [...rule.columns, ...Object.keys(rule.regionalColumns)];

function columnsOf(tables: ReadonlyMap<string, CatalogTable>, { table }: TravellingTable): Map<string, CatalogColumn> {
  return new Map(tables.get(table)?.columns.map((column) => [column.name, column]));
}

/** One text for indexes that say the same, in whatever order and with whatever casts. */
const indexPrint = (parts: readonly string[], where: string | null | undefined): string =>
  [[...parts].sort().join(", "), ...(where ? [`where ${plain(where)}`] : [])].join(" ");
const partPrint = (part: KeyPart): string => (typeof part === "string" ? part : `lower(${part.lower})`);
const catalogIndexPrint = ({ on, where }: CatalogUniqueIndex): string =>
  indexPrint(
    on.map((part) => ("column" in part ? part.column : plain(part.expression))),
    where,
  );

/** An expression without casts, and without parentheses around a column or the whole. */
function plain(expression: string): string {
  const bare = expression.replace(/::[a-z]+( varying)?(\(\d+\))?/g, "").replace(/(?<![a-z_])\((\w+)\)/g, "$1");
  return /^\([^()]*\)$/.test(bare) ? bare.slice(1, -1) : bare;
}

const missingTable = ({ table }: TravellingTable): Finding =>
  leftOut("missing table", table, undefined, `the table ${quoted(table)} is not there and is left out`);

const finding =
  (effect: Finding["effect"]) =>
  (difference: Difference, table: string, name: string | undefined, message: string): Finding => ({
    difference,
    table,
    ...(name !== undefined && { name }),
    effect,
    message: effect === "refused" ? `the table ${quoted(table)} is refused: ${message}` : message,
  });
const refusal = finding("refused");
const leftOut = finding("left out");
const said = finding("said");

const sameSet = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((one) => others.includes(one));
const quoted = (name: string): string => `"${name}"`;
const listed = (columns: readonly string[]): string => columns.map(quoted).join(", ") || "none";
