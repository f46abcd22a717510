import { z } from "zod";
import { isOfInternet, parseCidr } from "../model/addresses";
import { cron } from "../model/cron";
import { impossibleClass } from "../model/databaseClass";
import { parseImage } from "../model/images";
import { kubernetesSupport, NEWEST_KUBERNETES, OLDEST_KUBERNETES } from "../model/kubernetesVersions";
import { AWS_REGION_NAMES } from "../model/places";
import { gibibytes } from "../model/quantity";
import { didYouMean } from "./suggestion";

export const awsRegionName = z.string().superRefine((name, context) => {
  if (AWS_REGION_NAMES.includes(name)) return;
  const message = `must be an AWS region this version knows (model/places.ts)${didYouMean(name, AWS_REGION_NAMES)}`;
  context.addIssue({ code: "custom", message });
});

/**
 * Value of a tag, in any script. Combining marks are not allowed, because IAM rejects them in tags (API reference,
 * `Tag`: letters, numbers, separators); normalization converts accents to precomposed letters if possible.
 */
export const tagValue = z
  .string()
  .normalize("NFC")
  .regex(
    /^[\p{L}\p{N}_.@ +-]{1,64}$/u,
    "must be 1 to 64 letters of any script, digits, spaces or . _ @ + -, without combining marks",
  );

/**
 * Name of a region, which is part of resource names in every cloud. It is short, because S3 allows 63 characters and
 * IAM roles 64.
 */
export const regionName = z
  .string()
  .max(16, "must have at most 16 characters")
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, "must be lower-case words joined by hyphens, such as us-east");

export const hostname = z
  .string()
  .regex(/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/, "must be a lower-case host name");

export const roleArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, "must be the ARN of an IAM role");

export const cidr = z.string().refine((value) => parseCidr(value) !== undefined, {
  error: "must be an IPv4 network such as 10.16.0.0/16",
  abort: true,
});

/** CIDR block that may reach the public endpoint of a cluster's API. */
export const publicAccessCidr = cidr
  .refine((value) => Number(value.split("/")[1]) >= 8, {
    error: "a network wider than /8 opens the API to the internet: list your own networks",
    abort: true,
  })
  // EKS rejects private, reserved and documentation networks: "The following CIDRs are not allowed in
  // publicAccessCidrs".
  .refine(
    isOfInternet,
    "must be a public network that you connect from: EKS rejects private and reserved ones, and the cluster's own VPC needs no entry",
  );

export const kubernetesVersion = z
  .string()
  .regex(/^1\.[1-9]\d$/, { error: 'must be a minor version such as "1.35", in quotes', abort: true })
  .superRefine((version, context) => {
    const message = {
      supported: undefined,
      newer: undefined,
      ended: `is no longer supported by EKS: use "${OLDEST_KUBERNETES}" or later, best "${NEWEST_KUBERNETES}"`,
      none: `is not a known version: use "${NEWEST_KUBERNETES}", the newest in model/kubernetesVersions.ts`,
    }[kubernetesSupport(version)];
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

export const databaseClass = z
  .string()
  .regex(/^db\.[a-z0-9]+\.[a-z0-9]+$/, { error: "must be an RDS class such as db.m7g.large", abort: true })
  .superRefine((instanceClass, context) => {
    const message = impossibleClass(instanceClass);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

/** Retention of logs, in days: one of the values that CloudWatch Logs accepts (PutRetentionPolicy). */
export const logRetentionDays = z
  .union(
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653].map(
      (days) => z.literal(days),
    ),
  )
  .default(90);

export const image = z.string().transform((value, context) => {
  const parsed = parseImage(value);
  if (typeof parsed === "string") {
    context.addIssue({ code: "custom", message: parsed });
    return z.NEVER;
  }
  return parsed;
});

/**
 * CPU cores with at most three decimals, the limit of Kubernetes ("Resource Management for Pods and Containers", CPU
 * resource units).
 */
export const cpuQuantity = z.string().regex(/^(?=.*[1-9])(\d+m|\d+(\.\d{1,3})?)$/, {
  error: 'must be cores such as "1", "0.5" or 500m, with at most three decimals',
  abort: true,
});

/** Memory that an idle LangFlow needs, GiB: about 0.5 per process. */
const MEMORY_GIB_MIN = 0.5;

/** Bytes with a suffix that Kubernetes supports: without `m`, a thousandth of a byte, and `k` only in lower case. */
export const memoryQuantity = z
  .string()
  .regex(/^\d+(\.\d+)?(k|[MGT]|[KMGT]i)?$/, { error: "must be bytes such as 2Gi, 1536Mi or 2G", abort: true })
  .refine((text) => gibibytes(text) >= MEMORY_GIB_MIN, {
    error: "must be at least 512Mi: LangFlow needs it to start",
    abort: true,
  });

/** Pattern of a field in a cron expression: `*`, numbers, names of months and days, and ranges of these, with steps. */
const CRON_PART = "(\\*|\\w+(-\\w+)?)(/\\d+)?";
const CRON_FIELD = `${CRON_PART}(,${CRON_PART})*`;
const FIVE_FIELDS = new RegExp(`^${CRON_FIELD}( ${CRON_FIELD}){4}$`);
/**
 * Syntax that croner accepts but Kubernetes rejects (robfig/cron, `ParseStandard`): last days, nearest weekdays, and
 * Sunday as 7.
 */
const OTHER_DIALECT = /\d[LW]|\bLW?\b| \S*(?<!\/)\b7\b\S*$/i;

/** Cron expression of five fields, in UTC, as for a Kubernetes CronJob. It must occur at least once. */
export const schedule = z.string().superRefine((text, context) => {
  const message = cronProblem(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

function cronProblem(text: string): string | undefined {
  if (!FIVE_FIELDS.test(text) || OTHER_DIALECT.test(text))
    return 'must be a cron expression of five fields, such as "17 3 * * *"';
  try {
    const next = cron(text).nextRun();
    return next === null ? "must be a cron expression that matches an existing date" : undefined;
  } catch {
    // The library's own message counts days and months from 0.
    return "must be a cron expression within minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-6, steps of 1 or more";
  }
}

/**
 * Maximum number of entries. Together with the maximum length of a rule, it limits the environment variable that holds
 * all entries: Linux allows 128 KiB (execve(2), MAX_ARG_STRLEN).
 */
export const ALLOWED_SECRETS_MAX = 1000;
const RULE_LENGTH_MAX = 80;

/**
 * Flow, or rule for a flow, to record in Git even though it appears to contain a secret. Ids are lower-case, as
 * LangFlow writes them, because they are compared as strings.
 */
export const allowedSecret = z
  .string()
  .regex(
    new RegExp(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(/[@\\w][\\w@./-]{0,${RULE_LENGTH_MAX - 1}})?$`),
    "must be a flow id in lower case, or `<flow id>/<rule>`, as in the log line of the held flow",
  );

/** Name of a secret in the foundation's `alertingSecrets`; it becomes a JSON key there and a file name in a pod. */
export const secretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{1,63}$/, "must be the name of a secret of alertingSecrets: capitals, digits and _");

/** Host and port of a mail server. */
export const smarthost = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}:\d{1,5}$/,
    "must be the host and port of a mail server, such as smtp.example.com:587",
  );

export const topicArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/, "must be the ARN of an SNS topic");

/** Id of an identity provider or a group in Cloudflare Access: a UUID. */
export const accessId = z
  .string()
  .regex(
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    "must be an id of Cloudflare Access: 36 characters, letters in lower case",
  );

/** Name of a service token; part of a resource's name and of its title in Cloudflare's dashboard. */
export const tokenName = z
  .string()
  .max(32, "must have at most 32 characters")
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, "must be lower-case words joined by hyphens, such as nightly-report");

/** Codes of Cloudflare's health-check regions (Load Balancing API, `check_regions`). */
export const CHECK_REGIONS = [
  "WNAM",
  "ENAM",
  "WEU",
  "EEU",
  "NSAM",
  "SSAM",
  "OC",
  "ME",
  "NAF",
  "SAF",
  "SAS",
  "SEAS",
  "NEAS",
] as const;
