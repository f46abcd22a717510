import { BRANCH, BRANCH_REF, ENVIRONMENT } from "../../model/policies/ciTrust";
import { type CheckResult, ok, together, warning } from "../checks/checkResult";
import type { GitHub } from "../github/client";

/** Name of the status check that pull requests must pass. */
const CHECK = "Test";
/**
 * Repository variables with the runner labels for main's workflows (trusted) and for pull requests' code (untrusted).
 */
const TRUSTED = "CLUSTER_RUNNER";
const UNTRUSTED = "PREVIEW_RUNNER";

const how = (step: string) => `docs/ci.md, Set it up, ${step}`;

/** Returns GitHub's response; undefined if the object does not exist or this token may not see it. */
async function found<T>(asked: Promise<{ data: T }>, also: readonly number[] = []): Promise<T | undefined> {
  try {
    return (await asked).data;
  } catch (error) {
    if ([404, ...also].includes((error as { status?: number }).status ?? 0)) return undefined;
    throw error;
  }
}

/** Checks that the deploy environment has reviewers and allows only the main branch. */
export async function environment({ api, owner, repo }: GitHub): Promise<CheckResult> {
  const place = { owner, repo, environment_name: ENVIRONMENT };
  const made = await found(api.rest.repos.getEnvironment(place));
  if (!made)
    return warning(
      `no environment ${ENVIRONMENT} is visible; the first job that uses it creates it without reviewers`,
      `create it: ${how("2")}`,
    );
  const reviewed = (made.protection_rules ?? []).some(
    (rule) => rule.type === "required_reviewers" && "reviewers" in rule && (rule.reviewers ?? []).length > 0,
  );
  const policy = made.deployment_branch_policy;
  const own = policy?.custom_branch_policies ? await api.rest.repos.listDeploymentBranchPolicies(place) : undefined;
  const others = (own?.data.branch_policies ?? [])
    .filter(({ name, type = "branch" }) => name !== BRANCH || type !== "branch")
    .map(({ name }) => name);
  return together([
    reviewed
      ? ok(`${ENVIRONMENT} has reviewers`)
      : warning(`${ENVIRONMENT} has no reviewers, so every merge is deployed`, `add reviewers: ${how("2")}`),
    policy && others.length === 0
      ? ok(`it allows deployments only from ${policy.protected_branches ? "protected branches" : BRANCH}`)
      : warning(
          `${ENVIRONMENT} is open to ${policy ? others.join(", ") : "every branch and tag"}`,
          `allow deployments only from ${BRANCH}: ${how("2")}`,
        ),
  ]);
}

/** Checks that main accepts only checked pull requests, by a ruleset or by classic branch protection. */
export async function branch({ api, owner, repo }: GitHub): Promise<CheckResult> {
  const place = { owner, repo, branch: BRANCH };
  const { data: rules } = await api.rest.repos.getBranchRules({ ...place, per_page: 100 });
  // Only administrators may read it.
  const older = await found(api.rest.repos.getBranchProtection(place), [403]);
  const has = (type: string) => rules.some((rule) => rule.type === type);
  const checks = [
    ...rules.flatMap((rule) =>
      rule.type === "required_status_checks" ? (rule.parameters?.required_status_checks ?? []) : [],
    ),
    ...(older?.required_status_checks?.checks ?? []),
  ];
  const lacking = [
    ...(has("pull_request") || older?.required_pull_request_reviews ? [] : ["pull requests"]),
    ...(checks.some(({ context }) => context === CHECK) ? [] : [`the check ${CHECK}`]),
    ...(has("non_fast_forward") || (older && !older.allow_force_pushes?.enabled) ? [] : ["no force pushes"]),
  ];
  if (lacking.length === 0)
    return ok(`${BRANCH} requires pull requests and the check ${CHECK}, and blocks force pushes`);
  return warning(`${BRANCH} lacks visible rules: ${lacking.join(", ")}`, `protect it: ${how("5")}`);
}

/**
 * Checks that a ruleset blocks tags named main: GitHub would list their runs as runs of the branch
 * (fleet/github/deployment.ts).
 */
export async function tag({ api, owner, repo }: GitHub): Promise<CheckResult> {
  const ref = `refs/tags/${BRANCH}`;
  const { data: listed } = await api.rest.repos.getRepoRulesets({
    owner,
    repo,
    targets: "tag",
    includes_parents: true,
    per_page: 100,
  });
  for (const { id, enforcement } of listed) {
    if (enforcement !== "active") continue;
    const { data } = await api.rest.repos.getRepoRuleset({ owner, repo, ruleset_id: id, includes_parents: true });
    const names = data.conditions && "ref_name" in data.conditions ? data.conditions.ref_name : undefined;
    const among = (patterns: readonly string[] = []) => patterns.some((pattern) => matches(pattern, ref));
    if (among(names?.include) && !among(names?.exclude) && (data.rules ?? []).some(({ type }) => type === "creation"))
      return ok(`the ruleset ${data.name} blocks tags named ${BRANCH}`);
  }
  return warning(`no visible ruleset blocks tags named ${BRANCH}`, `add one: ${how("5")}`);
}

/** Matches a ref against GitHub's patterns: `~ALL`, and `*` within a path segment (REST reference, "Rules"). */
function matches(pattern: string, ref: string): boolean {
  if (pattern === "~ALL") return true;
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  const whole = escaped.replaceAll("**", "\0").replaceAll("*", "[^/]*").replaceAll("\0", ".*").replaceAll("?", "[^/]");
  return new RegExp(`^${whole}$`).test(ref);
}

interface Runner {
  readonly name: string;
  readonly labels: readonly { readonly name: string }[];
  readonly ephemeral?: boolean;
}

interface Group {
  readonly id: number;
  readonly name: string;
  readonly restricted_to_workflows?: boolean;
  readonly selected_workflows?: readonly string[];
}

/** Checks that code of pull requests never runs on main's runners, as far as the token can see the runners. */
export async function runners(hub: GitHub): Promise<CheckResult> {
  const { api, owner, repo } = hub;
  const variable = async (name: string) =>
    (await found(api.rest.actions.getRepoVariable({ owner, repo, name })))?.value || undefined;
  const [trusted, untrusted] = [await variable(TRUSTED), await variable(UNTRUSTED)];
  if (trusted === undefined) return ok("GitHub-hosted: a new machine for each job");
  if (trusted === untrusted)
    return warning(
      `${UNTRUSTED} and ${TRUSTED} are both ${trusted}: a pull request's code could read the tokens of the next deployment`,
      `use separate runners for previews: ${how("6")}`,
    );
  const labelled = ({ labels }: Runner) => labels.some(({ name }) => name === trusted);
  const { data } = await api.rest.actions.listSelfHostedRunnersForRepo({ owner, repo, per_page: 100 });
  const ofRepository = (data.runners as Runner[]).filter(labelled);
  const groups = await groupsOf(hub);
  const verdicts = await Promise.all(groups.map((group) => groupVerdict(hub, group, trusted, labelled)));
  const judged = [
    ...ofRepository.map(({ name }) =>
      warning(
        `the runner ${name} belongs to the repository, so every workflow may use it, including those of pull requests`,
        toGroup,
      ),
    ),
    ...verdicts.flatMap((verdict) => verdict ?? []),
  ];
  if (judged.length > 0) return together(judged);
  return warning(`no runner with the label ${trusted} is visible`, `check the runners against ${how("6")}`);
}

const toGroup = `move it to a runner group restricted to workflows of ${BRANCH}: ${how("6")}`;

/** Returns no groups if the owner is a user account or the token may not see them. */
async function groupsOf({ api, owner, repo }: GitHub): Promise<readonly Group[]> {
  const asked = api.request("GET /orgs/{org}/actions/runner-groups", { org: owner, visible_to_repository: repo });
  return (await found(asked, [403]))?.runner_groups ?? [];
}

async function groupVerdict(
  { api, owner, repo }: GitHub,
  { id, name, restricted_to_workflows, selected_workflows = [] }: Group,
  label: string,
  labelled: (runner: Runner) => boolean,
): Promise<CheckResult | undefined> {
  const place = { org: owner, runner_group_id: id };
  const { data: own } = await api.request("GET /orgs/{org}/actions/runner-groups/{runner_group_id}/runners", place);
  const hosted = await found(
    api.request("GET /orgs/{org}/actions/runner-groups/{runner_group_id}/hosted-runners", place),
  );
  const members = (own.runners as Runner[]).filter(labelled);
  if (members.length === 0 && !hosted?.runners.some((each) => each.name === label)) return undefined;
  const workflows = `${owner}/${repo}/.github/workflows/`;
  const elsewhere = selected_workflows.filter(
    (each) => !each.startsWith(workflows) || !each.endsWith(`@${BRANCH_REF}`),
  );
  // GitHub's own larger runners use a new machine for each job.
  const lasting = members.filter(({ ephemeral }) => ephemeral === false);
  return together([
    restricted_to_workflows && elsewhere.length === 0
      ? ok(`the group ${name} is restricted to workflows of ${BRANCH}`)
      : warning(
          `the runner group ${name} is open to ${restricted_to_workflows ? elsewhere.join(", ") : "every workflow"}`,
          `restrict it to workflows of ${BRANCH}: ${how("6")}`,
        ),
    ...lasting.map((runner) =>
      warning(
        `the runner ${runner.name} is not ephemeral: processes of a job may outlive the job`,
        `register it with --ephemeral or just-in-time: ${how("6")}`,
      ),
    ),
  ]);
}
