import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { parse } from "yaml";
import { ExitCode } from "../../model/errors";
import { STATE_BUCKET_PREFIX, STATE_KEY_ALIAS } from "../../model/names";
import { broken, type CheckResult, ok, together, warning } from "../checks/checkResult";
import { failureOf } from "../engine/failure";
import { type Engine, EngineFailed, runEngine } from "../engine/processGroup";
import { type Backend, initCommand } from "../stacks/backend";
import type { Project } from "../stacks/project";

/** Judges the state backend by its URL. */
export function stateBackend(backend: Backend): CheckResult {
  switch (backend.kind) {
    case "s3":
      return backend.foreign
        ? warning(`${backend.url}: not Amazon S3`, "check by hand that it keeps versions and blocks public access")
        : ok(`the bucket ${backend.bucket}`);
    case "cloud":
      return ok(`${backend.url}, which keeps versions; CI needs PULUMI_ACCESS_TOKEN`);
    case "file":
      return warning(
        `${backend.url}: stored only on this machine: lost if the machine is lost, and not shared`,
        "create a state bucket and set it as `backend.url` in Pulumi.yaml (docs/deploy.md, step 1)",
      );
    case "other":
      return warning(`${backend.url}: not checked`, "check by hand that it keeps versions and blocks public access");
  }
}

/** Checks that the bucket exists. The result's value is the bucket's AWS region. */
export async function stateBucket(s3: S3Client, Bucket: string): Promise<CheckResult<string | undefined>> {
  const head = await s3.send(new HeadBucketCommand({ Bucket })).catch(absent);
  if (!head)
    return broken(`the bucket ${Bucket} does not exist`, "create it (docs/deploy.md, step 1)", ExitCode.BadInput);
  return ok(`${Bucket} in ${head.BucketRegion ?? "an unknown region"}`, head.BucketRegion);
}

interface BucketNeeds {
  /** The AWS region of the bucket. */
  readonly at: string | undefined;
  /** AWS regions of the fleet. */
  readonly awsRegions: readonly string[];
  /** Whether CI's roles need access to the bucket. */
  readonly ci: boolean;
}

/** Checks that the bucket is versioned, private, and outside the fleet's AWS regions. */
export async function bucketSettings(
  s3: S3Client,
  bucket: string,
  { at: region, awsRegions, ci }: BucketNeeds,
): Promise<CheckResult> {
  const Bucket = bucket;
  const [versioning, access] = await Promise.all([
    s3.send(new GetBucketVersioningCommand({ Bucket })),
    s3.send(new GetPublicAccessBlockCommand({ Bucket })).catch(absent),
  ]);
  const blocks = access?.PublicAccessBlockConfiguration ?? {};
  const closed =
    blocks.BlockPublicAcls && blocks.BlockPublicPolicy && blocks.IgnorePublicAcls && blocks.RestrictPublicBuckets;
  return together([
    versioning.Status === "Enabled"
      ? ok(`${bucket} is versioned`)
      : broken(
          `${bucket} has no versioning: an overwritten state is lost`,
          `turn it on: aws s3api put-bucket-versioning --bucket ${bucket} --versioning-configuration Status=Enabled`,
          ExitCode.BadInput,
        ),
    closed
      ? ok("it blocks public access")
      : broken(
          `${bucket} does not block public access`,
          `block it: aws s3api put-public-access-block --bucket ${bucket} --public-access-block-configuration ` +
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
          ExitCode.BadInput,
        ),
    region !== undefined && awsRegions.includes(region)
      ? warning(
          `${bucket} is in ${region}, a region of the fleet: if that region is lost, nothing can be deployed`,
          "keep the state in an AWS region outside the fleet",
        )
      : ok("it is outside the fleet's regions"),
    ci && !bucket.startsWith(STATE_BUCKET_PREFIX)
      ? warning(
          `CI's roles can only access buckets whose names begin with ${STATE_BUCKET_PREFIX}`,
          "rename it, or change model/names.ts",
        )
      : ok("CI's roles can access it"),
  ]);
}

function absent(error: unknown): undefined {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  if (/^(NotFound|NoSuchBucket|NoSuchPublicAccessBlockConfiguration)$/.test(name ?? "")) return undefined;
  if ($metadata?.httpStatusCode === 404) return undefined;
  throw error;
}

/** Checks in each stack's file how its secrets are encrypted. A stack that does not exist yet passes. */
export function secretsProviders({ directory, stacks }: Project, backend: Backend): CheckResult {
  const provider = `awskms://${STATE_KEY_ALIAS}?region=…`;
  const change = (stack: string) => `pulumi stack change-secrets-provider -s ${stack} "${provider}"`;
  return together(
    [...stacks.keys()].map((stack) => {
      const { secretsprovider, encryptedkey, encryptionsalt } = stackFile(directory, stack);
      if (encryptedkey && secretsprovider) return ok("every existing stack is encrypted with a cloud KMS key");
      if (secretsprovider && secretsprovider !== "passphrase")
        return broken(
          `Pulumi.${stack}.yaml has a secretsprovider but no encryptedkey`,
          `commit the encryptedkey that \`pulumi stack init\` wrote, or run ${change(stack)}`,
          ExitCode.BadInput,
        );
      if (encryptionsalt && backend.kind !== "file")
        return broken(
          `${stack}'s secrets are encrypted with a passphrase that every deployer and CI would have to share`,
          change(stack),
          ExitCode.BadInput,
        );
      return ok(encryptionsalt ? "encrypted with a passphrase" : "encrypted by the backend, or not created yet");
    }),
  );
}

function stackFile(directory: string, stack: string): Record<string, string | undefined> {
  const file = join(directory, `Pulumi.${stack}.yaml`);
  return existsSync(file) ? (parse(readFileSync(file, "utf8")) ?? {}) : {};
}

/** Checks that each stack exists in the backend. */
export async function stacksExist(
  engine: Engine,
  { directory, stacks }: Project,
  backend: Backend,
): Promise<CheckResult> {
  const environment = { PULUMI_SKIP_UPDATE_CHECK: "true" };
  const listed = await runEngine(engine, ["stack", "ls", "--json"], directory, environment).catch((error: unknown) => {
    if (!(error instanceof EngineFailed)) throw error;
    return error;
  });
  if (listed instanceof EngineFailed) return unlisted(listed, backend);
  const known = (JSON.parse(listed) as { name: string }[]).map(({ name }) => name.split("/").at(-1));
  const missing = [...stacks.keys()].filter((stack) => !known.includes(stack));
  if (missing.length === 0) return ok([...stacks.keys()].join(", "));
  return broken(
    `these stacks do not exist in the backend: ${missing.join(", ")}`,
    missing.map((stack) => initCommand(stack, backend)).join("\n"),
    ExitCode.StackMissing,
  );
}

function unlisted(error: EngineFailed, { url }: Backend): CheckResult {
  const { message, exitCode } = failureOf(error);
  const loggedOut = /PULUMI_ACCESS_TOKEN|pulumi login|not logged in/.test(message);
  return broken(
    `the Pulumi engine cannot list the stacks: ${message}`,
    `pulumi login "${url}"`,
    loggedOut ? ExitCode.Unauthenticated : exitCode,
  );
}
