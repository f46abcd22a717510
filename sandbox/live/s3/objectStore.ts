import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  HeadBucketCommand,
  PutBucketVersioningCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { AppliedBucket } from "../cluster/applied";
import type { Launch } from "../process/boundProcess";
import { KeptServer } from "../process/keptServer";

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 200;
const GRACE_MS = 3_000;

/** The store of all objects: moto with the applied buckets. Objects are in memory and are lost when moto ends. */
export class ObjectStore extends KeptServer {
  private buckets: readonly AppliedBucket[] = [];
  readonly client: S3Client;
  /** Called when the store starts, and therefore is empty. */
  onLaunch: () => void = () => undefined;

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
  }

  async stop(): Promise<void> {
    this.wanted = false;
    await this.process?.terminate(GRACE_MS);
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
    this.onLaunch();
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
    const exists = await this.client.send(new HeadBucketCommand({ Bucket: name })).then(
      () => true,
      (error: { $metadata?: { httpStatusCode?: number } }) => {
        if (error.$metadata?.httpStatusCode !== 404) throw error;
        return false;
      },
    );
    if (exists) return;
    const home = awsRegion as BucketLocationConstraint | "us-east-1";
    const location = home === "us-east-1" ? {} : { CreateBucketConfiguration: { LocationConstraint: home } };
    await this.client.send(new CreateBucketCommand({ Bucket: name, ...location }));
    const versioning = { Bucket: name, VersioningConfiguration: { Status: "Enabled" as const } };
    await this.client.send(new PutBucketVersioningCommand(versioning));
  }
}
