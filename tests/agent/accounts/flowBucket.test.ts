import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { FlowBucketObjects } from "../../../agent/accounts/flowBucket";

/** Creates a bucket with one object of two bytes that claims to have the given length. */
const bucketOf = (ContentLength: number) => {
  const Body = Readable.from([Buffer.from("ab")]);
  const client = { send: async () => ({ Body, ContentLength }) } as unknown as S3Client;
  return { Body, objects: new FlowBucketObjects(client, "flows", new AbortController().signal) };
};

it("the agent does not download an object that exceeds the maximum size of an agent's object", async () => {
  const { Body, objects } = bucketOf(128_000_001);
  expect(await objects.readWhole("key")).toEqual(Buffer.alloc(0));
  expect(Body.destroyed).toBe(true);
  expect(await bucketOf(2).objects.readWhole("key")).toEqual(Buffer.from("ab"));
});
