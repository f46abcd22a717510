import { X509Certificate } from "node:crypto";
import { databaseAuthorities, databaseTls } from "../../model/databaseAuthorities";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

describe("the RDS certificate authorities", () => {
  it.each(["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1", "ap-southeast-2"])(
    "for %s are its own roots only, one per key type, valid for years",
    (awsRegion) => {
      const roots = (databaseAuthorities(awsRegion)?.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
      const names = roots.map(({ subject }) => /CN=(.*)/.exec(subject)?.[1]);
      expect(names.sort()).toEqual(
        ["ECC384", "RSA2048", "RSA4096"].map((key) => `Amazon RDS ${awsRegion} Root CA ${key} G1`),
      );
      for (const root of roots) {
        expect(root.verify(root.publicKey)).toBe(true);
        expect(root.ca).toBe(true);
        expect(Date.parse(root.validTo)).toBeGreaterThan(Date.parse("2040-01-01"));
      }
    },
  );

  it("enable verification of the server's name if known, and plain TLS otherwise", () => {
    expect(databaseTls("us-east-1").query).toBe("sslmode=verify-full&sslrootcert=/mnt/secrets/database-authorities");
    expect(databaseTls("mx-central-1")).toEqual({ query: "sslmode=require", authorities: "none is known" });
  });

  it("fit into a secret next to the URL", () => {
    // Secrets Manager accepts up to 65,536 bytes.
    expect(Buffer.byteLength(databaseTls("us-east-1").authorities)).toBeLessThan(16_384);
  });
});
