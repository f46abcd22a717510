import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Stack } from "@pulumi/pulumi/automation";
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
import type { Project } from "./project";

export interface SessionOptions {
  readonly project: Project;
  /** The local fleet instead of the clouds. */
  readonly local: boolean;
  /** Where the local fleet keeps state, cloud and passphrase. */
  readonly directory: string;
  /** `start` brings the local cloud up where it is down; `require` says so instead. */
  readonly localCloud: "start" | "require";
  readonly signal: AbortSignal;
  /** Shown to the user while something takes time. */
  report(message: string): void;
}

/** The engine, and the stacks it works on: the clouds' own, or those of the local fleet. */
export class Session {
  readonly #environments = new Map<string, Record<string, string>>();

  private constructor(
    readonly options: SessionOptions,
    readonly engine: Engine,
    private readonly workDir: string,
    private readonly environment: Record<string, string>,
    /** Stacks the backend knows, with how many resources each has. */
    private readonly existing: Map<string, number>,
    readonly cloud?: LocalCloud,
  ) {}

  /** @throws UserError exit 10 where the local cloud is required and down, or the state of a stack is damaged */
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
    // Read while that runs, in a process of its own.
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

  /** Whether the stack exists, deployed or not. */
  has(stack: string): boolean {
    return this.existing.has(stack);
  }

  /** Stacks of this project that hold something, beside these. */
  others(stacks: readonly string[]): string[] {
    const holding = [...this.existing].flatMap(([stack, resources]) => (resources > 0 ? [stack] : []));
    return holding.filter((stack) => !stacks.includes(stack)).sort();
  }

  /**
   * The stack, ready to run our program. In the local fleet it is made where it is missing; on the clouds its secrets
   * provider is a person's choice, so it must be there.
   *
   * @throws UserError exit 6 where it is missing
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
      program: () => (require("../../index") as typeof import("../../index"))(this.undeployed()),
    });
    if (this.has(name)) {
      // The list has said that it is there, and each command names it: what somebody has selected stays so.
      workspace.selectStack = async () => {};
      return Stack.select(name, workspace);
    }
    if (!this.options.local)
      throw new UserError(
        `stack ${name} does not exist: create it with \`pulumi stack init ${name} --secrets-provider awskms://…\` (docs/deploy.md)`,
        ExitCode.StackMissing,
      );
    // Another command, a preview say, may have made it since the stacks were listed.
    const made = await Stack.create(name, workspace).catch((error: Error) =>
      /already exists/.test(error.message) ? Stack.select(name, workspace) : Promise.reject(error),
    );
    this.existing.set(name, 0);
    return made;
  }

  private undeployed(): ReadonlySet<string> {
    return new Set([...this.options.project.stacks.keys()].filter((stack) => !this.has(stack)));
  }

  /** One command of the Pulumi CLI on a stack; its stdout. */
  async run(stack: string, args: string[]): Promise<string> {
    return runEngine(this.engine, [...args, "--stack", stack], this.workDir, await this.environmentOf(stack));
  }

  async close(): Promise<void> {
    // A local cloud that died has no sessions any more.
    await Promise.allSettled([...this.#environments.keys()].map((stack) => this.cloud?.closeSession(stack)));
  }

  /** Each stack gets provider servers of its own: two clusters' providers must not mix. */
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
  // Where one runs, this replaces it if it was started from other code.
  return mode === "require" && running ? running : startLocalCloud(directory);
}

/** A backend, a home and a passphrase of the local fleet's own: nothing of the user's Pulumi is read or changed. */
function localEnvironment(directory: string): Record<string, string> {
  const passphrase = join(directory, "passphrase");
  const state = join(directory, "state");
  mkdirSync(state, { recursive: true });
  if (!existsSync(passphrase)) {
    // In one step: of two commands that start at once, the first one's counts for both.
    const made = `${passphrase}.${process.pid}`;
    writeFileSync(made, randomBytes(24).toString("base64url"), { mode: 0o600 });
    linked(made, passphrase);
    rmSync(made);
  }
  return {
    PULUMI_HOME: join(directory, "home"),
    // Without metadata beside each file: they are not written in one step, and one cut off makes the whole state unreadable.
    PULUMI_BACKEND_URL: `file://${state}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: readFileSync(passphrase, "utf8"),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}
