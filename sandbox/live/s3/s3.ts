import { setTimeout as sleep } from "node:timers/promises";
import { CopyObjectCommand, DeleteObjectCommand, type S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import type { AppliedBucket, AppliedRegion } from "../cluster/applied";
import type { Ports } from "../ports";
import { BucketGate } from "./bucketGate";
import { ObjectStore } from "./objectStore";
import { type Copy, Replication, type Write } from "./replication";
import { Turns } from "./turns";

/** Default replication delay: S3 replicates most objects within seconds. */
const DELAY_MS = 2_000;
const POLL_MS = 100;

/**
 * The fleet's S3: one store for all buckets, an endpoint per region, and an endpoint for all other clients. Each bucket
 * belongs to an AWS region and becomes unreachable with it.
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
  /** AWS regions that are unreachable: those of lost regions, and (`silent`) those whose S3 alone is stopped. */
  private readonly lost = new Set<string>();
  private readonly silent = new Set<string>();
  /** AWS regions whose buckets' outgoing replication is paused. */
  private readonly paused = new Set<string>();
  /** Regions that reach only the buckets of their own AWS region. */
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

  /** Endpoint for clients outside the regions, which no fault blocks. */
  get url(): string {
    return this.open.url;
  }

  /** Last error, in one line. */
  get trouble(): string | undefined {
    return this.store.message ?? this.message;
  }

  async ensure(buckets: readonly AppliedBucket[]): Promise<void> {
    this.buckets = buckets;
    await this.store.ensure(buckets);
    await this.open.open();
    this.replicating ??= this.replicate();
  }

  /** Opens a region's own endpoint. */
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

  /** Returns the endpoint that a region uses. */
  urlOf(region: string): string {
    const gate = this.gates.get(region);
    if (!gate) throw new Error(`${region} has no S3 endpoint`);
    return gate.url;
  }

  /**
   * Sets whether an AWS region is lost. The buckets of a lost region do not respond, and nothing is replicated from or
   * to them.
   */
  setLost(awsRegion: string, isLost: boolean): void {
    this.set(this.lost, awsRegion, isLost);
  }

  /**
   * Sets whether S3 alone is unreachable in an AWS region, with the effects of {@link setLost}; the rest of the region
   * keeps running. Returns false if no bucket is in the AWS region.
   */
  setSilent(awsRegion: string, isSilent: boolean): boolean {
    return this.setAtBuckets(this.silent, awsRegion, isSilent);
  }

  /** Sets whether a region reaches only the buckets of its own AWS region. S3's replication continues. */
  setCutOff(region: string, isCutOff: boolean): void {
    this.set(this.cutOff, region, isCutOff);
  }

  /**
   * Sets whether writes to the buckets of an AWS region wait to be replicated. Returns false if no bucket is in the AWS
   * region.
   */
  setPaused(awsRegion: string, isPaused: boolean): boolean {
    return this.setAtBuckets(this.paused, awsRegion, isPaused);
  }

  /** Sets the age at which writes are replicated, including those that already wait. */
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

  /** Returns false if no bucket is in the AWS region. */
  private setAtBuckets(awsRegions: Set<string>, awsRegion: string, isIn: boolean): boolean {
    if (!this.buckets.some((bucket) => bucket.awsRegion === awsRegion)) return false;
    this.set(awsRegions, awsRegion, isIn);
    return true;
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
          // The store may be restarting. Failed copies are retried.
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

  /** Returns the key that encrypts a bucket's replicas in a destination bucket. */
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
    // The version was deleted meanwhile, and S3 does not replicate the deletion of a version.
    if (!(error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404)) throw error;
  }
}
