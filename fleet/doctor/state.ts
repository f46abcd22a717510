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
import type { Backend } from "../stacks/backend";
import type { Project } from "../stacks/project";

/** What can be said of the backend by its address alone. */
export function stateBackend(backend: Backend): CheckResult {
  switch (backend.kind) {
    case "s3":
      return backend.foreign
        ? warning(`${backend.url}: not AWS's S3`, "check yourself that it keeps versions and is private")
        : ok(`the bucket ${backend.bucket}`);
    case "cloud":
      return ok(`${backend.url}, which keeps versions; CI needs PULUMI_ACCESS_TOKEN`);
    case "file":
      return warning(
        `${backend.url}: stored on one machine, lost with it, and not shared`,
        "create a state bucket and set it as `backend.url` in Pulumi.yaml (docs/deploy.md, step 1)",
      );
    case "other":
      return warning(`${backend.url}: not checked`, "check yourself that it keeps versions and is private");
  }
}

/** That the bucket is there; its value is the AWS region it is in. */
export async function stateBucket(s3: S3Client, Bucket: string): Promise<CheckResult<string | undefined>> {
  const head = await s3.send(new HeadBucketCommand({ Bucket })).catch(absent);
  if (!head)
    return broken(`the bucket ${Bucket} does not exist`, "create it (docs/deploy.md, step 1)", ExitCode.BadInput);
  return ok(`${Bucket} in ${head.BucketRegion ?? "an unknown region"}`, head.BucketRegion);
}

interface BucketNeeds {
  /** The AWS region of the bucket. */
  readonly at: string | undefined;
  /** Those of the fleet. */
  readonly awsRegions: readonly string[];
  /** Whether CI's roles must find it. */
  readonly ci: boolean;
}

/** That it keeps versions, is private, and does not fall with a region whose state it holds. */
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
      ? ok(`${bucket} keeps versions`)
      : broken(
          `${bucket} has no versioning: an overwritten state is lost`,
          `aws s3api put-bucket-versioning --bucket ${bucket} --versioning-configuration Status=Enabled`,
          ExitCode.BadInput,
        ),
    closed
      ? ok("is private")
      : broken(
          `${bucket} does not block public access`,
          `aws s3api put-public-access-block --bucket ${bucket} --public-access-block-configuration ` +
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
          ExitCode.BadInput,
        ),
    region !== undefined && awsRegions.includes(region)
      ? warning(
          `${bucket} is in ${region}, a region of the fleet: if it is lost, nothing can be deployed`,
          "keep the state in an AWS region outside the fleet",
        )
      : ok("is outside the fleet's regions"),
    ci && !bucket.startsWith(STATE_BUCKET_PREFIX)
      ? warning(
          `CI's roles may only open buckets whose names begin with ${STATE_BUCKET_PREFIX}`,
          "rename it, or change model/names.ts",
        )
      : ok("named as CI's roles expect"),
  ]);
}

function absent(error: unknown): undefined {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  if (/^(NotFound|NoSuchBucket|NoSuchPublicAccessBlockConfiguration)$/.test(name ?? "")) return undefined;
  if ($metadata?.httpStatusCode === 404) return undefined;
  throw error;
}

/** What each stack's file says of how its secrets are encrypted; a stack that was not made yet says nothing. */
export function secretsProviders({ directory, stacks }: Project, backend: Backend): CheckResult {
  const provider = `awskms://${STATE_KEY_ALIAS}?region=…`;
  const change = (stack: string) => `pulumi stack change-secrets-provider -s ${stack} "${provider}"`;
  return together(
    [...stacks.keys()].map((stack) => {
      const { secretsprovider, encryptedkey, encryptionsalt } = stackFile(directory, stack);
      if (encryptedkey && secretsprovider) return ok("every existing stack uses a key of a cloud's key service");
      if (secretsprovider && secretsprovider !== "passphrase")
        return broken(
          `Pulumi.${stack}.yaml has a secretsprovider but no encryptedkey`,
          `commit what \`pulumi stack init\` wrote, or ${change(stack)}`,
          ExitCode.BadInput,
        );
      if (encryptionsalt && backend.kind !== "file")
        return broken(
          `${stack}'s secrets are encrypted with a passphrase that every deployer and CI would have to share`,
          change(stack),
          ExitCode.BadInput,
        );
      return ok(encryptionsalt ? "a passphrase" : "by the backend, or not created yet");
    }),
  );
}

function stackFile(directory: string, stack: string): Record<string, string | undefined> {
  const file = join(directory, `Pulumi.${stack}.yaml`);
  return existsSync(file) ? (parse(readFileSync(file, "utf8")) ?? {}) : {};
}

/** Whether each stack is there to deploy into. */
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
    `not in the backend: ${missing.join(", ")}`,
    missing.map((stack) => initCommand(stack, backend)).join("\n"),
    ExitCode.StackMissing,
  );
}

function unlisted(error: EngineFailed, { url }: Backend): CheckResult {
  const { message, exitCode } = failureOf(error);
  const loggedOut = /PULUMI_ACCESS_TOKEN|pulumi login|not logged in/.test(message);
  return broken(
    `the engine cannot list the stacks: ${message}`,
    `pulumi login "${url}"`,
    loggedOut ? ExitCode.Unauthenticated : exitCode,
  );
}

/** How a stack is made, with the secrets provider that suits the backend. */
export function initCommand(stack: string, backend: Backend): string {
  if (backend.kind === "cloud") return `pulumi stack init ${stack}`;
  if (backend.kind === "file") return `pulumi stack init ${stack} --secrets-provider passphrase`;
  const known = backend.kind === "s3" ? backend.region : undefined;
  const region = known || "<region of the state>";
  return `pulumi stack init ${stack} --secrets-provider "awskms://${STATE_KEY_ALIAS}?region=${region}"`;
}
