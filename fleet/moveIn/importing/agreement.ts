import { setTimeout as sleep } from "node:timers/promises";
import type { AskedShare, Contents, HeldRow, Share } from "../../../agent/moveIn/contents";
import { NAMED_MAX, printable } from "../../../agent/moveIn/names";
import { ROW_BYTES_MAX } from "../../../agent/postgres/largeValue";
import { UserError } from "../../../model/errors";

/** A region whose contents can be read. */
export interface ReadRegion {
  readonly region: string;
  readonly read: (asked: readonly AskedShare[]) => Promise<Contents>;
}

/** Rows of one user and one table that are not the same in two regions. */
export interface Disagreement extends AskedShare {
  readonly region: string;
  /** `missing`: in that region; `different`: both have them; `extra`: in that region alone. */
  readonly kind: "missing" | "different" | "extra";
  readonly count: number;
  /** The first few, by name. */
  readonly which: readonly string[];
  readonly because: string;
}

/** What regions hold, compared. */
export interface Agreement {
  /** Regions that hold what the importing one holds. */
  readonly agreed: readonly string[];
  readonly disagreements: readonly Disagreement[];
  /** Regions that could not be read, with the reason. */
  readonly unread: readonly { readonly region: string; readonly because: string }[];
}

export interface Comparing {
  /** The region that was imported into. */
  readonly into: ReadRegion;
  readonly others: readonly ReadRegion[];
  /** Milliseconds between two reads. */
  readonly pauseMs: number;
  /** Milliseconds after which rows that still differ are named. */
  readonly patienceMs: number;
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Reads after which it is looked at whether what still differs ever will be the same. */
const READS = 5;
/** Shares that are listed row by row: a region's answer stays small. */
const LISTED_MAX = 50;
const TOO_LARGE = `larger than ${ROW_BYTES_MAX} bytes, which no region tells another`;
const NOT_YET = "not replicated yet; the log of the agent there names rows that wait, and why";

/**
 * Waits until the other regions hold what the importing one holds, each table of each user: a share that was once the same is not read
 * again, as users go on.
 */
export async function agreement({ into, others, pauseMs, patienceMs, report, signal }: Comparing): Promise<Agreement> {
  const end = Date.now() + patienceMs;
  const open = new Map(others.map((other) => [other.region, new OpenRegion(other)]));
  const disagreements = async () =>
    (await Promise.all([...open.values()].map((region) => region.disagreements(into)))).flat();
  for (let reads = 1; ; reads += 1) {
    const wanted = (await into.read([])).shares;
    await Promise.all([...open.values()].map((region) => region.compare(wanted)));
    for (const [region, { differing, unread }] of open)
      if (differing.length === 0 && unread === undefined) open.delete(region);
    if (open.size === 0 || Date.now() >= end || signal.aborted) break;
    if (reads % READS === 0 && [...open.values()].every(({ unread }) => unread === undefined)) {
      const found = await disagreements();
      if (found.length > 0 && found.every(({ because }) => because === TOO_LARGE)) break;
    }
    report([...open.values()].map((region) => region.inWords()).join("; "));
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  return {
    agreed: others.map(({ region }) => region).filter((region) => !open.has(region)),
    disagreements: await disagreements(),
    unread: [...open].flatMap(([region, { unread }]) => (unread === undefined ? [] : [{ region, because: unread }])),
  };
}

const keyOf = ({ table, user }: AskedShare): string => JSON.stringify([table, user]);

class OpenRegion {
  /** Undefined once it was read. */
  unread: string | undefined;
  differing: readonly AskedShare[] = [];
  private readonly agreed = new Set<string>();
  private all = 0;

  constructor(private readonly region: ReadRegion) {}

  async compare(wanted: readonly Share[]): Promise<void> {
    const contents = await this.tryRead([]);
    if (!contents) return;
    const held = new Map(contents.shares.map((share) => [keyOf(share), share]));
    const shares = new Map([...held, ...wanted.map((share) => [keyOf(share), share] as const)]);
    const own = new Map(wanted.map((share) => [keyOf(share), share]));
    for (const key of shares.keys()) if (held.get(key)?.digest === own.get(key)?.digest) this.agreed.add(key);
    this.all = shares.size;
    this.differing = [...shares].flatMap(([key, share]) => (this.agreed.has(key) ? [] : [share]));
  }

  inWords(): string {
    const { region } = this.region;
    return this.unread === undefined
      ? `${region} holds ${this.all - this.differing.length} of ${this.all} tables of users`
      : `${region} does not answer: ${this.unread}`;
  }

  async disagreements(into: ReadRegion): Promise<Disagreement[]> {
    const asked = this.differing.slice(0, LISTED_MAX);
    if (asked.length === 0 || this.unread !== undefined) return [];
    const compared = await this.tryRead(asked);
    const wanted = await into.read(asked);
    return compared ? asked.flatMap((share) => this.between(share, wanted.rows, compared.rows)) : [];
  }

  private between(share: AskedShare, imported: readonly HeldRow[], compared: readonly HeldRow[]): Disagreement[] {
    const of = (rows: readonly HeldRow[]) =>
      new Map(rows.filter((row) => keyOf(row) === keyOf(share)).map((row) => [row.id, row]));
    const [own, other] = [of(imported), of(compared)];
    const differing = (kind: Disagreement["kind"], rows: readonly HeldRow[]): Disagreement[] =>
      [true, false].flatMap((isTooLarge) => {
        const some = rows.filter((row) => row.isTooLarge === isTooLarge);
        const { table, user } = share;
        const which = some.slice(0, NAMED_MAX).map(({ id, name }) => printable(name ?? id));
        const because = isTooLarge ? TOO_LARGE : NOT_YET;
        return some.length === 0
          ? []
          : [{ region: this.region.region, table, user, kind, count: some.length, which, because }];
      });
    return [
      ...differing(
        "missing",
        [...own.values()].filter(({ id }) => !other.has(id)),
      ),
      ...differing(
        "different",
        [...own.values()].filter(({ id, digest }) => other.has(id) && other.get(id)?.digest !== digest),
      ),
      ...differing(
        "extra",
        [...other.values()].filter(({ id }) => !own.has(id)),
      ),
    ];
  }

  private async tryRead(asked: readonly AskedShare[]): Promise<Contents | undefined> {
    try {
      const contents = await this.region.read(asked);
      this.unread = undefined;
      return contents;
    } catch (error) {
      if (!(error instanceof UserError) && (error as { exitCode?: number }).exitCode === undefined) throw error;
      this.unread = (error as Error).message;
      return undefined;
    }
  }
}
