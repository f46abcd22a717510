import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { OutputMap, Stack } from "@pulumi/pulumi/automation";
import { ExitCode, UserError } from "../../model/errors";
import { connectLocalCloud, type LocalCloud, startLocalCloud } from "../../sandbox/cloud/client";
import { linked } from "../../sandbox/directory";
import { ensureEngine } from "../engine/ensureEngine";
import { type Engine, inOwnProcessGroup, runEngine } from "../engine/processGroup";
import { removeCutOffLocks } from "./cutOffLocks";
import { damagedState, refuseNoState } from "./damagedState";
import { debugNothing, readingAhead } from "./inlineProgram";
import { isolatePrograms } from "./isolation";
import { listStacks } from "./listStacks";
import { writeLocalProject } from "./localProject";
import { programOf } from "./program";
import type { Project } from "./project";

export interface SessionOptions {
  readonly project: Project;
  /** True for the local fleet, false for the clouds. */
  readonly local: boolean;
  /** Folder of the local fleet's state, local cloud and passphrase. */
  readonly directory: string;
  /** Whether to start the local cloud if it is not running (`start`), or to fail (`require`). */
  readonly localCloud: "start" | "require";
  readonly signal: AbortSignal;
  /** Shows a progress message to the user. */
  report(message: string): void;
}

/** The engine and the stacks of either the clouds or the local fleet. */
export class Session {
  readonly #environments = new Map<string, Record<string, string>>();

  private constructor(
    readonly options: SessionOptions,
    readonly engine: Engine,
    private readonly workDir: string,
    private readonly environment: Record<string, string>,
    /** Number of resources of each stack that exists in the backend. */
    private readonly existing: Map<string, number>,
    readonly cloud?: LocalCloud,
  ) {}

  /** @throws UserError exit 10 if the local cloud is required but not running, or a stack's state is damaged */
  static async open(options: SessionOptions): Promise<Session> {
    const { local, project, signal, report } = options;
    const directory = resolve(options.directory);
    const cloud = local ? await localCloud(options, join(directory, "cloud")) : undefined;
    const engine = inOwnProcessGroup(await ensureEngine(report, signal));
    const workDir = local ? writeLocalProject(project, join(directory, "project")) : project.directory;
    const environment = { PULUMI_SKIP_UPDATE_CHECK: "true", ...(local && localEnvironment(directory)) };
    const run = (args: string[]) => runEngine(engine, args, workDir, environment);
    const state = local ? { folder: join(directory, "state"), project: project.name } : undefined;
    if (state) removeCutOffLocks(state.folder);
    const listing = listStacks(project, local, run);
    // Loads the Automation API while the engine lists the stacks in its own process.
    automation();
    const listed = await listing.catch(async (error: unknown) => {
      const read = (stack: string) => run(["stack", "export", "--stack", stack]);
      throw (await damagedState(error, [...project.stacks.keys()], read, state)) ?? error;
    });
    const existing = new Map(
      listed.map(({ name, resourceCount = 0 }) => [name.split("/").at(-1) ?? name, resourceCount]),
    );
    if (state)
      refuseNoState(
        [...existing].flatMap(([stack, resources]) => (resources > 0 ? [] : [stack])),
        state,
      );
    return new Session(options, engine, workDir, environment, existing, cloud);
  }

  /** Returns whether the stack exists, deployed or not. */
  has(stack: string): boolean {
    return this.existing.has(stack);
  }

  /** Returns this project's deployed stacks other than the given ones. */
  others(stacks: readonly string[]): string[] {
    const holding = [...this.existing].flatMap(([stack, resources]) => (resources > 0 ? [stack] : []));
    return holding.filter((stack) => !stacks.includes(stack)).sort();
  }

  /**
   * Returns a stack that can run the program. In the local fleet, creates a missing stack. On the clouds, the stack
   * must exist, because the operator has to choose its secrets provider.
   *
   * @throws UserError exit 6 if the stack does not exist
   */
  async stack(name: string): Promise<Stack> {
    isolatePrograms();
    debugNothing();
    const { LocalWorkspace, Stack } = automation();
    const kind = this.options.project.stacks.get(name)?.kind;
    const workspace = await LocalWorkspace.create({
      workDir: this.workDir,
      pulumiCommand: kind ? readingAhead(this.engine, kind) : this.engine,
      envVars: await this.environmentOf(name),
      program: () => programOf(this.options.project.directory)(this.undeployed()),
    });
    // After each update, the Automation API would read the outputs twice and the history once: three more processes of
    // the engine, two of which decrypt secrets that no verb shows.
    workspace.stackOutputs = () => this.shownOutputs(name);
    const withoutHistory = (stack: Stack) => Object.assign(stack, { info: async () => undefined });
    if (this.has(name)) {
      // The stack is known to exist, and each command names its stack. Skipping the selection keeps the stack that the
      // user has selected.
      workspace.selectStack = async () => {};
      return withoutHistory(await Stack.select(name, workspace));
    }
    if (!this.options.local)
      throw new UserError(
        `stack ${name} does not exist: create it with \`pulumi stack init ${name} --secrets-provider awskms://…\` (docs/deploy.md)`,
        ExitCode.StackMissing,
      );
    // A concurrent command, such as a preview, may have created the stack since the list was read.
    const made = await Stack.create(name, workspace).catch((error: Error) =>
      /already exists/.test(error.message) ? Stack.select(name, workspace) : Promise.reject(error),
    );
    this.existing.set(name, 0);
    return withoutHistory(made);
  }

  /** Returns a stack's outputs, with the text `[secret]` in place of secrets. */
  private async shownOutputs(stack: string): Promise<OutputMap> {
    const shown = JSON.parse(await this.run(stack, ["stack", "output", "--json"])) as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(shown).map(([name, value]) => [name, { value, secret: value === "[secret]" }]),
    );
  }

  private undeployed(): ReadonlySet<string> {
    return new Set([...this.options.project.stacks.keys()].filter((stack) => !this.has(stack)));
  }

  /** Runs a Pulumi CLI command on a stack and returns its stdout. */
  async run(stack: string, args: string[]): Promise<string> {
    return runEngine(this.engine, [...args, "--stack", stack], this.workDir, await this.environmentOf(stack));
  }

  async close(): Promise<void> {
    // A local cloud that crashed no longer has sessions.
    await Promise.allSettled([...this.#environments.keys()].map((stack) => this.cloud?.closeSession(stack)));
  }

  /** Starts separate provider servers for each stack, so that the providers of two clusters do not mix. */
  private async environmentOf(stack: string): Promise<Record<string, string>> {
    const known = this.#environments.get(stack);
    if (known) return known;
    const ports = this.cloud ? Object.entries(await this.cloud.openSession(stack)) : [];
    const environment = {
      ...this.environment,
      ...(ports.length > 0 && { PULUMI_DEBUG_PROVIDERS: ports.map(([name, port]) => `${name}:${port}`).join(",") }),
    };
    this.#environments.set(stack, environment);
    return environment;
  }
}

const automation = (): typeof import("@pulumi/pulumi/automation") => require("@pulumi/pulumi/automation");

async function localCloud({ localCloud: mode, report }: SessionOptions, directory: string): Promise<LocalCloud> {
  const running = await connectLocalCloud(directory);
  if (!running && mode === "require")
    throw new UserError("the local cloud is down: start it with `npm run fleet -- up --local`", ExitCode.Unreachable);
  if (!running) report("starting the local cloud");
  // If a local cloud with different code is running, this replaces it.
  return mode === "require" && running ? running : startLocalCloud(directory);
}

/**
 * Returns the environment that gives the local fleet its own backend, home folder and passphrase. The user's Pulumi
 * installation is neither read nor changed.
 */
function localEnvironment(directory: string): Record<string, string> {
  const passphrase = join(directory, "passphrase");
  const state = join(directory, "state");
  mkdirSync(state, { recursive: true });
  if (!existsSync(passphrase)) {
    // Written atomically: if two commands start at once, both use the passphrase of the first.
    const made = `${passphrase}.${process.pid}`;
    writeFileSync(made, randomBytes(24).toString("base64url"), { mode: 0o600 });
    linked(made, passphrase);
    rmSync(made);
  }
  return {
    PULUMI_HOME: join(directory, "home"),
    // Disables metadata files, because Pulumi does not write them atomically, and a truncated one makes the whole state
    // unreadable.
    PULUMI_BACKEND_URL: `file://${state}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: readFileSync(passphrase, "utf8"),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}
