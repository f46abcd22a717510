import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { BucketError } from "../../agent/s3/s3Request";
import type { Lease } from "../../agent/schedules/lease";
import { WitnessBucket } from "../../agent/schedules/witness";
import { LEASE_KEY } from "../../formats/bucketKeys";
import { Scratch, type ScratchS3 } from "./scratch";

const LEASE: Lease = { region: "us-east", generation: 1_800_000_000, after: 5, until: 20_005, termMs: 20_000 };

jest.setTimeout(120_000);

describe("the witness in S3", () => {
  let scratch: Scratch;
  let s3: ScratchS3;
  let buckets = 0;
  let bucket: string;
  let [east, west]: WitnessBucket[] = [];

  beforeAll(async () => {
    scratch = await Scratch.make();
    s3 = await scratch.s3();
  });
  afterAll(() => scratch.end());
  beforeEach(async () => {
    bucket = await s3.bucket(`witness-${++buckets}`);
    [east, west] = [new WitnessBucket(s3.client, bucket), new WitnessBucket(s3.client, bucket)];
  });

  it("has no lease at first, accepts the first new lease, and rejects a second one", async () => {
    expect(await east?.read()).toBeUndefined();
    expect(await east?.write(LEASE, undefined)).toBe(true);
    expect(await west?.write({ ...LEASE, region: "eu-west" }, undefined)).toBe(false);
    expect((await west?.read())?.lease).toEqual(LEASE);
  });

  it("accepts a replacement of the current lease from only one of the writers that read it", async () => {
    await east?.write(LEASE, undefined);
    const [seenEast, seenWest] = await Promise.all([east?.read(), west?.read()]);
    const given = { ...LEASE, given: true, to: "eu-west" } as const;
    const taken = await Promise.all([
      east?.write(given, seenEast),
      west?.write({ ...LEASE, region: "eu-west" }, seenWest),
    ]);
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect((await east?.read())?.lease).toEqual(taken[0] ? given : { ...LEASE, region: "eu-west" });
    expect(await east?.write(LEASE, seenEast)).toBe(false);
  });

  it("distinguishes a renewed lease from the previous one, even if their content is the same", async () => {
    await east?.write(LEASE, undefined);
    const first = await west?.read();
    expect(await east?.write(LEASE, first)).toBe(true);
    expect((await west?.read())?.etag).not.toBe(first?.etag);
    expect(await west?.write(LEASE, first)).toBe(false);
  });

  it("rejects a write that is based on a deleted lease, and does not read other content as a lease", async () => {
    await east?.write(LEASE, undefined);
    const seen = await east?.read();
    await s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: LEASE_KEY }));
    expect(await east?.read()).toBeUndefined();
    expect(await east?.write(LEASE, seen)).toBe(false);
    await s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: LEASE_KEY, Body: "{}" }));
    await expect(east?.read()).rejects.toThrow("is not a lease: delete it");
  });

  it("reports a missing bucket as an error, not as a missing lease", async () => {
    await expect(new WitnessBucket(s3.client, "no-such-bucket").read()).rejects.toThrow(BucketError);
  });
});
