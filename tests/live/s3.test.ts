import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { FlowBucketObjects } from "../../agent/accounts/flowBucket";
import type { AppliedBucket } from "../../sandbox/live/cluster/applied";
import { Ports } from "../../sandbox/live/ports";
import { LiveS3 } from "../../sandbox/live/s3/s3";
import { until } from "./langflowApi";
import { Scratch } from "./scratch";

jest.setTimeout(120_000);

const EAST = { region: "us-east", awsRegion: "us-east-1" };
const WEST = { region: "eu-west", awsRegion: "eu-west-1" };
const KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000000";
const BUCKETS: AppliedBucket[] = [
  { name: "flows-east", awsRegion: "us-east-1", replicatesTo: new Map([["flows-west", KEY]]) },
  { name: "flows-west", awsRegion: "eu-west-1", replicatesTo: new Map([["flows-east", undefined]]) },
  { name: "witness", awsRegion: "us-west-2", replicatesTo: new Map() },
];
/** Request timeout, like an agent's. */
const PATIENCE_MS = 1_000;

describe("the live fleet's S3", () => {
  let scratch: Scratch;
  let s3: LiveS3;
  let east: S3Client;
  let west: S3Client;
  let everybody: S3Client;

  beforeAll(async () => {
    scratch = await Scratch.make();
    s3 = await LiveS3.make(scratch.folder, scratch.tools.pythonBin, new Ports(`${scratch.folder}/s3-ports.json`));
    await s3.ensure(BUCKETS);
    for (const region of [EAST, WEST]) await s3.enter(region);
    [east, west, everybody] = [client(s3.urlOf("us-east")), client(s3.urlOf("eu-west")), client(s3.url)];
  });
  afterAll(async () => {
    for (const each of [east, west, everybody]) each?.destroy();
    await s3?.stop();
    await scratch?.end();
  });
  afterEach(() => {
    s3.delayReplication();
    for (const { awsRegion } of BUCKETS) {
      s3.setLost(awsRegion, false);
      s3.setSilent(awsRegion, false);
      s3.setPaused(awsRegion, false);
    }
    for (const { region } of [EAST, WEST]) s3.setCutOff(region, false);
  });

  const client = (endpoint: string) =>
    new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { accessKeyId: "live", secretAccessKey: "live" },
    });
  const put = (from: S3Client, Bucket: string, Key: string, Body: string, more = {}) =>
    from.send(new PutObjectCommand({ Bucket, Key, Body, ...more }), { abortSignal: AbortSignal.timeout(PATIENCE_MS) });
  /** Returns an object's text, or undefined if S3 reports that the object does not exist. */
  const read = async (from: S3Client, Bucket: string, Key: string): Promise<string | undefined> => {
    try {
      const abortSignal = AbortSignal.timeout(PATIENCE_MS);
      const { Body } = await from.send(new GetObjectCommand({ Bucket, Key }), { abortSignal });
      return await Body?.transformToString();
    } catch (error) {
      if ((error as Error).name === "NoSuchKey") return undefined;
      throw error;
    }
  };
  const keys = async (from: S3Client, Bucket: string) => {
    const { Contents = [] } = await from.send(new ListObjectsV2Command({ Bucket }));
    return Contents.map(({ Key }) => Key);
  };
  const silent = expect.objectContaining({ name: expect.stringMatching(/^(AbortError|TimeoutError)$/) });

  it("replicates a region's writes to the other bucket, including multipart uploads and batch deletes", async () => {
    await put(east, "flows-east", "files/a", "1");
    await new Upload({
      client: east,
      params: { Bucket: "flows-east", Key: "files/large", Body: Buffer.alloc(6 * 1024 * 1024, "x") },
    }).done();
    await until("both are there", async () => (await keys(west, "flows-west")).join() === "files/a,files/large");
    expect(await read(west, "flows-west", "files/a")).toBe("1");
    await east.send(new DeleteObjectCommand({ Bucket: "flows-east", Key: "files/a" }));
    const Delete = { Objects: [{ Key: "files/large" }] };
    await east.send(new DeleteObjectsCommand({ Bucket: "flows-east", Delete }));
    await until("neither is there", async () => (await keys(west, "flows-west")).length === 0);
  });

  it("copies an upload within the bucket, whatever its name, and replicates the copy", async () => {
    const objects = new FlowBucketObjects(east, "flows-east", new AbortController().signal);
    const [from, to] = ["files/younger/Bericht für Ä+B 100%.pdf", "files/older/1f0c-Bericht für Ä+B 100%.pdf"];
    expect(await objects.copy(from, to)).toBe(false);
    await put(east, "flows-east", from, "of eu-west");
    expect(await objects.copy(from, to)).toBe(true);
    await until("it came", async () => (await read(west, "flows-west", to)) === "of eu-west");
    expect(await read(east, "flows-east", from)).toBe("of eu-west");
  });

  it("lets a region write to a different region's bucket directly, long before replication", async () => {
    s3.delayReplication(3_600_000);
    await put(east, "flows-east", "accounts/us-east/1", "row");
    await put(east, "flows-west", "accounts/us-east/2", "row");
    await sleep(3_000);
    expect(await read(west, "flows-west", "accounts/us-east/1")).toBeUndefined();
    expect(await read(west, "flows-west", "accounts/us-east/2")).toBe("row");
    s3.delayReplication();
    await until("it came", async () => (await read(west, "flows-west", "accounts/us-east/1")) === "row");
  });

  it("does not restore an object that was written to both buckets and deleted from one before the replicas arrived", async () => {
    s3.delayReplication(3_600_000);
    const Key = "accounts/us-east/both";
    await put(east, "flows-east", Key, "row");
    await put(east, "flows-west", Key, "row");
    await east.send(new DeleteObjectCommand({ Bucket: "flows-east", Key }));
    s3.delayReplication(0);
    await until("it is gone", async () => (await read(west, "flows-west", Key)) === undefined);
    await sleep(1_000);
    expect(await read(east, "flows-east", Key)).toBeUndefined();
  });

  it("does not replicate replicas: a key that was written to both buckets has at most two versions", async () => {
    s3.delayReplication(0);
    const Key = "accounts/us-east/once";
    await put(east, "flows-east", Key, "row");
    await put(east, "flows-west", Key, "row");
    await sleep(1_500);
    for (const Bucket of ["flows-east", "flows-west"]) {
      const { Versions = [] } = await everybody.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }));
      expect([Bucket, Versions.length <= 2]).toEqual([Bucket, true]);
    }
  });

  it("does not respond for a lost region, except to clients outside the fleet, and continues after the region's return", async () => {
    s3.setLost("eu-west-1", true);
    await put(east, "flows-east", "files/meanwhile", "1");
    await expect(put(east, "flows-west", "files/x", "1")).rejects.toEqual(silent);
    await sleep(3_000);
    expect(await read(everybody, "flows-west", "files/meanwhile")).toBeUndefined();
    s3.setLost("eu-west-1", false);
    await until("it is caught up", async () => (await read(west, "flows-west", "files/meanwhile")) === "1");
  });

  it("cuts a region off from other AWS regions, but not from its own bucket, while S3's replication continues", async () => {
    s3.setCutOff("us-east", true);
    await expect(put(east, "flows-west", "files/x", "1")).rejects.toEqual(silent);
    await expect(read(east, "witness", "schedules/lease.json")).rejects.toEqual(silent);
    await put(east, "flows-east", "files/cut", "1");
    expect(await read(west, "witness", "schedules/lease.json")).toBeUndefined();
    await until("it is replicated", async () => (await read(west, "flows-west", "files/cut")) === "1");
  });

  it("replicates nothing from a paused bucket, whose writes still succeed, and everything after the pause", async () => {
    s3.delayReplication(0);
    expect(s3.setPaused("us-east-1", true)).toBe(true);
    await put(east, "flows-east", "files/waits", "1");
    await put(west, "flows-west", "files/goes", "1");
    await until("the other way is open", async () => (await read(east, "flows-east", "files/goes")) === "1");
    expect(await read(west, "flows-west", "files/waits")).toBeUndefined();
    s3.setPaused("us-east-1", false);
    await until("it came", async () => (await read(west, "flows-west", "files/waits")) === "1");
    expect(s3.setPaused("sa-east-1", true)).toBe(false);
  });

  it("makes only the witness unresponsive", async () => {
    expect(s3.setSilent("us-west-2", true)).toBe(true);
    await expect(read(west, "witness", "schedules/lease.json")).rejects.toEqual(silent);
    expect(await read(west, "flows-west", "nothing")).toBeUndefined();
    expect(s3.setSilent("sa-east-1", true)).toBe(false);
  });

  it("lets exactly one of several concurrent conditional writes of the lease succeed, in each round", async () => {
    const Key = "schedules/lease.json";
    const race = async (condition: object) => {
      const all = [0, 1, 2, 3, 4, 5].map((each) =>
        put(each % 2 === 0 ? east : west, "witness", Key, `holder ${each} ${Math.random()}`, condition),
      );
      const outcomes = await Promise.allSettled(all);
      const refused = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason.name] : []));
      expect(refused).toEqual(Array.from({ length: 5 }, () => "PreconditionFailed"));
      return outcomes.flatMap((each) => (each.status === "fulfilled" ? [each.value.ETag] : []))[0];
    };
    let etag = await race({ IfNoneMatch: "*" });
    for (let round = 0; round < 5; round++) etag = await race({ IfMatch: etag });
  });
});
