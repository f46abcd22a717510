import { type BucketUser, podAccess } from "../../../model/policies/podAccess";
import { allows } from "../../iam";

const BUCKET = "arn:aws:s3:::langflow-dr-us-east-flows";
const KEY = "arn:aws:kms:us-east-1:123456789012:key/1";
const SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-key-AbCdEf";

const statements = (component: BucketUser) =>
  podAccess({
    component,
    region: "us-east",
    awsRegion: "us-east-1",
    bucketArn: BUCKET,
    keyArn: KEY,
    secretArns: [SECRET],
  });
const may = (component: BucketUser, action: string, key: string) =>
  allows(statements(component), { action, resource: `${BUCKET}/${key}` });
const mayList = (component: BucketUser, prefix: string, action = "s3:ListBucket") =>
  allows(statements(component), { action, resource: BUCKET, context: { "s3:prefix": prefix } });
const mayUseKey = (component: BucketUser, action: string, context: Record<string, string>) =>
  allows(statements(component), { action, resource: KEY, context });

const COMPONENTS: BucketUser[] = ["server", "flow-sync", "backup", "restore", "move-in"];
const THROUGH_S3 = { "kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": BUCKET };

describe("podAccess", () => {
  it.each<[BucketUser, Record<string, string>]>([
    ["server", { "files/a": "read write delete", "backups/a": "" }],
    ["flow-sync", { "files/a": "", "backups/us-east/a": "read", "backups/eu-west/a": "" }],
    [
      "backup",
      {
        "files/a": "read version",
        "backups/us-east/a": "read write",
        "backups/eu-west/a": "",
        "backups/us-east-2/a": "",
      },
    ],
    [
      "restore",
      { "files/a": "read version write", "backups/us-east/a": "read version", "backups/eu-west/a": "read version" },
    ],
    ["move-in", { "files/a": "read write", "backups/a": "", "move-in/a": "read" }],
  ])("grants %s exactly its permissions on files and backups", (component, expected) => {
    const actions = { read: "GetObject", version: "GetObjectVersion", write: "PutObject", delete: "DeleteObject" };
    const allowed = (key: string) =>
      Object.entries(actions).flatMap(([word, action]) => (may(component, `s3:${action}`, key) ? [word] : []));
    for (const [key, words] of Object.entries(expected)) expect(allowed(key).join(" ")).toBe(words);
  });

  it.each(COMPONENTS)("denies %s objects outside its prefixes and the bucket's settings", (component) => {
    for (const key of ["", "other/a", "filesystem/a", "backups-old/a"]) {
      expect(may(component, "s3:GetObject", key)).toBe(false);
      expect(may(component, "s3:PutObject", key)).toBe(false);
    }
    for (const action of ["s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"])
      expect(allows(statements(component), { action, resource: BUCKET })).toBe(false);
  });

  it("lets no component delete a backup, so that an attacker in a pod cannot delete them", () => {
    for (const component of COMPONENTS) expect(may(component, "s3:DeleteObject", "backups/us-east/1")).toBe(false);
  });

  it("grants listing only below the prefixes that a component reads", () => {
    expect(mayList("flow-sync", "backups/us-east/")).toBe(true);
    expect(mayList("flow-sync", "files/")).toBe(false);
    expect(mayList("flow-sync", "")).toBe(false);
    expect(mayList("backup", "files/", "s3:ListBucketVersions")).toBe(true);
    expect(mayList("server", "files/", "s3:ListBucketVersions")).toBe(false);
    const ofBackups = COMPONENTS.filter((component) => mayList(component, "backups/us-east/", "s3:ListBucketVersions"));
    expect(ofBackups).toEqual(["restore"]);
  });

  it.each(COMPONENTS)("lets %s decrypt only through S3 and for this bucket", (component) => {
    expect(mayUseKey(component, "kms:Decrypt", THROUGH_S3)).toBe(true);
    expect(mayUseKey(component, "kms:Decrypt", {})).toBe(false);
    const elsewhere = { ...THROUGH_S3, "kms:ViaService": "s3.eu-west-1.amazonaws.com" };
    expect(mayUseKey(component, "kms:Decrypt", elsewhere)).toBe(false);
    const another = { ...THROUGH_S3, "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::another" };
    expect(mayUseKey(component, "kms:Decrypt", another)).toBe(false);
  });

  it("lets only components that write encrypt", () => {
    const writers = COMPONENTS.filter((component) => mayUseKey(component, "kms:GenerateDataKey", THROUGH_S3));
    expect(writers).toEqual(["server", "backup", "restore", "move-in"]);
  });

  it.each(COMPONENTS)("lets %s read exactly the named secrets through Secrets Manager", (component) => {
    const read = { action: "secretsmanager:GetSecretValue", resource: SECRET };
    expect(allows(statements(component), read)).toBe(true);
    expect(allows(statements(component), { ...read, resource: SECRET.replace("api-key", "other") })).toBe(false);
    const context = { "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com" };
    expect(mayUseKey(component, "kms:Decrypt", { ...context, "kms:EncryptionContext:SecretARN": SECRET })).toBe(true);
    expect(mayUseKey(component, "kms:Decrypt", { ...context, "kms:EncryptionContext:SecretARN": "other" })).toBe(false);
  });
});
