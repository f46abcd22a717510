import { witnessBucketName } from "../../../model/names";
import { AWS_REGION_NAMES } from "../../../model/places";
import { leaseAccess, witnessBucketPolicy } from "../../../model/policies/witness";
import { allows, denies } from "../../iam";

const BUCKET = "arn:aws:s3:::langflow-dr-witness-us-west-2-123456789012";
const LEASE = `${BUCKET}/schedules/lease.json`;

describe("the witness", () => {
  it("has a valid S3 name that is unique per AWS region and differs from every flow bucket's", () => {
    const names = AWS_REGION_NAMES.map((awsRegion) => witnessBucketName(awsRegion, "123456789012"));
    expect(new Set(names).size).toBe(AWS_REGION_NAMES.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{3,63}(?<!-flows-123456789012)$/);
  });

  it("lets an agent read and write the lease and the runs' take-overs and detect their absence, and nothing else", () => {
    const may = (action: string, resource: string) => allows(leaseAccess(BUCKET), { action, resource });
    for (const action of ["s3:GetObject", "s3:PutObject"]) {
      expect(may(action, LEASE)).toBe(true);
      expect(may(action, `${BUCKET}/runs/taken.json`)).toBe(true);
      for (const other of [`${LEASE}.old`, `${BUCKET}/x`, `${BUCKET}/schedules/`, `${BUCKET}-2/schedules/lease.json`])
        expect([other, may(action, other)]).toEqual([other, false]);
    }
    expect(may("s3:ListBucket", BUCKET)).toBe(true);
    for (const action of ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl"])
      expect(may(action, LEASE)).toBe(false);
    for (const action of ["s3:PutBucketPolicy", "s3:DeleteBucket"]) expect(may(action, BUCKET)).toBe(false);
  });

  describe("denies in its bucket policy", () => {
    const secure = { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3" };
    const put = (context: Record<string, string>) => ({
      action: "s3:PutObject",
      resource: LEASE,
      context: { ...secure, "s3:ObjectCreationOperation": "true", ...context },
    });
    const denied = (request: Parameters<typeof denies>[1]) => denies(witnessBucketPolicy(BUCKET), request);

    it("unconditional writes, but not conditional ones", () => {
      expect(denied(put({}))).toBe(true);
      expect(denied(put({ "s3:if-match": '"etag"' }))).toBe(false);
      expect(denied(put({ "s3:if-none-match": "*" }))).toBe(false);
      expect(denied({ ...put({}), resource: `${BUCKET}/another` })).toBe(true);
    });

    it("reads and writes without TLS 1.2 or newer", () => {
      for (const context of [
        { ...secure, "aws:SecureTransport": "false" },
        { ...secure, "s3:TlsVersion": "1.1" },
      ]) {
        expect(denied({ action: "s3:GetObject", resource: LEASE, context })).toBe(true);
        expect(denied({ action: "s3:ListBucket", resource: BUCKET, context })).toBe(true);
      }
      expect(denied({ action: "s3:GetObject", resource: LEASE, context: secure })).toBe(false);
    });
  });
});
