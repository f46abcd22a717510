import { z } from "zod";
import { roleArn } from "../../config/fields";
import { ADMINISTRATOR_NEEDED, schemas } from "../../config/schema";
import { SIZE_NAMES } from "../../config/sizes";

const { owner, zone, hostname, cloudflareAccountId, githubRepository, flowRepository, topology, regions, schedules } =
  schemas.fleet.shape;

/** Where the state may be kept; `login` leaves it to where `pulumi login` points. */
const backendUrl = z.string().regex(/^(s3:\/\/[a-z0-9][a-z0-9.-]{2,62}(\/\S*)?(\?\S+)?|https:\/\/\S+|file:\/\/\S+)$/, {
  error: "must be s3://bucket?region=…&awssdk=v2, https://… (Pulumi Cloud), or file://…",
});

/** What `init` needs to know, each field by the rules of the config itself. */
export const fields = {
  owner,
  zone,
  hostname,
  cloudflareAccountId,
  githubRepository,
  flowRepository,
  topology,
  regions,
  notificationEmails: schemas.edge.shape.notificationEmails,
  /** Roles that administer every region's clusters, beside CI's. */
  adminRoleArns: z.array(roleArn),
  /** Networks that may reach every region's Kubernetes API. */
  publicAccessCidrs: schemas.region.shape.cluster.unwrap().shape.publicAccessCidrs.unwrap(),
  /** Absent: where `pulumi login` points. */
  backendUrl: backendUrl.optional(),
  /** What each region's config is written by (config/sizes.ts). Absent: none of it is touched. */
  size: z.enum(SIZE_NAMES).optional(),
  /** Absent: the first region holds them, and a witness is proposed (proposeWitness). */
  schedules: schedules.unwrap().optional(),
};

/**
 * The answers as a whole. What holds between them (the host name inside the zone, networks apart) is left to the
 * config's own check of the files made from them.
 */
export const answersSchema = z
  .strictObject(fields)
  .refine(({ githubRepository, adminRoleArns }) => githubRepository !== undefined || adminRoleArns.length > 0, {
    path: ["adminRoleArns"],
    error: ADMINISTRATOR_NEEDED,
  });

export type Answers = z.infer<typeof answersSchema>;

/** What is wrong with one value, in words; undefined where nothing is. */
export function problemOf(field: z.ZodType, value: unknown): string | undefined {
  const { error } = field.safeParse(value);
  return error?.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message))
    .join("; ");
}
