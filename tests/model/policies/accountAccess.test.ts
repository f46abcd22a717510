import fc from "fast-check";
import { type AccountsBucket, accountAccess } from "../../../model/policies/accountAccess";
import { policyText } from "../../../model/policies/document";
import { ROLE_INLINE_POLICIES_MAX } from "../../../model/policies/flowReplication";
import { cloudWatchAccess, podAccess } from "../../../model/policies/podAccess";
import { leaseAccess } from "../../../model/policies/witness";
import { allows } from "../../iam";

interface Place extends AccountsBucket {
  readonly name: string;
}

const place = (name: string, awsRegion = name): Place => ({
  name,
  awsRegion,
  bucketArn: `arn:aws:s3:::langflow-dr-${name}-flows-123456789012`,
  keyArn: `arn:aws:kms:${awsRegion}:123456789012:key/00000000-0000-4000-8000-000000000000`,
});
const [east, west, south] = [place("us-east", "us-east-1"), place("eu-west", "eu-west-1"), place("ap-south")] as const;
const WITNESS = "arn:aws:s3:::langflow-dr-witness-us-west-2-123456789012";

/** All permissions of a region's flow sync in a fleet. */
const ofSync = (own: Place, fleet: readonly Place[]) => [
  ...podAccess({
    component: "flow-sync",
    region: own.name,
    awsRegion: own.awsRegion,
    bucketArn: own.bucketArn,
    keyArn: own.keyArn,
    secretArns: ["arn:aws:secretsmanager:us-east-1:123456789012:secret:api-key-AbCdEf"],
  }),
  ...accountAccess({ region: own.name, own, peers: fleet.filter((each) => each !== own) }),
  ...leaseAccess(WITNESS),
  cloudWatchAccess(),
];

const WRITES = ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging"];
const statements = ofSync(east, [east, west, south]);
const may = (action: string, bucket: AccountsBucket, key: string) =>
  allows(statements, { action, resource: `${bucket.bucketArn}/${key}` });
const mayList = (bucket: AccountsBucket, prefix: string, action = "s3:ListBucket") =>
  allows(statements, { action, resource: bucket.bucketArn, context: { "s3:prefix": prefix } });

/** Region names, including names that are prefixes of others. */
const names = fc.uniqueArray(
  fc.stringMatching(/^(us|us-east|eu|accounts|a)(-[a-z0-9]{1,3})?$/).filter((name) => name.length <= 16),
  { minLength: 2, maxLength: 6 },
);

describe("the flow sync's access to accounts", () => {
  it("allows writes only below its own region's prefix, in every bucket of any fleet", () => {
    fc.assert(
      fc.property(names, fc.nat(), (regions, which) => {
        const fleet = regions.map((name) => place(name));
        const own = fleet[which % fleet.length] as Place;
        const granted = ofSync(own, fleet);
        for (const bucket of fleet)
          for (const { name } of fleet)
            for (const action of WRITES) {
              const resource = `${bucket.bucketArn}/accounts/${name}/x`;
              const puts = action === "s3:PutObject" || (action === "s3:DeleteObject" && bucket === own);
              expect([action, resource, allows(granted, { action, resource })]).toEqual([
                action,
                resource,
                name === own.name && puts,
              ]);
            }
      }),
      { numRuns: 40 },
    );
  });

  it("allows the flow sync to copy uploads in its own bucket, but not to delete them", () => {
    for (const action of ["s3:GetObject", "s3:PutObject"])
      expect([east, west].map((bucket) => may(action, bucket, "files/user/report.pdf"))).toEqual([true, false]);
    expect(may("s3:DeleteObject", east, "files/user/report.pdf")).toBe(false);
  });

  it("allows the flow sync to read every region's accounts in its own bucket, but only its own accounts in other buckets", () => {
    expect(may("s3:GetObject", east, "accounts/eu-west/x")).toBe(true);
    expect(mayList(east, "accounts/eu-west/")).toBe(true);
    expect(may("s3:GetObject", west, "accounts/us-east/x")).toBe(true);
    expect(mayList(west, "accounts/us-east/")).toBe(true);
    expect(may("s3:GetObject", west, "accounts/eu-west/x")).toBe(false);
    expect(mayList(west, "accounts/")).toBe(false);
    expect(mayList(west, "accounts/us-east-2/")).toBe(false);
  });

  it("includes listing its own bucket only, so that S3 reports missing objects as not found", () => {
    const unasked = ({ bucketArn }: AccountsBucket) =>
      allows(statements, { action: "s3:ListBucket", resource: bucketArn });
    expect([east, west, south].map(unasked)).toEqual([true, false, false]);
  });

  it("covers no other prefixes, and no object versions or bucket settings", () => {
    for (const bucket of [east, west, south]) {
      for (const key of ["files-of-old/x", "accounts-of-old/us-east/x", "accounts/us-east", "x"])
        for (const action of WRITES) expect([key, may(action, bucket, key)]).toEqual([key, false]);
      for (const key of ["files-of-old/x", "accounts-of-old/x"]) expect(may("s3:GetObject", bucket, key)).toBe(false);
      for (const action of WRITES) expect(may(action, bucket, "backups/us-east/x")).toBe(false);
      expect(mayList(bucket, "accounts/us-east/", "s3:ListBucketVersions")).toBe(false);
      for (const action of ["s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration"])
        expect(allows(statements, { action, resource: bucket.bucketArn })).toBe(false);
    }
  });

  it("includes each region's key only through S3 of its AWS region and for its bucket", () => {
    const context = ({ awsRegion, bucketArn }: AccountsBucket) => ({
      "kms:ViaService": `s3.${awsRegion}.amazonaws.com`,
      "kms:EncryptionContext:aws:s3:arn": bucketArn,
    });
    for (const bucket of [east, west, south])
      for (const action of ["kms:GenerateDataKey", "kms:Decrypt"]) {
        const through = { action, resource: bucket.keyArn, context: context(bucket) };
        expect(allows(statements, through)).toBe(true);
        expect(allows(statements, { action, resource: bucket.keyArn })).toBe(false);
        for (const [key, other] of [
          ["kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com"],
          ["kms:EncryptionContext:aws:s3:arn", "arn:aws:s3:::payroll"],
        ] as const)
          expect(allows(statements, { ...through, context: { ...through.context, [key]: other } })).toBe(false);
      }
    expect(allows(statements, { action: "kms:Encrypt", resource: west.keyArn, context: context(west) })).toBe(false);
  });

  it("fits into a role for sixteen regions with the longest names, including the witness and CloudWatch", () => {
    const fleet = Array.from({ length: 16 }, (_, index) =>
      place(`ap-southeast-${String(index).padStart(3, "0")}`, "ap-southeast-7"),
    );
    const text = policyText(ofSync(fleet[0] as Place, fleet));
    expect(text.length).toBeLessThan(ROLE_INLINE_POLICIES_MAX);
    const sids = (JSON.parse(text) as { Statement: { Sid: string }[] }).Statement.map(({ Sid }) => Sid);
    expect(new Set(sids).size).toBe(sids.length);
  });
});
