import { setTimeout as sleep } from "node:timers/promises";
import { NAMED_MAX } from "../../../formats/moveIn/names";
import type { AskedShare, Contents, HeldRow, Share } from "../../../formats/moveIn/result";
import { ROW_BYTES_MAX } from "../../../formats/tables/rowSize";

/** A region whose contents can be read. */
export interface ReadRegion {
  readonly region: string;
  readonly read: (asked: readonly AskedShare[]) => Promise<Contents>;
}

/** Rows of one user and one table that are missing or different in a region. */
export interface Disagreement extends AskedShare {
  readonly region: string;
  readonly kind: "missing" | "different";
  readonly count: number;
  /** Names of the first few rows. */
  readonly which: readonly string[];
  readonly because: string;
  /** Whether the rows are too large to be replicated. */
  readonly isTooLarge: boolean;
  /** Whether `inspect` predicts this difference. */
  readonly isForeseen: boolean;
}

/** Result of comparing regions. Each region is in at least one of the lists. */
export interface Agreement {
  /** Regions that hold the same data as the importing region. */
  readonly agreed: readonly string[];
  readonly disagreements: readonly Disagreement[];
  /** Regions that could not be read completely, with the reason. */
  readonly unread: readonly { readonly region: string; readonly because: string }[];
}

export interface Comparing {
  /** The region that received the import. */
  readonly into: ReadRegion;
  readonly others: readonly ReadRegion[];
  /** Milliseconds between two reads. */
  readonly pauseMs: number;
  /** Milliseconds to wait for agreement before listing the rows that still differ. */
  readonly patienceMs: number;
  /** Timeout in milliseconds for a region's answer. */
  readonly answerMs: number;
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Maximum number of pairs of user and table whose rows are compared at a time, to keep responses small. */
const LISTED_MAX = 500;
const TOO_LARGE = `larger than ${ROW_BYTES_MAX} bytes, so it is not replicated`;
const OF_TOO_LARGE = `belongs to a flow that is larger than ${ROW_BYTES_MAX} bytes`;
const NOT_YET = "not replicated yet; that region's agent logs the waiting rows and the reason";

/**
 * Waits until the other regions hold the same data as the importing region. First compares a digest for each user and
 * table. Once few digests differ, compares rows. Users may keep working: rows that they create are not compared. A row
 * agrees if both regions have had the same version of it, if it has changed in both since, or if the importing region
 * has deleted it.
 */
export async function agreement(comparing: Comparing): Promise<Agreement> {
  const { into, others, pauseMs, patienceMs, report, signal } = comparing;
  const end = Date.now() + patienceMs;
  const imported = new ImportingRegion(into, comparing);
  const open = new Set(others.map((other) => new OpenRegion(other, imported, comparing)));
  // Counts the rounds after the time limit. They list the remaining rows and compare them once more after a pause.
  for (let over = 0; ; ) {
    await imported.read([...open].flatMap((region) => region.listed));
    await Promise.all([...open].map((region) => region.compare()));
    for (const region of open) if (region.isSettled) open.delete(region);
    if (open.size === 0 || [...open].every((region) => region.hasOnlyTooLarge)) break;
    if (over === 2 || signal.aborted) break;
    if (Date.now() >= end) over++;
    for (const region of open) region.listMore(over > 0);
    report([...open].map((region) => region.inWords()).join("; "));
    if (over !== 1) await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  const settled = new Set(others.map(({ region }) => region));
  for (const { region } of open) settled.delete(region.region);
  return {
    agreed: [...settled],
    disagreements: [...open].flatMap((region) => region.disagreements()),
    unread: [...open].flatMap((region) => region.unread() ?? []),
  };
}

const keyOf = ({ table, user }: AskedShare): string => JSON.stringify([table, user]);
const rowKey = (row: HeldRow): string => JSON.stringify([row.table, row.id]);

/** Reads a region. @returns the reason if the region does not answer */
async function tryRead(
  { region, read }: ReadRegion,
  asked: readonly AskedShare[],
  { answerMs, signal }: Pick<Comparing, "answerMs" | "signal">,
): Promise<Contents | string> {
  const late = new AbortController();
  const given = AbortSignal.any([signal, late.signal]);
  const waited = sleep(answerMs, undefined, { signal: given }).then(
    () => `${region} did not answer within ${answerMs / 1000} s`,
    () => "interrupted",
  );
  try {
    return await Promise.race([read(asked), waited]);
  } catch (error) {
    return (error as Error).message;
  } finally {
    late.abort();
  }
}

/** The importing region's rows and their history since the first read. */
class ImportingRegion {
  shares: readonly Share[] = [];
  trouble: string | undefined;
  /** Rows as they were when first listed, by share. */
  readonly first = new Map<string, readonly HeldRow[]>();
  private readonly digests = new Map<string, Set<string>>();
  private rows = new Map<string, HeldRow>();

  constructor(
    private readonly region: ReadRegion,
    private readonly comparing: Comparing,
  ) {}

  async read(asked: readonly AskedShare[]): Promise<void> {
    const unique = [...new Map(asked.map((share) => [keyOf(share), share])).values()];
    const contents = await tryRead(this.region, unique, this.comparing);
    this.trouble = typeof contents === "string" ? `${this.region.region}: ${contents}` : undefined;
    if (typeof contents === "string") return;
    this.shares = contents.shares;
    this.rows = new Map(contents.rows.map((row) => [rowKey(row), row]));
    for (const row of contents.rows) {
      const key = rowKey(row);
      this.digests.set(key, (this.digests.get(key) ?? new Set()).add(row.digest));
    }
    const listedNow = new Map(unique.map((share): [string, HeldRow[]] => [keyOf(share), []]));
    for (const row of contents.rows) listedNow.get(keyOf(row))?.push(row);
    for (const [key, rows] of listedNow) if (!this.first.has(key)) this.first.set(key, rows);
  }

  /**
   * Returns whether the importing region ever had one of these versions of a row, or has edited or deleted the row
   * since. @param digests digests of the row in the other region; empty if it does not have the row
   */
  had(row: HeldRow, digests: ReadonlySet<string>): boolean {
    if (!this.rows.has(rowKey(row))) return true;
    const own = this.digests.get(rowKey(row)) ?? new Set();
    return digests.size > 0 && ((digests.size > 1 && own.size > 1) || [...digests].some((digest) => own.has(digest)));
  }
}

const NONE: ReadonlySet<string> = new Set();

class OpenRegion {
  /** Pairs of user and table whose rows are compared. */
  listed: readonly AskedShare[] = [];
  private differing: readonly AskedShare[] = [];
  private before = "";
  private trouble: string | undefined = "not read yet";
  private readonly agreed = new Set<string>();
  private readonly rows = new Map<string, { readonly row: HeldRow; readonly other: HeldRow | undefined }>();
  /** All digests that each row has had in this region. */
  private readonly digests = new Map<string, Set<string>>();
  private all = 0;

  constructor(
    readonly region: ReadRegion,
    private readonly imported: ImportingRegion,
    private readonly comparing: Comparing,
  ) {}

  get isSettled(): boolean {
    return this.trouble === undefined && this.differing.length === 0;
  }

  get hasOnlyTooLarge(): boolean {
    const found = this.disagreements();
    return this.trouble === undefined && this.uncompared === 0 && found.every(({ isTooLarge }) => isTooLarge);
  }

  async compare(): Promise<void> {
    const contents = await tryRead(this.region, this.listed, this.comparing);
    this.trouble = typeof contents === "string" ? contents : this.imported.trouble;
    if (typeof contents === "string" || this.trouble !== undefined) return;
    const held = new Map(contents.shares.map((share) => [keyOf(share), share.digest]));
    for (const share of this.imported.shares)
      if (held.get(keyOf(share)) === share.digest) this.agreed.add(keyOf(share));
    this.compareRows(contents.rows);
    this.all = this.imported.shares.length;
    this.differing = this.imported.shares.filter((share) => !this.agreed.has(keyOf(share)));
  }

  private compareRows(rows: readonly HeldRow[]): void {
    const other = new Map(rows.map((row) => [rowKey(row), row]));
    // A missing row was deleted, so its earlier versions no longer count.
    for (const key of this.digests.keys()) if (!other.has(key)) this.digests.delete(key);
    for (const [key, { digest }] of other) this.digests.set(key, (this.digests.get(key) ?? new Set()).add(digest));
    this.rows.clear();
    for (const share of this.listed) {
      const open = (this.imported.first.get(keyOf(share)) ?? []).filter(
        (row) => !this.imported.had(row, this.digests.get(rowKey(row)) ?? NONE),
      );
      if (open.length === 0) this.agreed.add(keyOf(share));
      for (const row of open) this.rows.set(rowKey(row), { row, other: other.get(rowKey(row)) });
    }
  }

  /**
   * Selects the tables whose rows are compared, either now or once the set of differing tables has stopped changing.
   */
  listMore(isNow: boolean): void {
    const names = JSON.stringify(this.differing.map(keyOf));
    const isStill = names === this.before;
    this.before = names;
    if (isNow || isStill) this.listed = this.differing.slice(0, LISTED_MAX);
  }

  inWords(): string {
    const { region } = this.region;
    return this.trouble === undefined
      ? `${region} matches in ${this.all - this.differing.length} of ${this.all} tables with users' data`
      : `${region} could not be compared: ${this.trouble}`;
  }

  /** Number of differing tables whose rows were not compared. */
  private get uncompared(): number {
    const compared = new Set([...this.rows.values()].map(({ row }) => keyOf(row)));
    return this.differing.filter((share) => !compared.has(keyOf(share))).length;
  }

  unread(): { region: string; because: string } | undefined {
    const { region } = this.region;
    if (this.trouble !== undefined) return { region, because: this.trouble };
    return this.uncompared === 0
      ? undefined
      : { region, because: `${this.uncompared} tables with users' data differ, and their rows were not compared` };
  }

  disagreements(): Disagreement[] {
    const large = new Set([...this.rows.values()].flatMap(({ row }) => (row.isTooLarge ? [row.id] : [])));
    const reasonOf = (row: HeldRow) => {
      if (row.isTooLarge) return TOO_LARGE;
      return row.flow !== null && large.has(row.flow) ? OF_TOO_LARGE : NOT_YET;
    };
    const groups = new Map<string, Disagreement>();
    for (const { row, other } of this.rows.values()) {
      const { table, user } = row;
      const kind = other === undefined ? "missing" : "different";
      const because = reasonOf(row);
      const key = JSON.stringify([table, user, kind, because]);
      const { count = 0, which = [] } = groups.get(key) ?? {};
      groups.set(key, {
        region: this.region.region,
        table,
        user,
        kind,
        count: count + 1,
        which: which.length < NAMED_MAX ? [...which, row.name] : which,
        because,
        isTooLarge: because !== NOT_YET,
        isForeseen: because === OF_TOO_LARGE || (because === TOO_LARGE && table === "flow"),
      });
    }
    return [...groups.values()];
  }
}
