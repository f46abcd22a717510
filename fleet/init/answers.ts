import { z } from "zod";
import { roleArn } from "../../config/fields";
import { ADMINISTRATOR_NEEDED, schemas } from "../../config/schema";
import { SIZE_NAMES } from "../../config/sizes";

const { owner, zone, hostname, cloudflareAccountId, githubRepository, flowRepository, topology, regions, schedules } =
  schemas.fleet.shape;

/** Valid state backends. `init` can also leave the choice to the last `pulumi login`. */
const backendUrl = z.string().regex(/^(s3:\/\/[a-z0-9][a-z0-9.-]{2,62}(\/\S*)?(\?\S+)?|https:\/\/\S+|file:\/\/\S+)$/, {
  error: "must be s3://bucket?region=…&awssdk=v2, https://… (Pulumi Cloud), or file://…",
});

/** Answers that `init` needs. Each field has the config's own validation rules. */
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
  /** Roles that administer every region's clusters, in addition to CI's role. */
  adminRoleArns: z.array(roleArn),
  /** Networks that may reach every region's Kubernetes API. */
  publicAccessCidrs: schemas.region.shape.cluster.unwrap().shape.publicAccessCidrs.unwrap(),
  /** Absent: the backend of the last `pulumi login`. */
  backendUrl: backendUrl.optional(),
  /** Size that determines each region's config (config/sizes.ts). Absent: the regions' sizes remain unchanged. */
  size: z.enum(SIZE_NAMES).optional(),
  /** Absent: the first region runs the schedules, and `proposeWitness` proposes a witness. */
  schedules: schedules.unwrap().extend({ listeners: z.boolean().optional() }).optional(),
};

/**
 * Schema of all answers. Rules between answers, such as the host name within the zone or disjoint networks, are left to
 * the validation of the resulting config files.
 */
export const answersSchema = z
  .strictObject(fields)
  .refine(({ githubRepository, adminRoleArns }) => githubRepository !== undefined || adminRoleArns.length > 0, {
    path: ["adminRoleArns"],
    error: ADMINISTRATOR_NEEDED,
  });

export type Answers = z.infer<typeof answersSchema>;

/** Describes what is wrong with a value, or returns undefined if the value is valid. */
export function problemOf(field: z.ZodType, value: unknown): string | undefined {
  const { error } = field.safeParse(value);
  return error?.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message))
    .join("; ");
}
