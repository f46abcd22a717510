import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { ExitCode, UserError } from "../../model/errors";
import { FAULTS } from "./faults";

/** Interval at which a drill renews its lock. */
const RENEW_MS = 5_000;
/**
 * A drill that has not renewed its lock for this time has died. The waiting process measures the time with its own
 * clock only.
 */
const DEAD_MS = 4 * RENEW_MS;

const shape = z.strictObject({
  /** Id of the drill. */
  id: z.string(),
  fault: z.enum(FAULTS),
  region: z.string(),
  owner: z.string(),
  /** ISO 8601, like the next two fields. */
  since: z.string(),
  /** When the drill began to inject its fault. Absent if nothing is offline. */
  awaySince: z.string().optional(),
  /** When the drill ended. Absent if the drill is still running or has died. */
  endedAt: z.string().optional(),
  /** Random value of each write, so that two writes of equal content have different ETags. */
  write: z.string(),
});

/** Lock entry: who runs which drill, and whether its fault is still active. */
type Entry = z.infer<typeof shape>;
export type TakenAway = Pick<Entry, "id" | "fault" | "region" | "since">;

interface Seen {
  readonly text: string;
  readonly etag: string;
}

/** Object with compare-and-swap writes: a write succeeds only if the object is unchanged since the writer read it. */
export interface LockObject {
  /** Address for messages, `s3://…`. */
  readonly address: string;
  read(): Promise<Seen | undefined>;
  /**
   * Writes the text if the object is unchanged. If this function throws, the write may or may not have succeeded.
   *
   * @param seen ETag of the version to replace; undefined if the object must not exist yet
   * @returns the new ETag; undefined if a different writer changed the object first
   */
  write(text: string, seen: string | undefined): Promise<string | undefined>;
}

/** Returns the URL of the run in CI; otherwise the user, machine and process. */
function ownerHere(): string {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = process.env;
  if (GITHUB_RUN_ID) return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  return `${userInfo().username}@${hostname()}, process ${process.pid}`;
}

const said = ({ id, fault, region, owner, since }: Entry): string =>
  `drill ${id} (${fault} of ${region}) by ${owner} since ${since}`;

/**
 * Lock that allows one drill per fleet at a time. The object is also a write-ahead journal: the drill records its fault
 * before injecting it, so that any checkout can undo it. After the drill, the object remains and records when the drill
 * ended.
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
    // The next renewal retries a failed write. Before the fault, `markTaken` requires a successful write.
    this.renewing = setInterval(() => void this.write({}).catch(() => undefined), renewMs).unref();
  }

  /** @throws UserError exit 11 if a different drill is running, or a drill died without restoring its region */
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
        ...(holder?.awaySince ? [`  its active fault: ${holder.fault} of ${holder.region}`] : []),
        "press Ctrl-C in its terminal to end it; if it was killed, run `drill --restore` to remove its fault",
      ].join("\n"),
      ExitCode.Refused,
    );
  }

  /**
   * Takes over the lock of a drill that died. Returns undefined if no drill holds the lock.
   *
   * @throws UserError exit 11 if the drill is still running
   */
  static async inherit(
    object: LockObject,
    signal: AbortSignal,
    { renewMs = RENEW_MS, deadMs = DEAD_MS } = {},
  ): Promise<DrillLock | undefined> {
    const seen = await look(object);
    if (!seen || seen.entry.endedAt) return undefined;
    await sleep(deadMs, undefined, { signal }).catch(() => {
      throw new UserError("interrupted: the fault was not removed. Run `drill --restore` again", ExitCode.Cancelled);
    });
    const { write: _, ...left } = seen.entry;
    const etag = await put(object, { ...left, owner: ownerHere() }, seen.etag);
    if (etag !== undefined) return new DrillLock(object, { ...seen.entry, owner: ownerHere() }, etag, renewMs);
    throw new UserError(
      `${said(seen.entry)} is still running: press Ctrl-C in its terminal to end it`,
      ExitCode.Refused,
    );
  }

  /** Fault that may still be active; undefined if none is. */
  get taken(): TakenAway | undefined {
    const { id, fault, region, awaySince: since } = this.entry;
    return since === undefined ? undefined : { id, fault, region, since };
  }

  /** @throws Error if a different process has taken over the lock */
  check(): void {
    if (this.loss !== undefined) throw new Error(this.loss);
  }

  /**
   * Records that the fault is about to be injected. Call this before injecting the fault.
   *
   * @throws Error if the write fails; in this case do not inject the fault
   */
  markTaken(): Promise<void> {
    return this.write({ awaySince: new Date().toISOString() });
  }

  /**
   * Records that the fault is undone. If this write fails, {@link release} repeats it; until then, `--restore` only
   * repeats idempotent work.
   */
  markBack(): Promise<void> {
    return this.write({ awaySince: undefined });
  }

  /** Ends the lock. Call this after the drill is over and the fault is undone. */
  async release(): Promise<void> {
    this.abandon();
    await this.write({ awaySince: undefined, endedAt: new Date().toISOString() });
  }

  /** Stops renewing the lock without releasing it, so that `drill --restore` can take it over. */
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
        this.loss = `a different process has ended this drill with \`drill --restore\` (${this.object.address})`;
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

/** @throws UserError exit 2 if the object is not a valid lock */
async function look(object: LockObject): Promise<(Seen & { entry: Entry }) | undefined> {
  const seen = await object.read();
  if (!seen) return undefined;
  try {
    return { ...seen, entry: shape.parse(JSON.parse(seen.text)) };
  } catch {
    throw new UserError(
      `${object.address} is not a valid lock, so the drill's fault is unknown: remove the fault by hand, then delete the object`,
      ExitCode.BadInput,
    );
  }
}

/** @returns the new ETag, also if the client lost the answer of a successful write and the retry was rejected */
async function put(object: LockObject, entry: Omit<Entry, "write">, seen: string | undefined) {
  const text = `${JSON.stringify({ ...entry, write: randomUUID() }, null, 2)}\n`;
  const etag = await object.write(text, seen);
  if (etag !== undefined) return etag;
  const found = await object.read();
  return found?.text === text ? found.etag : undefined;
}
