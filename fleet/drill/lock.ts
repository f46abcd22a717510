import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { ExitCode, UserError } from "../../model/errors";
import { FAULTS } from "./faults";

/** How often a drill renews its lock. */
const RENEW_MS = 5_000;
/** A lock that is not renewed for so long is of a drill that died. By the looker's own clock alone. */
const DEAD_MS = 4 * RENEW_MS;

const shape = z.strictObject({
  /** Of the drill. */
  id: z.string(),
  fault: z.enum(FAULTS),
  region: z.string(),
  owner: z.string(),
  /** ISO 8601, as the next two. */
  since: z.string(),
  /** When it began to take something away; absent: nothing is away. */
  awaySince: z.string().optional(),
  /** Absent: the drill goes on, or died. */
  endedAt: z.string().optional(),
  /** Differs with every write, or two writes of one text would have one ETag. */
  write: z.string(),
});

/** Who drills what, and what is taken away and not put back yet. */
type Entry = z.infer<typeof shape>;
export type TakenAway = Pick<Entry, "id" | "fault" | "region" | "since">;

interface Seen {
  readonly text: string;
  readonly etag: string;
}

/** An object that takes a write only in place of what the writer has seen. */
export interface LockObject {
  /** For messages, `s3://…`. */
  readonly address: string;
  read(): Promise<Seen | undefined>;
  /**
   * @param seen the ETag of what it replaces; undefined: there is no object
   * @returns the new ETag; undefined where somebody else has written meanwhile. Where it throws, it may have been written.
   */
  write(text: string, seen: string | undefined): Promise<string | undefined>;
}

/** A run of CI is found by its address, a person by name and machine. */
function ownerHere(): string {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = process.env;
  if (GITHUB_RUN_ID) return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  return `${userInfo().username}@${hostname()}, process ${process.pid}`;
}

const said = ({ id, fault, region, owner, since }: Entry): string =>
  `drill ${id} (${fault} of ${region}) by ${owner} since ${since}`;

/**
 * The one drill that a fleet may have at a time. The object is the journal too: what is taken away is written there before it is,
 * so any checkout can put it back. It outlives its drill, and then says when that ended.
 */
export class DrillLock {
  private queue: Promise<unknown> = Promise.resolve();
  private readonly renewing: NodeJS.Timeout;
  private loss: string | undefined;

  private constructor(
    private readonly object: LockObject,
    private entry: Entry,
    private etag: string,
    renewMs: number,
  ) {
    // What fails is tried again with the next one; before anything is taken away a write must succeed.
    this.renewing = setInterval(() => void this.write({}).catch(() => undefined), renewMs).unref();
  }

  /** @throws UserError exit 11 where there is another drill, or one that died */
  static async acquire(
    object: LockObject,
    { id, fault, region }: Pick<Entry, "id" | "fault" | "region">,
    renewMs = RENEW_MS,
  ): Promise<DrillLock> {
    const seen = await look(object);
    const entry = { id, fault, region, owner: ownerHere(), since: new Date().toISOString() };
    const etag = seen && !seen.entry.endedAt ? undefined : await put(object, entry, seen?.etag);
    if (etag !== undefined) return new DrillLock(object, { ...entry, write: "" }, etag, renewMs);
    const holder = (await look(object))?.entry;
    throw new UserError(
      [
        "no fault was injected, because only one drill may run at a time:",
        ...(holder ? [`  ${said(holder)}`] : []),
        ...(holder?.awaySince ? [`  it took away: ${holder.fault} of ${holder.region}`] : []),
        "Ctrl-C where it runs ends it; if it was killed, `drill --restore` puts back what it took away",
      ].join("\n"),
      ExitCode.Refused,
    );
  }

  /**
   * Takes the lock of a drill that died; undefined where no drill has one.
   *
   * @throws UserError exit 11 where the drill lives
   */
  static async inherit(
    object: LockObject,
    signal: AbortSignal,
    { renewMs = RENEW_MS, deadMs = DEAD_MS } = {},
  ): Promise<DrillLock | undefined> {
    const seen = await look(object);
    if (!seen || seen.entry.endedAt) return undefined;
    await sleep(deadMs, undefined, { signal }).catch(() => {
      throw new UserError("interrupted: nothing was put back", ExitCode.Cancelled);
    });
    const { write: _, ...left } = seen.entry;
    const etag = await put(object, { ...left, owner: ownerHere() }, seen.etag);
    if (etag !== undefined) return new DrillLock(object, { ...seen.entry, owner: ownerHere() }, etag, renewMs);
    throw new UserError(`${said(seen.entry)} is still running: Ctrl-C where it runs ends it`, ExitCode.Refused);
  }

  /** What may be away; undefined where nothing is. */
  get taken(): TakenAway | undefined {
    const { id, fault, region, awaySince: since } = this.entry;
    return since === undefined ? undefined : { id, fault, region, since };
  }

  /** @throws Error where somebody else has the lock by now */
  check(): void {
    if (this.loss !== undefined) throw new Error(this.loss);
  }

  /** To be called before anything is taken away. @throws Error where it could not be written: then nothing may be */
  markTaken(): Promise<void> {
    return this.write({ awaySince: new Date().toISOString() });
  }

  /** What was away is back. A write that fails is made good by {@link release}; until then `--restore` does harmless work. */
  markBack(): Promise<void> {
    return this.write({ awaySince: undefined });
  }

  /** Once nothing is away any more, and the drill is over. */
  async release(): Promise<void> {
    this.abandon();
    await this.write({ awaySince: undefined, endedAt: new Date().toISOString() });
  }

  /** Leaves it to whoever puts back what is away. */
  abandon(): void {
    clearInterval(this.renewing);
  }

  private write(change: Partial<Entry>): Promise<void> {
    const written = this.queue.then(async () => {
      this.check();
      const { write: _, ...entry } = { ...this.entry, ...change };
      const etag = await put(this.object, entry, this.etag);
      if (etag === undefined) {
        this.abandon();
        this.loss = `somebody else has ended this drill by \`drill --restore\` (${this.object.address})`;
        this.check();
        return;
      }
      this.etag = etag;
      this.entry = { ...this.entry, ...change };
    });
    this.queue = written.catch(() => undefined);
    return written;
  }
}

/** @throws UserError exit 2 for an object that is no lock */
async function look(object: LockObject): Promise<(Seen & { entry: Entry }) | undefined> {
  const seen = await object.read();
  if (!seen) return undefined;
  try {
    return { ...seen, entry: shape.parse(JSON.parse(seen.text)) };
  } catch {
    throw new UserError(
      `${object.address} does not say what a drill took away: put it back by hand, then delete the object`,
      ExitCode.BadInput,
    );
  }
}

/** @returns the new ETag, also of a write whose answer was lost and that was refused as it was tried again */
async function put(object: LockObject, entry: Omit<Entry, "write">, seen: string | undefined) {
  const text = `${JSON.stringify({ ...entry, write: randomUUID() }, null, 2)}\n`;
  const etag = await object.write(text, seen);
  if (etag !== undefined) return etag;
  const found = await object.read();
  return found?.text === text ? found.etag : undefined;
}
