import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** State of the fake clouds. Each test changes one part of it. */
export interface Clouds {
  /** Names of AWS errors by action, for example `GetCallerIdentity`, or by `action region`. */
  refusals: Record<string, string>;
  callerArn: string;
  notOptedIn: string[];
  /** Actions that IAM's simulation denies, by name, or by name and the AWS region of the call. */
  deniedActions: string[];
  /** Simulations that IAM was asked for. */
  simulated: Simulation[];
  /** Service-linked roles that already exist. */
  linkedRoles: string[];
  /** Quota values by quota code. */
  quotas: Record<string, number>;
  /** Number of VPCs in each region that do not belong to the fleet. */
  foreignVpcs: number;
  ownAddresses: number;
  /** AWS regions whose registry lacks the images. In `withoutRepository`, it lacks the repository too. */
  withoutImages: string[];
  withoutRepository: string[];
  bucket: { region: string; versioning: string; blocked: boolean } | undefined;
  /** Zone settings by id, or undefined if the token may not read them. */
  settings: Record<string, string> | undefined;
  token: { status: string; accountOwned?: boolean } | undefined;
  zone: { status: string; account: string; plan: string } | undefined;
  steering: string[];
  /** Names of subscriptions, or undefined if the token lacks Billing Read. */
  subscriptions: string[] | undefined;
  /** AWS regions from which RDS cannot copy automated backups to another region. */
  withoutBackupCopies: string[];
  mayListPools: boolean;
  /** Zero Trust settings, or undefined if the token may not read them. Without `team`, the account has no team. */
  access: { team?: string; providers: string[]; tokens: { name: string; expires_at: string }[] } | undefined;
  /** Descriptions of the zone's entry point rulesets by phase, or undefined if the token may not read them. */
  rulesets: Record<string, string> | undefined;
  github: Repository;
  /** Makes every quota have only a default, and no applied value. */
  unchangedQuotas: boolean;
  /** Makes the zones endpoint quote the request's Authorization header in an error. */
  leak: boolean;
}

/** The repository's protection settings on GitHub, in the shapes of its REST API. */
export interface Repository {
  /** The environment `production`, or undefined if it does not exist. */
  environment:
    | { reviewers: number; branches: "all" | "protected" | { name: string; type?: "branch" | "tag" }[] }
    | undefined;
  /** Rules that rulesets apply to main. */
  rules: object[];
  /** Classic branch protection of main: 404 if main has none, 403 if the token lacks administrator access. */
  protection: object | 403 | 404;
  tagRulesets: { name: string; enforcement: string; include: string[]; rules: string[] }[];
  variables: Record<string, string>;
  /** Self-hosted runners of the repository itself. */
  runners: Runner[];
  /** Runner groups of the organization, or undefined if the token may not read them. */
  groups: { name: string; workflows?: string[]; runners: Runner[]; hosted?: string[] }[] | undefined;
}

interface Runner {
  name: string;
  label: string;
  ephemeral?: boolean;
}

export interface Simulation {
  readonly action: string;
  readonly resource: string;
  /** Condition context by key. Entries of type boolean have a boolean value. */
  readonly context: Readonly<Record<string, string | boolean>>;
}

export const ACCOUNT = "210987654321";
export const ZONE_ACCOUNT = "a".repeat(32);
export const TOKEN = "cf-token-that-nobody-may-see";

export const GITHUB_TOKEN = "github-token-that-nobody-may-see";

export const PROVIDER = "66666666-7777-4888-9999-000000000000";

export const healthyClouds = (): Clouds => ({
  refusals: {},
  callerArn: `arn:aws:sts::${ACCOUNT}:assumed-role/deployer/session`,
  notOptedIn: [],
  deniedActions: [],
  simulated: [],
  linkedRoles: ["AWSServiceRoleForRDS"],
  quotas: { "L-F678F1CE": 5, "L-0263D0A3": 5, "L-1194D53C": 100, "L-69A177A2": 50, "L-1216C47A": 64 },
  foreignVpcs: 1,
  ownAddresses: 0,
  withoutImages: [],
  withoutRepository: [],
  bucket: { region: "us-west-2", versioning: "Enabled", blocked: true },
  settings: { ssl: "strict", always_use_https: "on" },
  token: { status: "active" },
  zone: { status: "active", account: ZONE_ACCOUNT, plan: "pro" },
  steering: ["proximity"],
  subscriptions: [],
  withoutBackupCopies: [],
  mayListPools: true,
  access: { team: "team.cloudflareaccess.com", providers: [PROVIDER], tokens: [] },
  rulesets: {},
  github: {
    environment: { reviewers: 1, branches: [{ name: "main", type: "branch" }] },
    rules: [
      { type: "pull_request" },
      { type: "non_fast_forward" },
      { type: "required_status_checks", parameters: { required_status_checks: [{ context: "Test" }] } },
    ],
    protection: 404,
    tagRulesets: [{ name: "no tag main", enforcement: "active", include: ["refs/tags/main"], rules: ["creation"] }],
    variables: {},
    runners: [],
    groups: [],
  },
  unchangedQuotas: false,
  leak: false,
});

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body: string;
}

/** Starts one server that answers AWS, GitHub and Cloudflare requests from the state that `clouds` returns. */
export async function serveClouds(clouds: () => Clouds): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = answerTo(request, Buffer.concat(chunks).toString(), clouds());
    response.writeHead(answer.status ?? 200, answer.headers).end(request.method === "HEAD" ? undefined : answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function answerTo(request: IncomingMessage, body: string, clouds: Clouds): Answer {
  const url = new URL(request.url ?? "/", "http://fake");
  if (url.pathname.startsWith("/client/v4")) return cloudflare(url, request.headers.authorization, clouds);
  if (url.pathname.startsWith("/github/")) return github(url, request.headers.authorization, clouds.github);
  const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const target = request.headers["x-amz-target"] as string | undefined;
  const form = new URLSearchParams(target ? "" : body);
  const action = target?.split(".")[1] ?? form.get("Action");
  if (!action) return bucket(url, clouds);
  const refusal = clouds.refusals[action] ?? clouds.refusals[`${action} ${region}`];
  if (target) {
    if (refusal) return jsonError(refusal);
    if (action === "DescribeImages") return images(region, JSON.parse(body), clouds);
    return action === "GetServiceQuota" && clouds.unchangedQuotas
      ? jsonError("NoSuchResourceException")
      : quota(JSON.parse(body), clouds);
  }
  if (refusal) return queryError(refusal, action.startsWith("Describe") && action !== "DescribeSourceRegions");
  return query(action, form, clouds);
}

const xml = (body: string): Answer => ({ headers: { "content-type": "text/xml" }, body });
const json = (value: unknown, status = 200): Answer => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});
const jsonError = (name: string): Answer => json({ __type: name, message: `${name} said` }, 400);
const queryError = (name: string, ec2: boolean): Answer => {
  const error = `<Error><Type>Sender</Type><Code>${name}</Code><Message>${name} said</Message></Error>`;
  const body = ec2 ? `<Response><Errors>${error}</Errors></Response>` : `<ErrorResponse>${error}</ErrorResponse>`;
  return { status: 403, ...xml(body) };
};

/** Parses a SimulatePrincipalPolicy request into one simulation per action and resource. */
function simulations(form: URLSearchParams): Simulation[] {
  const values = (list: string) =>
    [...form].filter(([key]) => new RegExp(`^${list}\\.member\\.\\d+$`).test(key)).map(([, value]) => value);
  const context: Record<string, string | boolean> = {};
  for (let index = 1; form.has(`ContextEntries.member.${index}.ContextKeyName`); index += 1) {
    const entry = (end: string) => form.get(`ContextEntries.member.${index}.${end}`) ?? "";
    const value = entry("ContextKeyValues.member.1");
    context[entry("ContextKeyName")] = entry("ContextKeyType") === "boolean" ? value === "true" : value;
  }
  return values("ActionNames").flatMap((action) =>
    values("ResourceArns").map((resource) => ({ action, resource, context })),
  );
}

function query(action: string, form: URLSearchParams, clouds: Clouds): Answer {
  const items = (each: readonly string[]) => each.map((item) => `<item>${item}</item>`).join("");
  switch (action) {
    case "GetCallerIdentity":
      return result(action, `<Arn>${clouds.callerArn}</Arn><Account>${ACCOUNT}</Account><UserId>x</UserId>`);
    case "GetRole":
      if (
        form.get("RoleName")?.startsWith("AWSServiceRole") &&
        !clouds.linkedRoles.includes(form.get("RoleName") ?? "")
      )
        return queryError("NoSuchEntity", false);
      return result(action, `<Role><Arn>arn:aws:iam::${ACCOUNT}:role/${form.get("RoleName")}</Arn></Role>`);
    case "SimulatePrincipalPolicy": {
      const decided = simulations(form).map((each) => {
        const { action: name, resource, context } = each;
        clouds.simulated.push(each);
        // Like CI's deploy role, which may not create roles without the permissions boundary.
        const unbounded =
          name === "iam:CreateRole" &&
          !resource.includes("role/langflow-dr-ci-") &&
          context["iam:PermissionsBoundary"] === undefined;
        const names = [name, `${name} ${context["aws:RequestedRegion"]}`];
        const isDenied = unbounded || names.some((one) => clouds.deniedActions.includes(one));
        const decision = isDenied ? "implicitDeny" : "allowed";
        return `<member><EvalActionName>${name}</EvalActionName><EvalDecision>${decision}</EvalDecision></member>`;
      });
      return result(
        action,
        `<IsTruncated>false</IsTruncated><EvaluationResults>${decided.join("")}</EvaluationResults>`,
      );
    }
    case "DescribeRegions":
      return described(
        action,
        `<regionInfo>${items(
          ["us-east-1", "eu-west-1", "us-west-2"].map(
            (name) =>
              `<regionName>${name}</regionName><optInStatus>${clouds.notOptedIn.includes(name) ? "not-opted-in" : "opt-in-not-required"}</optInStatus>`,
          ),
        )}</regionInfo>`,
      );
    case "DescribeSourceRegions": {
      const name = form.get("RegionName") ?? "";
      const supports = !clouds.withoutBackupCopies.includes(name);
      return result(
        action,
        `<SourceRegions><SourceRegion><RegionName>${name}</RegionName><SupportsDBInstanceAutomatedBackupsReplication>${supports}</SupportsDBInstanceAutomatedBackupsReplication></SourceRegion></SourceRegions>`,
      );
    }
    case "DescribeVpcs":
      return described(
        action,
        `<vpcSet>${items(Array.from({ length: clouds.foreignVpcs }, (_, index) => `<vpcId>vpc-${index}</vpcId>`))}</vpcSet>`,
      );
    case "DescribeAddresses": {
      const tag = "<tagSet><item><key>langflow-dr:region</key><value>us-east</value></item></tagSet>";
      return described(
        action,
        `<addressesSet>${items(Array.from({ length: clouds.ownAddresses }, (_, index) => `<allocationId>e-${index}</allocationId>${tag}`))}</addressesSet>`,
      );
    }
    default:
      return queryError(`the fake knows no ${action}`, false);
  }
}

const result = (action: string, body: string) =>
  xml(`<${action}Response><${action}Result>${body}</${action}Result></${action}Response>`);
const described = (action: string, body: string) => xml(`<${action}Response>${body}</${action}Response>`);

function quota({ QuotaCode }: { QuotaCode: string }, { quotas }: Clouds): Answer {
  return QuotaCode in quotas ? json({ Quota: { Value: quotas[QuotaCode] } }) : jsonError("NoSuchResourceException");
}

function images(region: string, { imageIds }: { imageIds: object[] }, clouds: Clouds): Answer {
  if (clouds.withoutRepository.includes(region)) return jsonError("RepositoryNotFoundException");
  if (clouds.withoutImages.includes(region)) return jsonError("ImageNotFoundException");
  return json({ imageDetails: imageIds });
}

function bucket({ searchParams }: URL, { bucket: state }: Clouds): Answer {
  const failed = (code: string): Answer => ({ status: 404, ...xml(`<Error><Code>${code}</Code></Error>`) });
  if (!state) return failed("NoSuchBucket");
  if (searchParams.has("versioning"))
    return xml(`<VersioningConfiguration><Status>${state.versioning}</Status></VersioningConfiguration>`);
  if (searchParams.has("publicAccessBlock")) {
    if (!state.blocked) return failed("NoSuchPublicAccessBlockConfiguration");
    const all = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    const body = all.map((name) => `<${name}>true</${name}>`).join("");
    return xml(`<PublicAccessBlockConfiguration>${body}</PublicAccessBlockConfiguration>`);
  }
  return { headers: { "x-amz-bucket-region": state.region }, body: "" };
}

function github({ pathname }: URL, authorization: string | undefined, repository: Repository): Answer {
  const refused = (status: number) => json({ message: status === 404 ? "Not Found" : "Forbidden" }, status);
  if (authorization !== `token ${GITHUB_TOKEN}`) return refused(401);
  const ofRunner = ({ name, label, ephemeral }: Runner) => ({
    id: 1,
    name,
    os: "linux",
    status: "online",
    busy: false,
    labels: [
      { name: "self-hosted", type: "read-only" },
      { name: label, type: "custom" },
    ],
    ...(ephemeral !== undefined && { ephemeral }),
  });
  const listed = (runners: Runner[]) => json({ total_count: runners.length, runners: runners.map(ofRunner) });
  const path = pathname.replace("/github/repos/team/langflow-dr/", "");
  const { environment, groups, variables } = repository;
  const variable = /^actions\/variables\/(\w+)$/.exec(path)?.[1];
  if (variable) return variable in variables ? json({ name: variable, value: variables[variable] }) : refused(404);
  const ruleset = /^rulesets\/(\d+)$/.exec(path)?.[1];
  const summaries = repository.tagRulesets.map(({ name, enforcement }, id) => ({
    id,
    name,
    target: "tag",
    enforcement,
  }));
  if (ruleset) {
    const { include = [], rules = [] } = repository.tagRulesets[Number(ruleset)] ?? {};
    const conditions = { ref_name: { include, exclude: [] } };
    return json({ ...summaries[Number(ruleset)], conditions, rules: rules.map((type) => ({ type })) });
  }
  const group = /^\/github\/orgs\/team\/actions\/runner-groups\/(\d+)\/(hosted-)?runners$/.exec(pathname);
  if (group) {
    const { runners = [], hosted = [] } = groups?.[Number(group[1])] ?? {};
    return group[2] ? json({ runners: hosted.map((name) => ({ id: 1, name })) }) : listed(runners);
  }
  switch (path) {
    case "environments/production": {
      if (!environment) return refused(404);
      const { reviewers, branches } = environment;
      const named = Array.from({ length: reviewers }, () => ({ type: "User", reviewer: { login: "somebody" } }));
      return json({
        name: "production",
        protection_rules: [
          ...(reviewers > 0 ? [{ id: 1, type: "required_reviewers", reviewers: named }] : []),
          ...(branches === "all" ? [] : [{ id: 2, type: "branch_policy" }]),
        ],
        deployment_branch_policy:
          branches === "all"
            ? null
            : { protected_branches: branches === "protected", custom_branch_policies: branches !== "protected" },
      });
    }
    case "environments/production/deployment-branch-policies":
      return json({ branch_policies: Array.isArray(environment?.branches) ? environment.branches : [] });
    case "rules/branches/main":
      return json(repository.rules);
    case "branches/main/protection":
      return typeof repository.protection === "number" ? refused(repository.protection) : json(repository.protection);
    case "rulesets":
      return json(summaries);
    case "actions/runners":
      return listed(repository.runners);
    case "/github/orgs/team/actions/runner-groups":
      if (!groups) return refused(403);
      return json({
        total_count: groups.length,
        runner_groups: groups.map(({ name, workflows }, id) => ({
          id,
          name,
          restricted_to_workflows: workflows !== undefined,
          selected_workflows: workflows ?? [],
        })),
      });
    default:
      return refused(404);
  }
}

function cloudflare({ pathname, searchParams }: URL, authorization: string | undefined, clouds: Clouds): Answer {
  const path = pathname.replace("/client/v4", "");
  const answer = (value: unknown) =>
    json({ success: true, errors: [], messages: [], result: value, result_info: { page: 1, per_page: 20 } });
  const refused = (status: number, message: string) =>
    json({ success: false, errors: [{ code: 1000, message }], messages: [], result: null }, status);
  const { token, zone } = clouds;
  if (!token || authorization !== `Bearer ${TOKEN}`) return refused(401, `Invalid API Token ${authorization}`);
  if (path === "/user/tokens/verify")
    return token.accountOwned ? refused(401, "Invalid API Token") : answer({ id: "t", status: token.status });
  if (path.endsWith("/tokens/verify")) return answer({ id: "t", status: token.status });
  if (path === "/zones" && clouds.leak) return refused(400, `bad header ${authorization}`);
  if (path === "/zones")
    return answer(
      zone
        ? [
            {
              id: "z1",
              name: searchParams.get("name"),
              status: zone.status,
              account: { id: zone.account },
              name_servers: ["a.ns", "b.ns"],
              plan: { legacy_id: zone.plan, name: `${zone.plan} Website` },
            },
          ]
        : [],
    );
  if (path === "/zones/z1/load_balancers")
    return answer(clouds.steering.map((policy) => ({ steering_policy: policy })));
  const setting = /^\/zones\/z1\/settings\/(\w+)$/.exec(path)?.[1];
  if (setting)
    return clouds.settings ? answer({ id: setting, value: clouds.settings[setting] }) : refused(403, "Unauthorized");
  if (/^\/accounts\/\w+\/load_balancers\/(pools|monitors)$/.test(path))
    return clouds.mayListPools ? answer([]) : refused(403, "Authentication error");
  const [, phase] = /^\/zones\/z1\/rulesets\/phases\/(\w+)\/entrypoint$/.exec(path) ?? [];
  if (phase !== undefined) {
    if (!clouds.rulesets) return refused(403, "Authentication error");
    const description = clouds.rulesets[phase];
    if (description === undefined) return refused(404, `could not find entrypoint ruleset in the ${phase} phase`);
    return answer({ id: "r1", kind: "zone", phase, name: "default", description, version: "3", rules: [{}, {}] });
  }
  const [, ofAccess] = /^\/accounts\/\w+\/access\/(\w+)$/.exec(path) ?? [];
  if (ofAccess && Number(searchParams.get("page") ?? 1) > 1) return answer([]);
  if (ofAccess && !clouds.access) return refused(403, "Authentication error");
  if (ofAccess === "organizations")
    return clouds.access?.team === undefined
      ? refused(404, "access.api.error.not_found")
      : answer({ name: "Team", auth_domain: clouds.access.team });
  if (ofAccess === "identity_providers") return answer(clouds.access?.providers.map((id) => ({ id, name: id })));
  if (ofAccess === "service_tokens") return answer(clouds.access?.tokens);
  if (/^\/accounts\/\w+\/subscriptions$/.test(path))
    return clouds.subscriptions
      ? answer(clouds.subscriptions.map((name) => ({ rate_plan: { id: "x", public_name: name } })))
      : refused(403, "Authentication error");
  return refused(404, `the fake knows no ${path}`);
}
