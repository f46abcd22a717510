import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate, stale } from "../../../sandbox/schema/generate";
import { scan } from "../../../sandbox/schema/scan";
import { checkProperties, type PackageSchema } from "../../../sandbox/schema/schema";
import { removeTemporaryFolders, temporaryFolder } from "../fixture";

afterAll(removeTemporaryFolders);

/** Writes a program to a folder of its own, and returns the folder. */
function program(source: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "program.ts"), source);
  return folder;
}

/** Returns the schema of one package for a program. */
function schemaOf(source: string, name: string): PackageSchema {
  const [, text = ""] = [...generate([program(source)])].find(([path]) => path.endsWith(`${name}.json`)) ?? [];
  return JSON.parse(text);
}

describe("the schema", () => {
  it("is what the generator creates from components/ and stacks/ (stale: node --require ./typescript.cjs sandbox/schema/generate.ts)", () => {
    expect(stale(generate())).toEqual([]);
  });

  it("contains what a program creates, looks up and gets, however the program imports it", () => {
    const uses = scan([
      program(`
        import * as amazon from "@pulumi/aws";
        import { s3 as storage } from "@pulumi/aws";
        import * as core from "@pulumi/kubernetes/core/v1";
        import * as other from "other";
        new amazon.kms.Key("a");
        new storage.Bucket("a");
        new core.Namespace("a");
        amazon.getCallerIdentityOutput();
        amazon.iam.Role.get("a", "id");
        new amazon.Provider("a");
        new other.Thing("a");
        // new amazon.sqs.Queue("a");
      `),
    ]);
    expect(uses.map((use) => `${use.kind} ${use.package} ${use.path.join(".")}`)).toEqual([
      "function aws getCallerIdentity",
      "resource aws iam.Role",
      "resource aws kms.Key",
      "resource aws s3.Bucket",
      "resource kubernetes core.v1.Namespace",
    ]);
  });

  it("lists the required, allowed, computed and secret properties, as the installed package declares them", () => {
    const source = `import * as aws from "@pulumi/aws"; new aws.s3.BucketVersioning("a"); new aws.rds.Instance("a");`;
    const { resources, types } = schemaOf(source, "aws");
    const versioning = resources["aws:s3/bucketVersioning:BucketVersioning"];
    expect(versioning?.inputs.bucket).toMatchObject({ type: "string", required: true });
    expect(versioning?.inputs.mfa).toEqual({ type: "string" });
    expect(versioning?.computed).toEqual(["region"]);
    expect(types["s3.BucketVersioningVersioningConfiguration"]?.status?.enum).toEqual([
      "Disabled",
      "Enabled",
      "Suspended",
    ]);
    const instance = resources["aws:rds/instance:Instance"];
    expect(instance?.secrets).toEqual(["password", "passwordWo"]);
    expect(instance?.outputs).toContain("endpoint");
    expect(instance?.inputs.endpoint).toBeUndefined();
  });

  it("has the enum values that Cloudflare's API accepts, in place of the SDK's names for them", () => {
    const source = `import * as cloudflare from "@pulumi/cloudflare"; new cloudflare.LoadBalancer("a");`;
    const balancer = schemaOf(source, "cloudflare").resources["cloudflare:index/loadBalancer:LoadBalancer"];
    expect(balancer?.inputs.sessionAffinity?.enum).toEqual(["cookie", "header", "ip_cookie", "none"]);
  });
});

describe("checkProperties", () => {
  const schema: PackageSchema = {
    package: "p",
    version: "1",
    resources: {},
    functions: {},
    types: { "a.Inner": { on: { type: "boolean", required: true } } },
  };
  const problems = (type: string, value: unknown) =>
    checkProperties(schema, { value: { type } }, { value }).map(({ property }) => property);

  it("checks the contents of lists, maps, nested types and alternatives", () => {
    expect(problems("string[]", ["a", 1])).toEqual(["value[1]"]);
    expect(problems("{number}", { a: 1, b: "x" })).toEqual(["value.b"]);
    expect(problems("#a.Inner", { on: true })).toEqual([]);
    expect(problems("#a.Inner[]", [{ on: true }, {}])).toEqual(["value[1].on"]);
    expect(problems("{(string|#a.Inner)[]}", { k: ["a", { on: true }] })).toEqual([]);
    expect(problems("string|#a.Inner", 1)).toEqual(["value"]);
    expect(problems("any", { anything: [1] })).toEqual([]);
  });
});
