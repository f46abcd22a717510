import type { z } from "zod";
import { awsRegionName } from "../../config/fields";
import { ADMINISTRATOR_NEEDED } from "../../config/schema";
import { parseBackend } from "../stacks/backend";
import { type Answers, fields, problemOf } from "./answers";
import { completed, type GivenRegion } from "./given";
import { proposeCidr, proposeName, proposeWitness } from "./proposals";
import { chosenSize, SIZE_CHOICES } from "./size";

/** Prompts of @inquirer/prompts. Tests use a different implementation. */
export interface Prompter {
  input(question: { message: string; default?: string; validate: (text: string) => true | string }): Promise<string>;
  select(question: { message: string; choices: readonly string[]; default?: string }): Promise<string>;
  confirm(question: { message: string; default: boolean }): Promise<boolean>;
}

const MIN_REGIONS = 2;

/** Answer with which the user rejects a proposal without an alternative. */
const NONE = "-";

/**
 * Asks all questions. Validates each answer before the next question.
 *
 * @param before earlier answers, which become proposals
 */
export async function ask(prompter: Prompter, before: Partial<Answers> = {}): Promise<Answers> {
  const text = (message: string, field: z.ZodType, proposal?: string) =>
    prompter.input({ message, default: proposal, validate: (answer) => problemOf(field, answer) ?? true });
  const list = async (message: string, field: z.ZodType, proposal?: readonly string[]) =>
    split(
      await prompter.input({
        message: `${message}, separated by commas`,
        default: proposal?.join(", "),
        validate: (answer) => problemOf(field, split(answer)) ?? true,
      }),
    );
  const optional = async (message: string, field: z.ZodType, proposal?: string) => {
    const answer = await prompter.input({
      message: `${message} (${NONE} for none)`,
      default: proposal ?? NONE,
      validate: (given) => (given === NONE ? undefined : problemOf(field, given)) ?? true,
    });
    return answer === NONE ? undefined : answer;
  };

  const owner = await text("Owner of the resources", fields.owner, before.owner);
  const zone = await text("Cloudflare zone (the domain of LangFlow's public name)", fields.zone, before.zone);
  const inside = fields.hostname.refine((name) => name === zone || name.endsWith(`.${zone}`), `is not inside ${zone}`);
  const hostname = await text(
    "Public name of LangFlow",
    inside,
    inside.safeParse(before.hostname).data ?? `langflow.${zone}`,
  );
  const { cloudflareAccountId: account, githubRepository: repository } = before;
  const cloudflareAccountId = await text("Cloudflare account id", fields.cloudflareAccountId, account);
  const { url: remote, branch: line } = fields.flowRepository.unwrap().shape;
  const url = await optional("Git repository for flows, https://…", remote, before.flowRepository?.url);
  const branch = url && (await text("Its branch", line, before.flowRepository?.branch ?? "main"));
  const githubRepository = await optional(
    "GitHub repository whose workflows deploy, owner/name",
    fields.githubRepository,
    repository,
  );
  const topology = await prompter.select({ message: "Topology", choices: ["active-active", "active-standby"] });
  const regions = await askRegions(prompter, text, before.regions);
  const size = chosenSize(await prompter.select({ message: "Size of each region", choices: SIZE_CHOICES }));
  const adminRoleArns = await list(
    "ARNs of IAM roles that administer the clusters, including yours",
    githubRepository === undefined ? fields.adminRoleArns.min(1, ADMINISTRATOR_NEEDED) : fields.adminRoleArns,
  );
  const publicAccessCidrs = await list("Public networks (CIDRs) you deploy from", fields.publicAccessCidrs);
  const notificationEmails = await list(
    "E-mail addresses to notify when a region fails",
    fields.notificationEmails,
    before.notificationEmails,
  );
  const backendUrl = await optional("State backend, s3://…?region=…&awssdk=v2", fields.backendUrl, before.backendUrl);
  const taken = regions.map((region) => region.awsRegion);
  const witness = await optional(
    "AWS region of the witness (needed to take over a lost region's schedules)",
    awsRegionName.refine(
      (name) => !taken.includes(name),
      "is a region of the fleet and would fail with it: choose a different one",
    ),
    proposeWitness([before.schedules?.witness?.awsRegion, backendUrl && stateRegion(backendUrl)], taken),
  );
  return {
    owner,
    zone,
    hostname,
    cloudflareAccountId,
    githubRepository,
    topology: topology as Answers["topology"],
    flowRepository: url && branch ? { url, branch } : undefined,
    regions,
    size,
    adminRoleArns,
    publicAccessCidrs,
    notificationEmails,
    backendUrl,
    schedules: {
      ...before.schedules,
      region: regions.find(({ name }) => name === before.schedules?.region)?.name,
      witness: witness === undefined ? undefined : { awsRegion: witness },
    },
  };
}

async function askRegions(
  prompter: Prompter,
  text: (message: string, field: z.ZodType, proposal?: string) => Promise<string>,
  before: Answers["regions"] | undefined,
): Promise<Answers["regions"]> {
  const kept = before?.map((region) => region.name).join(", ");
  if (before && (await prompter.confirm({ message: `Keep the regions ${kept}`, default: true }))) return before;
  const { name, awsRegion, cidr } = fields.regions.element.shape;
  const given: (GivenRegion & { name: string; cidr: string })[] = [];
  while (given.length < MIN_REGIONS || (await prompter.confirm({ message: "Another region", default: false }))) {
    const which = `Region ${given.length + 1}`;
    const taken = (key: "name" | "awsRegion" | "cidr") => given.map((region) => region[key]);
    const another = <T extends z.ZodType<string>>(field: T, key: "name" | "awsRegion") =>
      field.refine((value) => !taken(key).includes(value), "is already used");
    const place = await text(`${which}: AWS region`, another(awsRegion, "awsRegion"));
    const own = await text(`${which}: our name for it`, another(name, "name"), proposeName(place, taken("name")));
    const apart = cidr.superRefine((value, context) => {
      const candidate = completed([...given, { awsRegion: place, name: own, cidr: value }]);
      for (const { path, message } of fields.regions.safeParse(candidate).error?.issues ?? [])
        if (path[0] === given.length && path[1] === "cidr") context.addIssue({ code: "custom", message });
    });
    const network = await text(`${which}: network`, apart, proposeCidr(taken("cidr")));
    given.push({ awsRegion: place, name: own, cidr: network });
  }
  return completed(given);
}

/** Returns the AWS region of the state's bucket, from its URL. */
export function stateRegion(backendUrl: string): string | undefined {
  const backend = parseBackend(backendUrl);
  return backend.kind === "s3" ? backend.region : undefined;
}

const split = (text: string) => text.split(/[\s,]+/).filter((part) => part !== "");
