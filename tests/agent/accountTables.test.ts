import {
  columnOf,
  isReplicated,
  type KeyPart,
  type RegionalTable,
  type ReplicatedTable,
  type TableRule,
} from "../../agent/accounts/tableRule";
import { TABLES } from "../../agent/accounts/tables";
import { pageRows } from "../pageTable";

const TRAVELLING: readonly ReplicatedTable[] = TABLES.filter(isReplicated);
const STAYING = TABLES.filter((rule): rule is RegionalTable => !isReplicated(rule));
const NAMES = TABLES.map(({ table }) => table);

/** By the condition of an index: columns that are null in its rows, by a check of the table's own. */
const NULL_BY_CHECK: Readonly<Record<string, readonly string[]>> = {
  "ownership_mode = 'instance'": ["owner_id"],
  "source_kind = 'manual'": ["provider_id", "external_group", "external_group_id", "legacy_source"],
  "source_kind = 'directory'": ["legacy_source"],
  "source_kind = 'legacy'": ["provider_id", "external_group_id"],
};

const allColumns = (rule: ReplicatedTable) => [...rule.columns, ...Object.keys(rule.regionalColumns)];
const grouped = (rule: ReplicatedTable) => (rule.together ?? []).flat();
/** Tables and what they name that is not among what may be named. */
const strays = <Rule extends TableRule>(
  rules: readonly Rule[],
  named: (rule: Rule) => readonly string[],
  among: (rule: Rule) => readonly string[],
) =>
  rules.flatMap((rule) =>
    named(rule)
      .filter((name) => !among(rule).includes(name))
      .map((name) => [rule.table, name]),
  );
const twice = (names: readonly string[]) => names.filter((name, at) => names.indexOf(name) !== at);

describe("the table of tables", () => {
  it("says of each table and of each of its columns one thing", () => {
    expect(twice(NAMES)).toEqual([]);
    expect(TRAVELLING.map((rule) => [rule.table, twice(allColumns(rule))])).toEqual(
      TRAVELLING.map(({ table }) => [table, []]),
    );
  });

  it("rests what travels on what travels", () => {
    const columns = (rule: ReplicatedTable) => rule.columns;
    expect(strays(TRAVELLING, ({ key }) => key, columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ naturalKey }) => naturalKey?.on.map(columnOf) ?? [], columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ whole }) => (whole?.counter ? [whole.counter] : []), columns)).toEqual([]);
    expect(strays(TRAVELLING, grouped, columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ disabling }) => Object.keys(disabling ?? {}), columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ regionalValues }) => Object.keys(regionalValues ?? {}), columns)).toEqual([]);
  });

  it("names no column in its rules that it does not declare", () => {
    const times = ({ madeAt, editedAt }: ReplicatedTable) => [madeAt, editedAt].filter((name) => name !== undefined);
    const indexed = ({ uniqueIndexes }: ReplicatedTable) => uniqueIndexes.flatMap(({ on }) => on.map(columnOf));
    expect(strays(TRAVELLING, times, allColumns)).toEqual([]);
    expect(strays(TRAVELLING, indexed, allColumns)).toEqual([]);
    expect(strays(TRAVELLING, ({ references }) => Object.keys(references), allColumns)).toEqual([]);
  });

  it("decides of a column by itself where it denies, or is a region's finding, or groups it once", () => {
    const single = ({ disabling, regionalValues }: ReplicatedTable) => [
      ...Object.keys(disabling ?? {}),
      ...Object.keys(regionalValues ?? {}),
    ];
    for (const rule of TRAVELLING) {
      expect([rule.table, single(rule).filter((column) => grouped(rule).includes(column))]).toEqual([rule.table, []]);
      expect([rule.table, twice(grouped(rule))]).toEqual([rule.table, []]);
    }
  });

  it("moves a row as a whole or column by column, never both", () => {
    for (const { table, whole, together, disabling } of TRAVELLING)
      if (whole) expect([table, together, disabling]).toEqual([table, undefined, undefined]);
  });

  it("comes to a table after those that its rows wait for", () => {
    for (const { table, references } of TRAVELLING)
      for (const { to, missing } of Object.values(references))
        if (missing === "waits") expect(NAMES.slice(0, NAMES.indexOf(table) + 1)).toContain(to);
  });

  it("refers to tables of the list, and waits for none that does not travel", () => {
    const names = TRAVELLING.map(({ table }) => table);
    for (const { references } of TRAVELLING)
      for (const { to, soft } of Object.values(references)) {
        const targets = typeof to === "string" ? [to] : Object.values(to.tables);
        expect(soft ? NAMES : names).toEqual(expect.arrayContaining(targets));
      }
  });

  it("makes one of two rows in an index only where they are one by the natural key, or by the key", () => {
    const print = (part: KeyPart) => (typeof part === "string" ? part : `lower(${part.lower})`);
    for (const rule of TRAVELLING)
      for (const { on, where = "", meeting } of rule.uniqueIndexes) {
        if (meeting !== "one") continue;
        // The same name in another case is the same name; what the condition says of a column is the same of both rows.
        const equal = [...on.map(print), ...on.map((part) => `lower(${columnOf(part)})`), where.split(" ")[0] ?? ""];
        equal.push(...(NULL_BY_CHECK[where] ?? []));
        const natural = rule.naturalKey?.on.map(print);
        const one = [rule.key, natural ?? rule.key].some((parts) => parts.every((part) => equal.includes(part)));
        expect([rule.table, on, one]).toEqual([rule.table, on, true]);
      }
  });

  it("has a delete for ever only where no row can be made again under the same key", () => {
    for (const { table, key, numbered, deletes } of TRAVELLING)
      if (deletes === "final") expect([table, key, numbered]).toEqual([table, ["id"], undefined]);
  });

  it("makes no two rows one by a name that give rights to whoever has them", () => {
    const uniting = ["user", "authz_team", "authz_role"].map(
      (table) => TRAVELLING.find((rule) => rule.table === table)?.naturalKey?.unites,
    );
    expect(uniting).toEqual([{ any: [] }, { any: [] }, { column: "is_system", oneOf: [true] }]);
  });

  it("lets nobody back in: what is denied wins, and what is taken away stays away", () => {
    const of = (table: string) => TRAVELLING.find((rule) => rule.table === table);
    expect(of("user")?.disabling).toEqual({ is_active: [false], is_superuser: [false], retired_at: "set" });
    expect([of("apikey")?.disabling, of("apikey")?.deletes]).toEqual([{ is_active: [false] }, "final"]);
    expect(of("connection")?.disabling?.status).toEqual(["revoked"]);
    const rights = ["authz_role", "authz_role_assignment", "authz_team", "authz_team_member", "authz_share"];
    expect(rights.map((table) => of(table)?.deletes)).toEqual(rights.map(() => "final"));
  });
});

describe("docs/how-work-travels.md", () => {
  /** Rows of the tables whose first cell is of LangFlow's tables. */
  const rows = pageRows("how-work-travels.md", /^\| `(?!langflow_dr_)\w+`/);
  const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");
  const print = (part: KeyPart) => (typeof part === "string" ? part : `lower(${part.lower})`);
  const DELETES = {
    final: "final",
    untilMadeAgain: "re-created",
    later: "later",
    unlessEdited: "edited",
  };
  /** Rows that a name alone makes one. */
  const isOneByName = ({ naturalKey }: ReplicatedTable) =>
    naturalKey !== undefined && JSON.stringify(naturalKey.unites) !== JSON.stringify({ any: [] });
  /** Why, and which columns each region keeps for itself. */
  const notes = ({ reason, regionalColumns }: ReplicatedTable) => {
    const regional = code(Object.keys(regionalColumns));
    return regional === "" ? reason : `${reason} Regional: ${regional}.`;
  };

  it("has each replicated table: what makes two rows one, what a delete wins over, what stays regional, and why", () => {
    expect(rows.filter((cells) => cells.length === 4)).toEqual(
      TRAVELLING.map((rule) => [
        code([rule.table]),
        code(isOneByName(rule) ? (rule.naturalKey?.on.map(print) ?? []) : rule.key),
        DELETES[rule.deletes],
        notes(rule),
      ]),
    );
  });

  it("has each table that stays, by the reason that it shares with others", () => {
    const reasons = [...new Set(STAYING.map(({ reason }) => reason))];
    const sharing = (reason: string) => STAYING.filter((rule) => rule.reason === reason);
    expect(rows.filter((cells) => cells.length === 2)).toEqual(
      reasons.map((reason) => [code(sharing(reason).map(({ table }) => table)), reason]),
    );
  });
});
