import { conditionHolds } from "../../formats/tables/rowCondition";
import { columnOf, type ReplicatedTable } from "../../formats/tables/tableRule";
import { ANOTHERS, type Carrying, type Item, type Stored, textsOf } from "./carriedItem";
import type { CarriedTable } from "./carriedTable";
import { ACCOUNT_ROWS } from "./ledger";
import { saysTheSame, type Texts } from "./secrets";

/** The region's rows that correspond to rows of the source. */
export class FleetRows {
  private readonly rule: ReplicatedTable;

  constructor(
    private readonly table: CarriedTable,
    /** True if the region's agent has created its tables. */
    private readonly keepsDeletes: boolean,
    private readonly carrying: Carrying,
  ) {
    this.rule = table.rule;
  }

  isSame({ texts }: Item, row: Stored): boolean {
    return saysTheSame(this.rule, texts, textsOf(this.table, row), this.carrying.keys.fleet);
  }

  stored(items: readonly Item[]): Promise<Map<string, Stored>> {
    return this.storedById(items.map(({ fleetId }) => fleetId));
  }

  async storedById(ids: readonly string[]): Promise<Map<string, Stored>> {
    if (ids.length === 0) return new Map();
    const { rows } = await this.carrying.region.query<Stored>(this.table.selectSome, [ids]);
    return new Map(rows.map((row) => [row["row id"], row]));
  }

  /**
   * Returns the ids of rows that any region of the fleet has deleted, even if this region's ledger has no record of an
   * import.
   */
  async tombstones(items: readonly Item[]): Promise<Set<string>> {
    if (items.length === 0 || !this.keepsDeletes) return new Set();
    const { rows } = await this.carrying.region.query<{ id: string }>(
      `SELECT row_id AS id FROM ${ACCOUNT_ROWS} WHERE table_name = $1 AND row_id = ANY($2::text[]) AND united_with IS NULL
        AND (held_at IS NOT NULL OR deleted_at > coalesce(greatest(made_again_at - 1, restored_at), -1))`,
      [this.rule.table, items.map(({ fleetId }) => fleetId)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * Finds the fleet's rows with the same natural key. Returns their ids, or ANOTHERS if a row must not be merged with
   * the given one.
   */
  async holdersOf(items: readonly Item[]): Promise<Map<Item, string | typeof ANOTHERS>> {
    const { holders } = this.table;
    if (holders === undefined || items.length === 0 || this.rule.treatment !== "carried") return new Map();
    const parts = this.rule.naturalKey?.on.map(columnOf) ?? [];
    const lists = parts.map((column) => items.map(({ texts }) => texts.get(column) ?? null));
    const { rows } = await this.carrying.region.query<{ given: string; "row id": string }>(holders, lists);
    const { unites } = this.rule.naturalKey ?? {};
    const stored = unites && (await this.storedById(rows.map((row) => row["row id"])));
    const found = new Map<Item, string | typeof ANOTHERS>();
    for (const { given, "row id": id } of rows) {
      const item = items[Number(given) - 1];
      if (item) found.set(item, this.isOne(item, stored?.get(id)) ? id : ANOTHERS);
    }
    return found;
  }

  /**
   * Returns true if a row may be merged with the fleet's row of the same name. A merge gives each one the rights of the
   * other.
   */
  isOne({ texts: source }: Item, holder: Stored | undefined): boolean {
    const { unites } = this.rule.naturalKey ?? {};
    // A connection without an owner is available to all users. Two of the same name may lead to different mailboxes.
    if (this.rule.table === "connection") return source.get("owner_id") !== null;
    if (!unites) return true;
    if (!holder) return false;
    const both = [source, textsOf(this.table, holder)];
    if (this.rule.table === "user") {
      const isIts = (texts: Texts) => texts.get("username")?.toLowerCase() === this.carrying.superuser.toLowerCase();
      return (
        both.every((texts) => isIts(texts) && texts.get("is_superuser") === "true") &&
        source.get("is_active") === "true"
      );
    }
    const truths = (texts: Texts) =>
      Object.fromEntries(
        [...texts].map(([column, text]) => [column, text === "true" || (text === "false" ? false : text)]),
      );
    return both.every((texts) => conditionHolds(unites, truths(texts)));
  }
}
