import fc from "fast-check";
import { replicaArn, urlSafeBase64 } from "../../model/secrets";

const primary = "arn:aws:secretsmanager:us-east-1:123456789012:secret:langflow-dr-secret-key-2026-AbCdEf";

describe("replicaArn", () => {
  it("replaces the region and keeps name and suffix", () => {
    expect(replicaArn(primary, "eu-west-1")).toBe(
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:langflow-dr-secret-key-2026-AbCdEf",
    );
  });

  it("returns the primary's ARN for the primary's region, from any replica", () => {
    fc.assert(
      fc.property(fc.constantFrom("eu-west-1", "ap-southeast-1", "us-gov-west-1"), (region) => {
        expect(replicaArn(replicaArn(primary, region), "us-east-1")).toBe(primary);
      }),
    );
  });

  it.each(["", "us-east-1", "arn:aws:s3:::bucket", "arn:aws:kms:us-east-1:123456789012:key/1"])(
    "rejects %p, which is not a secret's ARN",
    (arn) => {
      expect(() => replicaArn(arn, "eu-west-1")).toThrow("is not the ARN of a secret");
    },
  );
});

describe("urlSafeBase64", () => {
  it("decodes to the original bytes and needs no escaping in a URL", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = urlSafeBase64(Buffer.from(bytes).toString("base64"));
        expect(text).toMatch(/^[\w-]{43}=$/);
        expect([...Buffer.from(text, "base64url")]).toEqual([...bytes]);
      }),
    );
  });
});
