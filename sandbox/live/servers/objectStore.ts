import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type BucketLocationConstraint,
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  PutBucketVersioningCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";
import type { AppliedBucket } from "../cluster/applied";
import { KeptServer } from "../process/keptServer";
import type { Launch } from "../process/leashed";
import { type Agreed, type Listing, replicationSteps } from "./replication";

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 200;
/** S3 replicates most objects within seconds. */
const REPLICATE_MS = 2_000;
const GRACE_MS = 3_000;

/**
 * The fleet's S3: moto, with the applied buckets in it. It keeps objects in memory, so they are gone when it ends; and
 * replication, which moto lacks, is done here, by comparing each pair of buckets every two seconds.
 */
export class ObjectStore extends KeptServer {
  private buckets: readonly AppliedBucket[] = [];
  private agreed = new Map<string, Agreed>();
  private readonly client: S3Client;
  private replicating: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly pythonBin: string,
    readonly port: number,
  ) {
    super();
    this.client = new S3Client({
      endpoint: this.url,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "live", secretAccessKey: "live" },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async ensure(buckets: readonly AppliedBucket[]): Promise<void> {
    this.buckets = buckets;
    this.wanted = true;
    if (this.pid === undefined) this.launch();
    await this.untilReady();
    this.answers();
    this.replicating ??= this.replicate();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    await this.process?.terminate(GRACE_MS);
    await this.replicating;
    this.client.destroy();
    this.state = "stopped";
  }

  protected get invocation(): Launch {
    return {
      command: [join(this.pythonBin, "moto_server"), "--host", "127.0.0.1", "--port", `${this.port}`],
      environment: { PATH: process.env.PATH ?? "", HOME: this.directory },
      directory: this.directory,
      log: join(this.directory, "logs", "s3.log"),
    };
  }

  protected override launch(): void {
    // It forgets every object when it ends.
    this.agreed = new Map();
    super.launch();
  }

  protected async untilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      try {
        for (const bucket of this.buckets) await this.provide(bucket);
        return;
      } catch (error) {
        if (!this.wanted) throw new Error("the S3 server was stopped while it started");
        if (Date.now() > deadline) throw new Error(`the S3 server does not start: ${(error as Error).message}`);
        await sleep(POLL_MS);
      }
    }
  }

  private async provide({ name, awsRegion }: AppliedBucket): Promise<void> {
    const there = await this.client.send(new HeadBucketCommand({ Bucket: name })).then(
      () => true,
      (error: { $metadata?: { httpStatusCode?: number } }) => {
        if (error.$metadata?.httpStatusCode !== 404) throw error;
        return false;
      },
    );
    if (there) return;
    const home = awsRegion as BucketLocationConstraint | "us-east-1";
    const location = home === "us-east-1" ? {} : { CreateBucketConfiguration: { LocationConstraint: home } };
    await this.client.send(new CreateBucketCommand({ Bucket: name, ...location }));
    const versioning = { Bucket: name, VersioningConfiguration: { Status: "Enabled" as const } };
    await this.client.send(new PutBucketVersioningCommand(versioning));
  }

  private async replicate(): Promise<void> {
    while (this.wanted) {
      await sleep(REPLICATE_MS);
      if (this.state !== "ready") continue;
      try {
        await this.replicateOnce();
      } catch (error) {
        // It may be restarting; what was not copied is found again.
        if (this.wanted && this.state === "ready") this.message = `replication: ${(error as Error).message}`;
      }
    }
  }

  private async replicateOnce(): Promise<void> {
    const copies = (from: AppliedBucket, to: AppliedBucket) => from.replicatesTo.has(to.name);
    for (const [index, one] of this.buckets.entries())
      for (const other of this.buckets.slice(index + 1)) {
        const directions = { oneToOther: copies(one, other), otherToOne: copies(other, one) };
        if (!directions.oneToOther && !directions.otherToOne) continue;
        const pair = `${one.name} ${other.name}`;
        const agreed = this.agreed.get(pair) ?? new Map();
        this.agreed.set(pair, agreed);
        const [here, there] = [await this.listing(one.name), await this.listing(other.name)];
        for (const { key, kind, to } of replicationSteps(here, there, agreed, directions)) {
          const [source, destination] = to === "other" ? [one, other] : [other, one];
          const copied = await this.carry(kind, key, source, destination.name);
          // Of the source what was listed, though it may have changed since: then the next comparison sees it.
          if (kind === "delete") agreed.delete(key);
          else if (to === "other") agreed.set(key, { one: here.get(key)?.tag, other: copied });
          else agreed.set(key, { one: copied, other: there.get(key)?.tag });
        }
      }
    this.message = undefined;
  }

  /** The entity tag of the copy. */
  private async carry(
    kind: "copy" | "delete",
    key: string,
    { name: source, replicatesTo }: AppliedBucket,
    destination: string,
  ): Promise<string | undefined> {
    if (kind === "delete") {
      await this.client.send(new DeleteObjectCommand({ Bucket: destination, Key: key }));
      return undefined;
    }
    const from = `${source}/${key.split("/").map(encodeURIComponent).join("/")}`;
    const SSEKMSKeyId = replicatesTo.get(destination);
    const encryption = SSEKMSKeyId ? { ServerSideEncryption: "aws:kms" as const, SSEKMSKeyId } : {};
    const copy = new CopyObjectCommand({ Bucket: destination, Key: key, CopySource: from, ...encryption });
    return (await this.client.send(copy)).CopyObjectResult?.ETag;
  }

  private async listing(bucket: string): Promise<Listing> {
    const objects = new Map<string, { tag: string; modified: number }>();
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.client }, { Bucket: bucket }))
      for (const { Key = "", ETag = "", LastModified } of Contents)
        objects.set(Key, { tag: ETag, modified: LastModified?.getTime() ?? 0 });
    return objects;
  }
}
