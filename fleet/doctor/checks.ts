import type { StackConfig } from "../../config/parse";
import { isUserError } from "../engine/failure";
import type { Engine } from "../engine/processGroup";
import type { Examination, Outcome } from "../examination/examination";
import { broken, NotCheckable, ok, type Verdict } from "../examination/finding";
import { type GitHub, gitHub } from "../github/client";
import { type Backend, backendOf, type S3Backend } from "../stacks/backend";
import { fleetCapacity } from "../stacks/capacity";
import { type Project, readProject } from "../stacks/project";
import { clusterAccess, flowRepository } from "./access";
import { awsRegion, type Caller, credentials, optInStatuses } from "./account";
import { backupPair } from "./backupPair";
import { capacityVerdict } from "./capacity";
import type { Clients } from "./clients";
import { loadBalancing, plan, token, transport, zone } from "./cloudflare";
import { access } from "./cloudflareAccess";
import { rulesets } from "./cloudflareRulesets";
import { exampleValues } from "./examples";
import { firstDeployStep } from "./firstDeploy";
import { FOUNDATION, REGION, type Step } from "./firstSteps";
import * as atGitHub from "./github";
import { regionImages } from "./images";
import { permissions } from "./permissions";
import { needsOf, regionQuotas } from "./quotas";
import { bucketSettings, secretsProviders, stacksExist, stateBackend, stateBucket } from "./state";
import { awsCli, nodeRuntime, pulumiCli } from "./tools";

/** What is examined, and from where. */
export interface Surroundings {
  /** Folder of Pulumi.yaml. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly nodeVersion: string;
  readonly clients: Clients;
  /** Whether each call by which a first deployment makes something is asked for. */
  readonly first: boolean;
  readonly signal: AbortSignal;
  report(message: string): void;
}

/** Begins every check. */
export function begin(examination: Examination, around: Surroundings): void {
  const { signal, directory, clients, environment } = around;
  const project = readable(directory);
  examination.check("Node", [], () => nodeRuntime(around.nodeVersion));
  const engine = examination.check("Pulumi CLI", [], () => pulumiCli(around.report, signal));
  examination.check("AWS CLI", [], () => awsCli(signal));
  const config = examination.check("config", [], () => project);
  examination.check("example values", [config], exampleValues);

  const first = project.result === "broken" ? undefined : shared(project.value).regions[0]?.awsRegion;
  const home = first ?? environment.AWS_REGION ?? "us-east-1";
  const caller = examination.check("AWS credentials", [], () => credentials(clients.sts(home)));
  examination.check("AWS permissions", [caller], (value) => permissions(clients.iam(home), value, home));
  const isRead = project.result !== "broken";
  if (!isRead) examination.check("every region", [config], () => ok("see the checks per region"));
  const regions = isRead ? beginRegions(examination, around, project.value, caller) : undefined;

  beginState(examination, around, { config, engine, caller, project, home });
  beginEdge(examination, clients, config, project);
  beginGitHub(examination, around, config, project);
  examination.check("flow repository", [config], (value) => flowRepository(value, shared(value), signal));
  if (around.first && isRead && regions) beginFirst(examination, clients, project.value, { caller, home, ...regions });
}

/** The steps of a first deployment, in their order; a region's wait for that region to be one that the account has. */
function beginFirst(
  examination: Examination,
  clients: Clients,
  { stacks }: Pick<Project, "stacks">,
  { caller, home, regions, witness }: { caller: Outcome<Caller>; home: string } & Regions,
): void {
  let number = 0;
  // One after the other: IAM throttles who asks its simulation for all of them at once.
  let before: Promise<unknown> = Promise.resolve();
  const begin = <Config extends StackConfig>(
    stack: string,
    config: Config,
    steps: readonly Step<Config>[],
    needs: readonly Outcome<unknown>[],
  ) => {
    for (const step of steps) {
      const places = step.places(config);
      if (places.length === 0) continue;
      number += 1;
      examination.check(`first up, ${number}: ${stack}, ${step.name}`, [caller, ...needs], (value) => {
        const verdict = before.then(() => firstDeployStep(clients.iam(home), value, places, step));
        before = verdict.catch(() => undefined);
        return verdict;
      });
    }
  };
  const foundation = stacks.get("foundation");
  const enabled = [...regions.map((each) => each.enabled), ...(witness ? [witness] : [])];
  if (foundation?.kind === "foundation") begin("foundation", foundation, FOUNDATION, enabled);
  for (const { stack, enabled: own, quotas } of regions) {
    const config = stacks.get(stack);
    if (config?.kind === "region") begin(stack, config, REGION, [own, quotas]);
  }
}

interface Regions {
  readonly regions: readonly RegionOutcome[];
  /** Whether the account has the witness's AWS region; undefined without a witness. */
  readonly witness: Outcome<unknown> | undefined;
}

/** What the steps of a region's first deployment wait for. */
interface RegionOutcome {
  readonly stack: string;
  readonly enabled: Outcome<unknown>;
  readonly quotas: Outcome<unknown>;
}

function beginRegions(
  examination: Examination,
  { clients }: Surroundings,
  { stacks }: Pick<Project, "stacks">,
  caller: Outcome<Caller>,
): Regions {
  const begun: RegionOutcome[] = [];
  let asked: ReturnType<typeof optInStatuses> | undefined;
  const capacities = new Map(fleetCapacity(stacks).map((capacity) => [capacity.region, capacity]));
  for (const [stack, config] of stacks) {
    const capacity = capacities.get(stack);
    if (config.kind !== "region" || !capacity) continue;
    const { fleet, own, region } = config;
    const name = region.awsRegion;
    const enabled = examination.check(`${stack}: AWS region`, [caller], async () => {
      asked ??= optInStatuses(clients.ec2(fleet.regions[0]?.awsRegion ?? name));
      return awsRegion(name, await asked);
    });
    const quotas = examination.check(`${stack}: quotas`, [enabled], () =>
      regionQuotas(
        { ec2: clients.ec2(name), quotas: clients.quotas(name) },
        stack,
        needsOf(own, capacity, fleet.webhook),
      ),
    );
    begun.push({ stack, enabled, quotas });
    const keeper = fleet.regions.find((each) => each.name === region.backupRegion);
    if (keeper)
      examination.check(`${stack}: backup region`, [enabled], () =>
        backupPair(clients.rds(keeper.awsRegion), region, keeper),
      );
    examination.check(`${stack}: capacity`, [], () => capacityVerdict(capacity));
    examination.check(`${stack}: images`, [enabled], () =>
      regionImages(clients.ecr(name), fleet, stack === fleet.buildRegion),
    );
    examination.check(`${stack}: cluster access`, [caller], (value) =>
      clusterAccess(clients.iam(name), value, fleet, own),
    );
  }
  const { regions, schedules } = shared({ stacks });
  const { witness: at } = schedules;
  const witness =
    at &&
    examination.check("witness: AWS region", [caller], async () => {
      asked ??= optInStatuses(clients.ec2(regions[0]?.awsRegion ?? at.awsRegion));
      return awsRegion(at.awsRegion, await asked);
    });
  return { regions: begun, witness };
}

interface Known {
  readonly config: Outcome<Project>;
  readonly engine: Outcome<Engine>;
  readonly caller: Outcome<Caller>;
  readonly project: Verdict<Project>;
  /** The AWS region asked where nothing says another. */
  readonly home: string;
}

function beginState(
  examination: Examination,
  around: Surroundings,
  { config, engine, caller, project, home }: Known,
): void {
  const place = project.result === "broken" ? undefined : backendOf(around.directory, around.environment);
  const backend = examination.check("state backend", [config], () => {
    if (!place) throw new Error("internal error: project has no backend");
    const verdict = stateBackend(place);
    return verdict.result === "broken" ? verdict : { ...verdict, value: place };
  });
  const bucket = place?.kind === "s3" && !place.foreign ? beginBucket(place, backend) : backend;
  examination.check("secrets provider", [config, backend], secretsProviders);
  examination.check("stacks", [engine, config, backend, bucket], stacksExist);

  function beginBucket({ bucket: name, region }: S3Backend, after: Outcome<Backend>): Outcome<string | undefined> {
    const s3 = around.clients.s3(region ?? home);
    const bucket = examination.check("state bucket", [after, caller], () => stateBucket(s3, name));
    examination.check("state bucket's settings", [config, bucket], (value, at) => {
      const { regions, githubRepository } = shared(value);
      const awsRegions = regions.map(({ awsRegion: where }) => where);
      return bucketSettings(s3, name, { at, awsRegions, ci: githubRepository !== undefined });
    });
    return bucket;
  }
}

function beginEdge(
  examination: Examination,
  clients: Clients,
  config: Outcome<Project>,
  project: Verdict<Project>,
): void {
  const api = clients.cloudflare();
  const valid = examination.check("Cloudflare token", [config], (value) => token(api, shared(value)));
  const found = examination.check("Cloudflare zone", [config, valid], (value) => zone(api, shared(value)));
  const inUse = examination.check("Cloudflare load balancing", [found], (value) => loadBalancing(api, value));
  examination.check("Cloudflare plan", [config, found, inUse], ({ stacks }, value, steering) => {
    const edge = stacks.get("edge");
    if (edge?.kind !== "edge") throw new Error("internal error: project has no edge stack");
    return plan(value, steering, edge.fleet, edge.own);
  });
  examination.check("Cloudflare TLS", [found], (value) => transport(api, value));
  const edge = project.result === "broken" ? undefined : project.value.stacks.get("edge");
  if (edge?.kind !== "edge") return;
  const { frontDoor, access: signIn } = edge.own;
  if (frontDoor) examination.check("Cloudflare rules", [found], (value) => rulesets(api, value, frontDoor));
  if (signIn) examination.check("Cloudflare Access", [config, found], (value) => access(api, shared(value), signIn));
}

/** What of CI's safety GitHub keeps; where the config names a repository. */
function beginGitHub(
  examination: Examination,
  { environment }: Surroundings,
  config: Outcome<Project>,
  project: Verdict<Project>,
): void {
  const repository = project.result === "broken" ? undefined : shared(project.value).githubRepository;
  if (repository === undefined) return;
  const look = (noun: string, at: (hub: GitHub) => Promise<Verdict>) =>
    examination.check(`GitHub ${noun}`, [config], () => {
      if (!environment.GITHUB_TOKEN)
        throw new NotCheckable("GITHUB_TOKEN is not set (permissions: docs/ci.md, Set it up)");
      return at(gitHub({ ...environment, GITHUB_REPOSITORY: repository }));
    });
  look("environment", atGitHub.environment);
  look("branch", atGitHub.branch);
  look("tag", atGitHub.tag);
  look("runners", atGitHub.runners);
}

function readable(directory: string): Verdict<Project> {
  try {
    const project = readProject(directory);
    return ok(`${project.stacks.size} stacks`, project);
  } catch (error) {
    if (!isUserError(error)) throw error;
    return broken(error.message, "correct these values", error.exitCode);
  }
}

/** What all stacks share. */
function shared({ stacks }: Pick<Project, "stacks">) {
  const [config] = stacks.values();
  if (!config) throw new Error("internal error: project has no stacks");
  return config.fleet;
}
