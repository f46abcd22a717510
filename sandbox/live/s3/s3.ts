import { setTimeout as sleep } from "node:timers/promises";
import { CopyObjectCommand, DeleteObjectCommand, type S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import type { AppliedBucket, AppliedRegion } from "../cluster/applied";
import type { Ports } from "../ports";
import { BucketGate } from "./bucketGate";
import { ObjectStore } from "./objectStore";
import { type Copy, Replication, type Write } from "./replication";
import { Turns } from "./turns";

/** S3 replicates most objects within seconds. */
const DELAY_MS = 2_000;
const POLL_MS = 100;

/**
 * The fleet's S3: one store of all buckets, an address per region that leads to it, and one for everybody else. A bucket is in
 * an AWS region, and falls with it.
 */
export class LiveS3 {
  private buckets: readonly AppliedBucket[] = [];
  private readonly gates = new Map<string, BucketGate>();
  private readonly replication = new Replication();
  private readonly turns = new Turns();
  private readonly open: BucketGate;
  private readonly ending = new AbortController();
  private replicating: Promise<void> | undefined;
  private delayMs = DELAY_MS;
  private message: string | undefined;
  /** AWS regions of regions that are lost, and those that are taken away by themselves. */
  private readonly lost = new Set<string>();
  private readonly silent = new Set<string>();
  /** AWS regions of buckets out of which nothing is copied for now. */
  private readonly paused = new Set<string>();
  /** Regions that reach no other AWS region. */
  private readonly cutOff = new Set<string>();

  private constructor(
    private readonly ports: Ports,
    readonly store: ObjectStore,
    openPort: number,
  ) {
    store.onLaunch = () => this.replication.forget();
    this.open = new BucketGate(openPort, { ...this.behind(), answers: () => true });
  }

  static async make(directory: string, pythonBin: string, ports: Ports): Promise<LiveS3> {
    const store = new ObjectStore(directory, pythonBin, await ports.take("s3/store"));
    return new LiveS3(ports, store, await ports.take("s3"));
  }

  /** For everybody outside the regions, whom no fault keeps out. */
  get url(): string {
    return this.open.url;
  }

  /** What went wrong last, in a line. */
  get trouble(): string | undefined {
    return this.store.message ?? this.message;
  }

  async ensure(buckets: readonly AppliedBucket[]): Promise<void> {
    this.buckets = buckets;
    await this.store.ensure(buckets);
    await this.open.open();
    this.replicating ??= this.replicate();
  }

  /** Opens a region's own address. */
  async enter({ region, awsRegion }: Pick<AppliedRegion, "region" | "awsRegion">): Promise<void> {
    if (this.gates.has(region)) return;
    const answers = (bucket: string | undefined) => this.answers(region, awsRegion, bucket);
    const gate = new BucketGate(await this.ports.take(`${region}/s3`), { ...this.behind(), answers });
    await gate.open();
    this.gates.set(region, gate);
  }

  async leave(region: string): Promise<void> {
    const gate = this.gates.get(region);
    this.gates.delete(region);
    this.cutOff.delete(region);
    await gate?.close();
  }

  /** The address that a region uses. */
  urlOf(region: string): string {
    const gate = this.gates.get(region);
    if (!gate) throw new Error(`${region} has no address of S3`);
    return gate.url;
  }

  /** The buckets of a lost region answer nobody, and nothing is replicated from or to them. */
  setLost(awsRegion: string, isLost: boolean): void {
    this.set(this.lost, awsRegion, isLost);
  }

  /** As {@link setLost}, of S3 alone: whatever else is there runs on. False where no bucket is there. */
  setSilent(awsRegion: string, isSilent: boolean): boolean {
    if (!this.buckets.some((bucket) => bucket.awsRegion === awsRegion)) return false;
    this.set(this.silent, awsRegion, isSilent);
    return true;
  }

  /** Whether a region reaches the buckets of its own AWS region alone. S3 itself goes on replicating. */
  setCutOff(region: string, isCutOff: boolean): void {
    this.set(this.cutOff, region, isCutOff);
  }

  /** Whether what is written to a bucket there waits to be copied. False where no bucket is there. */
  setPaused(awsRegion: string, isPaused: boolean): boolean {
    if (!this.buckets.some((bucket) => bucket.awsRegion === awsRegion)) return false;
    this.set(this.paused, awsRegion, isPaused);
    return true;
  }

  /** How old a write is when it is replicated, from now on also of those that wait. */
  delayReplication(delayMs: number = DELAY_MS): void {
    this.delayMs = delayMs;
  }

  async stop(): Promise<void> {
    this.ending.abort();
    await this.replicating;
    await Promise.all([this.open, ...this.gates.values()].map((gate) => gate.close()));
    await this.store.stop();
  }

  private behind() {
    const { store, turns } = this;
    return { port: store.port, turns, written: (write: Write) => this.written(write) };
  }

  private set(names: Set<string>, name: string, isIn: boolean): void {
    if (isIn) names.add(name);
    else names.delete(name);
    for (const gate of this.gates.values()) gate.refresh();
  }

  private awsRegionOf(bucket: string): string | undefined {
    return this.buckets.find(({ name }) => name === bucket)?.awsRegion;
  }

  private isReached(bucket: string): boolean {
    const awsRegion = this.awsRegionOf(bucket) ?? "";
    return !this.lost.has(awsRegion) && !this.silent.has(awsRegion);
  }

  private answers(region: string, awsRegion: string, bucket: string | undefined): boolean {
    if (bucket === undefined) return true;
    return this.isReached(bucket) && !(this.cutOff.has(region) && this.awsRegionOf(bucket) !== awsRegion);
  }

  private written(write: Write): void {
    const destinations = this.buckets.find(({ name }) => name === write.bucket)?.replicatesTo.keys() ?? [];
    this.replication.record(write, [...destinations], Date.now());
  }

  private async replicate(): Promise<void> {
    const { signal } = this.ending;
    const isReached = (bucket: string) => this.isReached(bucket);
    while (!signal.aborted) {
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      if (this.store.state !== "ready") continue;
      let trouble: string | undefined;
      for (const copy of this.replication.due(Date.now(), this.delayMs, isReached))
        try {
          await this.turns.take(`${copy.destination}/${copy.key}`, () => this.carry(copy));
        } catch (error) {
          // The store may be restarting; what was not copied is tried again.
          trouble = `replication: ${(error as Error).message}`;
        }
      this.message = trouble;
    }
  }

  private async carry(copy: Copy): Promise<void> {
    const { bucket, destination } = copy;
    if (!this.isReached(bucket) || !this.isReached(destination)) return;
    if (this.paused.has(this.awsRegionOf(bucket) ?? "")) return;
    if (!this.replication.isLate(copy)) await copied(this.store.client, copy, this.keyOf(bucket, destination));
    this.replication.settle(copy);
  }

  /** The key that encrypts a bucket's replicas in another one. */
  private keyOf(bucket: string, destination: string): string | undefined {
    return this.buckets.find(({ name }) => name === bucket)?.replicatesTo.get(destination);
  }
}

async function copied(client: S3Client, copy: Copy, SSEKMSKeyId: string | undefined): Promise<void> {
  const { bucket, key, versionId, destination: Bucket } = copy;
  if (copy.kind === "delete") {
    await client.send(new DeleteObjectCommand({ Bucket, Key: key }));
    return;
  }
  const path = [bucket, ...key.split("/")].map(encodeURIComponent).join("/");
  const CopySource = versionId === undefined ? path : `${path}?versionId=${versionId}`;
  const encryption = SSEKMSKeyId ? { ServerSideEncryption: "aws:kms" as const, SSEKMSKeyId } : {};
  try {
    await client.send(new CopyObjectCommand({ Bucket, Key: key, CopySource, ...encryption }));
  } catch (error) {
    // Its version was deleted meanwhile, and S3 copies no deletion of a version.
    if (!(error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404)) throw error;
  }
}
