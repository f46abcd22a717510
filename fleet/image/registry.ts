import { setTimeout as sleep } from "node:timers/promises";
import { DescribeImagesCommand, DescribeRepositoriesCommand, ECRClient } from "@aws-sdk/client-ecr";
import { ExitCode, UserError } from "../../model/errors";
import { NO_ANSWER } from "../engine/changes";
import { imageText, type Target } from "./targets";

export interface Patience {
  /** Time limit for replication. AWS expects most copies within 30 minutes (ECR user guide, replication). */
  readonly timeoutSeconds: number;
  readonly pollMs: number;
  readonly signal: AbortSignal;
}

/**
 * Waits until an image is in its region's registry, by digest.
 *
 * @returns the reference for cosign and pods: `host/repository@digest`. The host comes from AWS, because its domain
 * differs between AWS' partitions
 * @throws UserError exit 4 if the repository does not exist, or the image does not and the timeout is 0; 9 if the image
 * did not arrive in time; 3 and 10 if AWS rejected the credentials or did not answer
 */
export async function waitForImage({ region, image }: Target, patience: Patience): Promise<string> {
  const { timeoutSeconds, pollMs, signal } = patience;
  const { awsRegion } = region;
  const client = new ECRClient({ region: awsRegion });
  const { repository, digest } = image;
  const until = Date.now() + timeoutSeconds * 1000;
  try {
    const found = await client.send(new DescribeRepositoriesCommand({ repositoryNames: [repository] }), {
      abortSignal: signal,
    });
    const uri = found.repositories?.[0]?.repositoryUri;
    if (!uri) throw new Error(`ECR in ${awsRegion} returned no URI for the repository ${repository}`);
    while (!(await holds(client, repository, digest, signal))) {
      if (Date.now() >= until) throw missing(uri, region.name, imageText(image), timeoutSeconds);
      await sleep(pollMs, undefined, { signal });
    }
    return `${uri}@${digest}`;
  } catch (error) {
    throw told(error, `ECR in ${awsRegion}`, repository, signal);
  } finally {
    client.destroy();
  }
}

async function holds(client: ECRClient, repositoryName: string, imageDigest: string, abortSignal: AbortSignal) {
  try {
    await client.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageDigest }] }), { abortSignal });
    return true;
  } catch (error) {
    if (nameOf(error) === "ImageNotFoundException") return false;
    throw error;
  }
}

function missing(uri: string, region: string, image: string, timeoutSeconds: number): UserError {
  const waited = timeoutSeconds > 0 ? ` after ${timeoutSeconds} seconds` : "";
  return new UserError(
    `${uri} (${region}) does not have ${image}${waited}: a region receives only images pushed after it was added. Rebuild the image with the Image workflow, or copy it with its digest unchanged`,
    timeoutSeconds > 0 ? ExitCode.TimedOut : ExitCode.ResourceFailed,
  );
}

const REFUSED = /^(AccessDenied|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|InvalidSignature|Credentials)/;

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

/** Converts an error of the AWS client into a message for the operator. */
function told(error: unknown, where: string, repository: string, signal: AbortSignal): unknown {
  if (error instanceof UserError) return error;
  if (signal.aborted) return new UserError("interrupted; nothing was changed", ExitCode.Cancelled);
  const { message } = error as Error;
  if (nameOf(error) === "RepositoryNotFoundException")
    return new UserError(
      `${where} has no repository ${repository}: create it with \`npm run fleet -- up foundation\``,
      ExitCode.ResourceFailed,
    );
  if (REFUSED.test(nameOf(error)))
    return new UserError(
      `${where} rejected the credentials: ${message}; allow ecr:DescribeRepositories and ecr:DescribeImages`,
      ExitCode.Unauthenticated,
    );
  // After its last retry, the client throws an error with the system's code in `code`, or its own timeout error.
  const { code } = error as { code?: string };
  if (NO_ANSWER.test(`${code} ${message}`) || nameOf(error) === "TimeoutError")
    return new UserError(`${where} could not be reached: ${message || code}`, ExitCode.Unreachable);
  return error;
}
