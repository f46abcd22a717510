import type { ClientBase } from "pg";
import { Accounts } from "../../../agent/accounts/accounts";
import { Envelope } from "../../../agent/accounts/envelope";
import type { Objects } from "../../../agent/accounts/objects";
import { Peers } from "../../../agent/accounts/peers";
import { readSegment, type Segment } from "../../../agent/accounts/segment";
import { placeOf } from "../../../agent/accounts/segmentPlaces";
import { isReplicated } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";

const PREFIX = "accounts";

/** A bucket in memory. */
export class MemoryObjects implements Objects {
  readonly objects = new Map<string, Buffer>();

  async listAfter(prefix: string, after: string): Promise<string[]> {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  }
  async readWhole(key: string): Promise<Buffer | undefined> {
    return this.objects.get(key);
  }
  async createOnce(key: string, body: Buffer): Promise<boolean> {
    if (this.objects.has(key)) return false;
    this.objects.set(key, body);
    return true;
  }
  async remove(key: string): Promise<void> {
    this.objects.delete(key);
  }

  /** Returns all segments that a secret key decrypts, in the order of their keys. */
  async parts(secretKey: string): Promise<Segment[]> {
    const objects = [...this.objects]
      .filter(([key]) => placeOf(PREFIX, key))
      .sort(([one], [other]) => (one < other ? -1 : 1));
    return Promise.all(objects.map(([key, body]) => readSegment(new Envelope(secretKey).open(body, key))));
  }
}

export interface KnownInDatabase {
  readonly table: string;
  readonly id: string;
  readonly live?: Readonly<Record<string, string>>;
  readonly made?: number;
  readonly deleted?: number;
  readonly again?: number;
  readonly waits?: string;
  /** Size of the row's text in bytes (default: the size of `live`). */
  readonly bytes?: number;
  news?: number | undefined;
}

type Answer = Record<string, unknown>[];

/** A region's database as `Accounts` uses it, with a few rows that no user edits. */
export class AccountsDatabase {
  rows: KnownInDatabase[] = [];
  readonly seen = new Map<string, string[]>();
  /** Errors to throw when a row is read, by row id. */
  readonly refusals = new Map<string, Error>();
  #parts: { region: string; epoch: string; next: number; beyond: number[]; completed: number | null }[] = [];

  /** Creates an agent of this region, as after a restart. */
  agent(region: string, own: Objects, peers: ReadonlyMap<string, Objects>, secretKey: string): Accounts {
    const replicated = TABLES.filter(isReplicated);
    return new Accounts({
      region,
      own,
      peers: new Peers(peers),
      prefix: PREFIX,
      envelope: new Envelope(secretKey),
      prepare: async () => ({ catalog: [], replicated, unknown: [], refused: [] }),
      uploads: { bringHome: async () => [] },
      session: (work) => work(this as unknown as ClientBase),
      limits: { users: 1, rows: 1, share: 1 },
      decisionOn: () => undefined,
    });
  }

  async query(text: string, values: readonly never[] = []): Promise<{ rows: Answer }> {
    const [first, second, third] = values as readonly unknown[];
    return { rows: this.answer(text.replaceAll(/\s+/g, " ").trim(), first, second, third, values) };
  }

  private answer(sql: string, first: unknown, second: unknown, third: unknown, values: readonly unknown[]): Answer {
    if (sql.includes(".account_part")) return this.ofParts(sql, values);
    if (sql.startsWith("SELECT names"))
      return this.seen.has(first as string) ? [{ names: this.seen.get(first as string) }] : [];
    if (sql.includes("INTO langflow_dr.account_seen")) this.seen.set(first as string, [...(second as string[])]);
    if (sql.includes("sum(bytes)")) return this.sizes(second as string, first as string[]);
    if (sql.includes("AS live")) return this.live(sql, first as string[]);
    if (sql.includes("AS record")) return this.states(first as string, second as string[]);
    if (sql.includes("WHERE news IS NOT NULL"))
      return this.rows
        .filter(({ table, news }) => news !== undefined && (first as string[]).includes(table))
        .filter(({ id }) => !(values as unknown as string[][])[3]?.includes(id))
        .slice(0, second as number)
        .map(({ table, id, news }) => ({ table, id, news: String(news) }));
    if (sql.includes("row_id > $2"))
      return this.rows
        .filter(({ table, id }) => table === first && id > (second as string))
        .sort((one, other) => (one.id < other.id ? -1 : 1))
        .slice(0, third as number)
        .map(({ table, id, news }) => ({ table, id, news: String(news ?? 0) }));
    if (sql.includes("WHERE waits IS NOT NULL"))
      return this.rows.flatMap(({ table, id, waits }) => (waits === undefined ? [] : [{ table, id }]));
    if (sql.includes("SET news = NULL"))
      for (const row of this.rows) if ((second as string[]).includes(row.id)) row.news = undefined;
    return [];
  }

  private ofParts(sql: string, values: readonly unknown[]): Answer {
    const [region, epoch, next, beyond, completed] = values as [string, string, number, number[], number | null];
    if (sql.startsWith("DELETE"))
      this.#parts = this.#parts.filter((each) => region !== undefined && each.region !== region);
    if (sql.startsWith("INSERT")) this.#parts.push({ region, epoch, next, beyond, completed });
    return this.#parts
      .filter((each) => each.region === region)
      .map((each) => ({ ...each, completed: each.completed === null ? null : String(each.completed) }));
  }

  private sizes(name: string, ids: readonly string[]): Answer {
    return this.rows
      .filter(({ table, id }) => table === name && ids.includes(id))
      .map(({ id, live, bytes = JSON.stringify(live ?? {}).length }) => ({ id, bytes: `${bytes}`, live: `${bytes}` }));
  }

  private live(sql: string, ids: readonly string[]): Answer {
    for (const id of ids) {
      const refusal = this.refusals.get(id);
      if (refusal) throw refusal;
    }
    return this.rows.flatMap(({ table, id, live }) =>
      sql.includes(`public."${table}"`) && ids.includes(id) && live ? [{ id, bytes: "0", live }] : [],
    );
  }

  private states(name: string, ids: readonly string[]): Answer {
    return this.rows
      .filter(({ table, id }) => table === name && ids.includes(id))
      .map(({ id, made = 1, deleted = null, again = null }) => {
        const kept = { row_id: id, made_at: made, deleted_at: deleted, made_again_at: again };
        const none = { united_with: null, waits: null, waiting: null, awaits_flow: null, fell_of: null, history: null };
        return { record: { ...kept, ...none, stamps: {}, switches: {}, shown: null } };
      });
  }
}
