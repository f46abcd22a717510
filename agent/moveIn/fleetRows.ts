import { conditionHolds } from "../accounts/rowCondition";
import { columnOf, type ReplicatedTable } from "../accounts/tableRule";
import { ANOTHERS, type Carrying, type Item, type Stored, textsOf } from "./carriedItem";
import type { CarriedTable } from "./carriedTable";
import { ACCOUNT_ROWS } from "./ledger";
import { saysTheSame, type Texts } from "./secrets";

/** The rows of the region that correspond to rows of the source. */
export class FleetRows {
  private readonly rule: ReplicatedTable;

  constructor(
    private readonly table: CarriedTable,
    /** Whether the region's agent has created its tables. */
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

  /** Ids of rows that were deleted in the fleet, in whatever region: also where this one remembers nothing of an import. */
  async tombstones(items: readonly Item[]): Promise<Set<string>> {
    if (items.length === 0 || !this.keepsDeletes) return new Set();
    const { rows } = await this.carrying.region.query<{ id: string }>(
      `SELECT row_id AS id FROM ${ACCOUNT_ROWS} WHERE table_name = $1 AND row_id = ANY($2::text[]) AND united_with IS NULL
        AND (held_at IS NOT NULL OR deleted_at > coalesce(greatest(made_again_at - 1, restored_at), -1))`,
      [this.rule.table, items.map(({ fleetId }) => fleetId)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Ids of the fleet's rows that have the name of these, or that they are another's. */
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

  /** Whether a row and the fleet's of that name are one: to be one gives each the rights of the other. */
  isOne({ texts: source }: Item, holder: Stored | undefined): boolean {
    const { unites } = this.rule.naturalKey ?? {};
    // The connections of nobody are everybody's: two of one name lead to two mailboxes.
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
