import { EC2Client } from "@aws-sdk/client-ec2";
import { ECRClient } from "@aws-sdk/client-ecr";
import { IAMClient } from "@aws-sdk/client-iam";
import { RDSClient } from "@aws-sdk/client-rds";
import { S3Client } from "@aws-sdk/client-s3";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { STSClient } from "@aws-sdk/client-sts";
import Cloudflare from "cloudflare";

/** Timeout of one attempt; after {@link TRIES} attempts the service counts as unreachable. */
const ANSWER_WITHIN_MS = 15_000;
const TRIES = 2;

/**
 * Creates the clouds' clients. They read the same settings as the vendors' tools: AWS profile, access keys and
 * AWS_ENDPOINT_URL; CLOUDFLARE_API_TOKEN and CLOUDFLARE_BASE_URL.
 */
export function clients(environment: NodeJS.ProcessEnv) {
  const aws = (region: string) => ({
    region,
    maxAttempts: TRIES,
    requestHandler: { connectionTimeout: ANSWER_WITHIN_MS, requestTimeout: ANSWER_WITHIN_MS },
  });
  return {
    sts: (region: string) => new STSClient(aws(region)),
    iam: (region: string) => new IAMClient(aws(region)),
    ec2: (region: string) => new EC2Client(aws(region)),
    ecr: (region: string) => new ECRClient(aws(region)),
    rds: (region: string) => new RDSClient(aws(region)),
    quotas: (region: string) => new ServiceQuotasClient(aws(region)),
    s3: (region: string) =>
      new S3Client({
        ...aws(region),
        followRegionRedirects: true,
        // An emulator has no subdomains for buckets.
        forcePathStyle: Boolean(environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL),
      }),
    cloudflare: () =>
      new Cloudflare({
        apiToken: environment.CLOUDFLARE_API_TOKEN || null,
        // The client would also send a global API key, which could hide the token's missing permissions.
        apiKey: null,
        apiEmail: null,
        userServiceKey: null,
        maxRetries: TRIES - 1,
        timeout: ANSWER_WITHIN_MS,
      }),
  };
}

export type Clients = ReturnType<typeof clients>;
