import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { FlowBucketObjects } from "../../../agent/accounts/flowBucket";

/** A bucket whose one object says how long it is, and has two bytes. */
const bucketOf = (ContentLength: number) => {
  const Body = Readable.from([Buffer.from("ab")]);
  const client = { send: async () => ({ Body, ContentLength }) } as unknown as S3Client;
  return { Body, objects: new FlowBucketObjects(client, "flows", new AbortController().signal) };
};

it("holds no object in memory that is larger than any of an agent's, and reads none of it", async () => {
  const { Body, objects } = bucketOf(128_000_001);
  expect(await objects.readWhole("key")).toEqual(Buffer.alloc(0));
  expect(Body.destroyed).toBe(true);
  expect(await bucketOf(2).objects.readWhole("key")).toEqual(Buffer.from("ab"));
});
