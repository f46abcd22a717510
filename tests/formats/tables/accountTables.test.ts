import {
  columnOf,
  isReplicated,
  type KeyPart,
  type RegionalTable,
  type ReplicatedTable,
  type TableRule,
} from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";
import { pageRows } from "../../pageTable";

const TRAVELLING: readonly ReplicatedTable[] = TABLES.filter(isReplicated);
const STAYING = TABLES.filter((rule): rule is RegionalTable => !isReplicated(rule));
const NAMES = TABLES.map(({ table }) => table);

/**
 * By the condition of an index: columns that a check constraint of the table requires to be null in the index's rows.
 */
const NULL_BY_CHECK: Readonly<Record<string, readonly string[]>> = {
  "ownership_mode = 'instance'": ["owner_id"],
  "source_kind = 'manual'": ["provider_id", "external_group", "external_group_id", "legacy_source"],
  "source_kind = 'directory'": ["legacy_source"],
  "source_kind = 'legacy'": ["provider_id", "external_group_id"],
};

const allColumns = (rule: ReplicatedTable) => [...rule.columns, ...Object.keys(rule.regionalColumns)];
const grouped = (rule: ReplicatedTable) => (rule.together ?? []).flat();
/** Returns the table and the name for each name in `named` of a rule that `among` of the rule lacks. */
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

describe("the list of LangFlow's tables", () => {
  it("declares each table and each column once", () => {
    expect(twice(NAMES)).toEqual([]);
    expect(TRAVELLING.map((rule) => [rule.table, twice(allColumns(rule))])).toEqual(
      TRAVELLING.map(({ table }) => [table, []]),
    );
  });

  it("names only replicated columns as keys and in its rules for merging", () => {
    const columns = (rule: ReplicatedTable) => rule.columns;
    expect(strays(TRAVELLING, ({ key }) => key, columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ naturalKey }) => naturalKey?.on.map(columnOf) ?? [], columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ whole }) => (whole?.counter ? [whole.counter] : []), columns)).toEqual([]);
    expect(strays(TRAVELLING, grouped, columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ disabling }) => Object.keys(disabling ?? {}), columns)).toEqual([]);
    expect(strays(TRAVELLING, ({ regionalValues }) => Object.keys(regionalValues ?? {}), columns)).toEqual([]);
  });

  it("names only declared columns in its rules", () => {
    const times = ({ madeAt, editedAt }: ReplicatedTable) => [madeAt, editedAt].filter((name) => name !== undefined);
    const indexed = ({ uniqueIndexes }: ReplicatedTable) => uniqueIndexes.flatMap(({ on }) => on.map(columnOf));
    expect(strays(TRAVELLING, times, allColumns)).toEqual([]);
    expect(strays(TRAVELLING, indexed, allColumns)).toEqual([]);
    expect(strays(TRAVELLING, ({ references }) => Object.keys(references), allColumns)).toEqual([]);
  });

  it("groups each column at most once, and no column that can deny access or is regional", () => {
    const single = ({ disabling, regionalValues }: ReplicatedTable) => [
      ...Object.keys(disabling ?? {}),
      ...Object.keys(regionalValues ?? {}),
    ];
    for (const rule of TRAVELLING) {
      expect([rule.table, single(rule).filter((column) => grouped(rule).includes(column))]).toEqual([rule.table, []]);
      expect([rule.table, twice(grouped(rule))]).toEqual([rule.table, []]);
    }
  });

  it("has no rule that merges rows both as a whole and by column", () => {
    for (const { table, whole, together, disabling } of TRAVELLING)
      if (whole) expect([table, together, disabling]).toEqual([table, undefined, undefined]);
  });

  it("lists each table after the tables that its rows depend on", () => {
    for (const { table, references } of TRAVELLING)
      for (const { to, missing } of Object.values(references))
        if (missing === "waits") expect(NAMES.slice(0, NAMES.indexOf(table) + 1)).toContain(to);
  });

  it("contains references to listed tables only, and lets rows wait only for rows of replicated tables", () => {
    const names = TRAVELLING.map(({ table }) => table);
    for (const { references } of TRAVELLING)
      for (const { to, soft } of Object.values(references)) {
        const targets = typeof to === "string" ? [to] : Object.values(to.tables);
        expect(soft ? NAMES : names).toEqual(expect.arrayContaining(targets));
      }
  });

  it("lets two rows that collide in a unique index merge only if they have the same natural key or the same primary key", () => {
    const print = (part: KeyPart) => (typeof part === "string" ? part : `lower(${part.lower})`);
    for (const rule of TRAVELLING)
      for (const { on, where = "", meeting } of rule.uniqueIndexes) {
        if (meeting !== "one") continue;
        // A name in a different case is the same name. The columns of the index's condition are equal in both rows.
        const equal = [...on.map(print), ...on.map((part) => `lower(${columnOf(part)})`), where.split(" ")[0] ?? ""];
        equal.push(...(NULL_BY_CHECK[where] ?? []));
        const natural = rule.naturalKey?.on.map(print);
        const one = [rule.key, natural ?? rule.key].some((parts) => parts.every((part) => equal.includes(part)));
        expect([rule.table, on, one]).toEqual([rule.table, on, true]);
      }
  });

  it("makes deletes final only in tables whose rows cannot be re-created under the same key", () => {
    for (const { table, key, numbered, deletes } of TRAVELLING)
      if (deletes === "final") expect([table, key, numbered]).toEqual([table, ["id"], undefined]);
  });

  it("does not merge users, teams or custom roles by name, because they grant rights", () => {
    const uniting = ["user", "authz_team", "authz_role"].map(
      (table) => TRAVELLING.find((rule) => rule.table === table)?.naturalKey?.unites,
    );
    expect(uniting).toEqual([{ any: [] }, { any: [] }, { column: "is_system", oneOf: [true] }]);
  });

  it("never restores access: denials win, and deletes of permissions are final", () => {
    const of = (table: string) => TRAVELLING.find((rule) => rule.table === table);
    expect(of("user")?.disabling).toEqual({ is_active: [false], is_superuser: [false], retired_at: "set" });
    expect([of("apikey")?.disabling, of("apikey")?.deletes]).toEqual([{ is_active: [false] }, "final"]);
    expect(of("connection")?.disabling?.status).toEqual(["revoked"]);
    const rights = ["authz_role", "authz_role_assignment", "authz_team", "authz_team_member", "authz_share"];
    expect(rights.map((table) => of(table)?.deletes)).toEqual(rights.map(() => "final"));
  });
});

describe("docs/how-work-travels.md", () => {
  /** Rows of the page's tables whose first cell names tables of LangFlow. */
  const rows = pageRows("how-work-travels.md", /^\| `(?!langflow_dr_)\w+`/);
  const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");
  const print = (part: KeyPart) => (typeof part === "string" ? part : `lower(${part.lower})`);
  const DELETES = {
    final: "final",
    untilMadeAgain: "re-created",
    later: "later",
    unlessEdited: "edited",
  };
  /** Returns whether two rows with the same natural key can merge. */
  const isOneByName = ({ naturalKey }: ReplicatedTable) =>
    naturalKey !== undefined && JSON.stringify(naturalKey.unites) !== JSON.stringify({ any: [] });
  /** Returns the reason of a rule, and the columns that stay regional. */
  const notes = ({ reason, regionalColumns }: ReplicatedTable) => {
    const regional = code(Object.keys(regionalColumns));
    return regional === "" ? reason : `${reason} Regional: ${regional}.`;
  };

  it("lists each replicated table with its key, the edits that override a delete, its regional columns and the reason", () => {
    expect(rows.filter((cells) => cells.length === 4)).toEqual(
      TRAVELLING.map((rule) => [
        code([rule.table]),
        code(isOneByName(rule) ? (rule.naturalKey?.on.map(print) ?? []) : rule.key),
        DELETES[rule.deletes],
        notes(rule),
      ]),
    );
  });

  it("groups the tables without replication by the reason", () => {
    const reasons = [...new Set(STAYING.map(({ reason }) => reason))];
    const sharing = (reason: string) => STAYING.filter((rule) => rule.reason === reason);
    expect(rows.filter((cells) => cells.length === 2)).toEqual(
      reasons.map((reason) => [code(sharing(reason).map(({ table }) => table)), reason]),
    );
  });
});
