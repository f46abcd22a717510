import type { StackConfig } from "../../config/parse";
import { broken, type CheckResult, NotCheckable, ok } from "../checks/checkResult";
import type { CheckRun, PendingCheck } from "../checks/checkRun";
import { isUserError } from "../engine/failure";
import type { Engine } from "../engine/processGroup";
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

/** The project to check, and the checks' environment. */
export interface Surroundings {
  /** Folder of Pulumi.yaml. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly nodeVersion: string;
  readonly clients: Clients;
  /** Whether to simulate every API call of a first deployment (`--first`). */
  readonly first: boolean;
  readonly signal: AbortSignal;
  report(message: string): void;
}

/** Starts every check. */
export function begin(run: CheckRun, around: Surroundings): void {
  const { signal, directory, clients, environment } = around;
  const project = readable(directory);
  run.check("Node", [], () => nodeRuntime(around.nodeVersion));
  const engine = run.check("Pulumi CLI", [], () => pulumiCli(around.report, signal));
  run.check("AWS CLI", [], () => awsCli(signal));
  const config = run.check("config", [], () => project);
  run.check("example values", [config], exampleValues);

  const read = "value" in project ? project.value : undefined;
  const first = read && shared(read).regions[0]?.awsRegion;
  const home = first ?? environment.AWS_REGION ?? "us-east-1";
  const caller = run.check("AWS credentials", [], () => credentials(clients.sts(home)));
  run.check("AWS permissions", [caller], (value) => permissions(clients.iam(home), value, home));
  if (!read) run.check("every region", [config], () => ok("see the checks per region"));
  const regions = read && beginRegions(run, around, read, caller);

  beginState(run, around, { config, engine, caller, project: read, home });
  beginEdge(run, clients, config, read);
  beginGitHub(run, around, config, read);
  run.check("flow repository", [config], (value) => flowRepository(value, shared(value), signal));
  if (around.first && read && regions) beginFirst(run, clients, read, { caller, home, ...regions });
}

/**
 * Starts the checks of a first deployment, in order. A region's checks run only if the account has its AWS region
 * enabled.
 */
function beginFirst(
  run: CheckRun,
  clients: Clients,
  { stacks }: Pick<Project, "stacks">,
  { caller, home, regions, witness }: { caller: PendingCheck<Caller>; home: string } & Regions,
): void {
  let number = 0;
  // Run sequentially: IAM throttles concurrent calls of its policy simulator.
  let before: Promise<unknown> = Promise.resolve();
  const begin = <Config extends StackConfig>(
    stack: string,
    config: Config,
    steps: readonly Step<Config>[],
    needs: readonly PendingCheck<unknown>[],
  ) => {
    for (const step of steps) {
      const places = step.places(config);
      if (places.length === 0) continue;
      number += 1;
      run.check(`first up, ${number}: ${stack}, ${step.name}`, [caller, ...needs], (value) => {
        const result = before.then(() => firstDeployStep(clients.iam(home), value, places, step));
        before = result.catch(() => undefined);
        return result;
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
  readonly regions: readonly PendingRegion[];
  /** The check that the account has the witness's AWS region enabled; undefined without a witness. */
  readonly witness: PendingCheck<unknown> | undefined;
}

/** The checks that must pass before the checks of the region's first deployment run. */
interface PendingRegion {
  readonly stack: string;
  readonly enabled: PendingCheck<unknown>;
  readonly quotas: PendingCheck<unknown>;
}

function beginRegions(
  run: CheckRun,
  { clients }: Surroundings,
  { stacks }: Pick<Project, "stacks">,
  caller: PendingCheck<Caller>,
): Regions {
  const begun: PendingRegion[] = [];
  let asked: ReturnType<typeof optInStatuses> | undefined;
  const capacities = new Map(fleetCapacity(stacks).map((capacity) => [capacity.region, capacity]));
  for (const [stack, config] of stacks) {
    const capacity = capacities.get(stack);
    if (config.kind !== "region" || !capacity) continue;
    const { fleet, own, region } = config;
    const name = region.awsRegion;
    const enabled = run.check(`${stack}: AWS region`, [caller], async () => {
      asked ??= optInStatuses(clients.ec2(fleet.regions[0]?.awsRegion ?? name));
      return awsRegion(name, await asked);
    });
    const quotas = run.check(`${stack}: quotas`, [enabled], () =>
      regionQuotas(
        { ec2: clients.ec2(name), quotas: clients.quotas(name) },
        stack,
        needsOf(own, capacity, fleet.webhook),
      ),
    );
    begun.push({ stack, enabled, quotas });
    const keeper = fleet.regions.find((each) => each.name === region.backupRegion);
    if (keeper)
      run.check(`${stack}: backup region`, [enabled], () => backupPair(clients.rds(keeper.awsRegion), region, keeper));
    run.check(`${stack}: capacity`, [], () => capacityVerdict(capacity));
    run.check(`${stack}: images`, [enabled], () => regionImages(clients.ecr(name), fleet, stack === fleet.buildRegion));
    run.check(`${stack}: cluster access`, [caller], (value) => clusterAccess(clients.iam(name), value, fleet, own));
  }
  const { regions, schedules } = shared({ stacks });
  const { witness: at } = schedules;
  const witness =
    at &&
    run.check("witness: AWS region", [caller], async () => {
      asked ??= optInStatuses(clients.ec2(regions[0]?.awsRegion ?? at.awsRegion));
      return awsRegion(at.awsRegion, await asked);
    });
  return { regions: begun, witness };
}

interface Known {
  readonly config: PendingCheck<Project>;
  readonly engine: PendingCheck<Engine>;
  readonly caller: PendingCheck<Caller>;
  /** Undefined if the project cannot be read. */
  readonly project: Project | undefined;
  /** AWS region for calls that belong to no region of the fleet. */
  readonly home: string;
}

function beginState(run: CheckRun, around: Surroundings, { config, engine, caller, project, home }: Known): void {
  const place = project && backendOf(around.directory, around.environment);
  const backend = run.check("state backend", [config], () => {
    if (!place) throw new Error("internal error: project has no backend");
    const result = stateBackend(place);
    return "value" in result ? { ...result, value: place } : result;
  });
  const bucket = place?.kind === "s3" && !place.foreign ? beginBucket(place, backend) : backend;
  run.check("secrets provider", [config, backend], secretsProviders);
  run.check("stacks", [engine, config, backend, bucket], stacksExist);

  function beginBucket(
    { bucket: name, region }: S3Backend,
    after: PendingCheck<Backend>,
  ): PendingCheck<string | undefined> {
    const s3 = around.clients.s3(region ?? home);
    const bucket = run.check("state bucket", [after, caller], () => stateBucket(s3, name));
    run.check("state bucket's settings", [config, bucket], (value, at) => {
      const { regions, githubRepository } = shared(value);
      const awsRegions = regions.map(({ awsRegion: where }) => where);
      return bucketSettings(s3, name, { at, awsRegions, ci: githubRepository !== undefined });
    });
    return bucket;
  }
}

function beginEdge(run: CheckRun, clients: Clients, config: PendingCheck<Project>, project: Project | undefined): void {
  const api = clients.cloudflare();
  const valid = run.check("Cloudflare token", [config], (value) => token(api, shared(value)));
  const found = run.check("Cloudflare zone", [config, valid], (value) => zone(api, shared(value)));
  const inUse = run.check("Cloudflare load balancing", [found], (value) => loadBalancing(api, value));
  run.check("Cloudflare plan", [config, found, inUse], ({ stacks }, value, steering) => {
    const edge = stacks.get("edge");
    if (edge?.kind !== "edge") throw new Error("internal error: project has no edge stack");
    return plan(value, steering, edge.fleet, edge.own);
  });
  run.check("Cloudflare TLS", [found], (value) => transport(api, value));
  const edge = project?.stacks.get("edge");
  if (edge?.kind !== "edge") return;
  const { frontDoor, access: signIn } = edge.own;
  if (frontDoor) run.check("Cloudflare rules", [found], (value) => rulesets(api, value, frontDoor));
  if (signIn) run.check("Cloudflare Access", [config, found], (value) => access(api, shared(value), signIn));
}

/** Checks the GitHub settings that protect CI, if the config names a repository. */
function beginGitHub(
  run: CheckRun,
  { environment }: Surroundings,
  config: PendingCheck<Project>,
  project: Project | undefined,
): void {
  const repository = project && shared(project).githubRepository;
  if (repository === undefined) return;
  const look = (noun: string, at: (hub: GitHub) => Promise<CheckResult>) =>
    run.check(`GitHub ${noun}`, [config], () => {
      if (!environment.GITHUB_TOKEN)
        throw new NotCheckable("GITHUB_TOKEN is not set (permissions: docs/ci.md, Set it up)");
      return at(gitHub({ ...environment, GITHUB_REPOSITORY: repository }));
    });
  look("environment", atGitHub.environment);
  look("branch", atGitHub.branch);
  look("tag", atGitHub.tag);
  look("runners", atGitHub.runners);
}

function readable(directory: string): CheckResult<Project> {
  try {
    const project = readProject(directory);
    return ok(`${project.stacks.size} stacks`, project);
  } catch (error) {
    if (!isUserError(error)) throw error;
    return broken(error.message, "correct these values", error.exitCode);
  }
}

/** Returns the config that all stacks share. */
function shared({ stacks }: Pick<Project, "stacks">) {
  const [config] = stacks.values();
  if (!config) throw new Error("internal error: project has no stacks");
  return config.fleet;
}
