import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../../model/errors";
import { answers, codeVersion, filesIn, isRunning, readServerFile } from "../directory";
import type { Resource } from "../resources/store";

/** The providers of a session. */
type ProviderPorts = Record<"aws" | "random" | "kubernetes" | "cloudflare", number>;

/** One thing in the local cloud, as its HTTP API shows it: secret values read `[secret]`. */
export type CloudResource = Omit<Resource, "secrets">;

export interface LocalCloud {
  /** http://127.0.0.1:port, for the HTTP API of `sandbox/cloud/routes.ts`. */
  readonly url: string;
  readonly pid: number;
  /** Ports of this process's own provider servers for one stack, for PULUMI_DEBUG_PROVIDERS. Asking again gives the same. */
  openSession(stack: string): Promise<ProviderPorts>;
  /** Stops this process's provider servers of a stack; no error where there are none. */
  closeSession(stack: string): Promise<void>;
  /** @param options.clear secret values as they are: only the owner of the directory is given them */
  resources(options?: { clear?: boolean }): Promise<CloudResource[]>;
  /** Ends the daemon. What it holds stays on disk. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 5_000;
const POLL_MS = 25;

/**
 * The local cloud of a directory; undefined where none answers.
 *
 * @param directory where it is kept, for example `.fleet/cloud`
 */
export async function connectLocalCloud(directory: string): Promise<LocalCloud | undefined> {
  const server = readServerFile(directory);
  if (!server || !(await answers(server, ANSWER_TIMEOUT_MS))) return undefined;
  return new Connection(server.url, server.pid, directory);
}

/**
 * The local cloud of a directory, started where none answers, and anew where its code is not ours. The daemon outlives
 * this process.
 *
 * @throws UserError (Unreachable) when it does not come up, with the end of its log
 */
export async function startLocalCloud(directory: string): Promise<LocalCloud> {
  const running = await connectLocalCloud(directory);
  if (running && readServerFile(directory)?.version === codeVersion()) return running;
  await running?.stop();
  const child = launch(directory);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    await sleep(POLL_MS);
    const cloud = await connectLocalCloud(directory);
    if (cloud) return cloud;
    // where two start at once, the one that came second ends and the first still comes up
    if (child.exitCode !== null && child.exitCode !== 1) break;
  }
  const log = readFileSync(filesIn(directory).log, "utf8").trim().split("\n").slice(-5).join("\n");
  throw new UserError(`the local cloud in ${directory} did not start:\n${log}`, ExitCode.Unreachable);
}

function launch(directory: string) {
  mkdirSync(directory, { recursive: true });
  const log = openSync(filesIn(directory).log, "a");
  const root = resolve(__dirname, "../..");
  const child = spawn(
    process.execPath,
    ["--require", "./typescript.cjs", join(__dirname, "main.ts"), "--directory", resolve(directory)],
    { cwd: root, detached: true, stdio: ["ignore", log, log] },
  );
  closeSync(log);
  child.unref();
  return child;
}

class Connection implements LocalCloud {
  constructor(
    readonly url: string,
    readonly pid: number,
    private readonly directory: string,
  ) {}

  async openSession(stack: string): Promise<ProviderPorts> {
    return (await ask(this.url, "POST", "/sessions", { stack, user: process.pid })) as ProviderPorts;
  }

  async closeSession(stack: string): Promise<void> {
    await ask(this.url, "DELETE", `/sessions/${process.pid}/${encodeURIComponent(stack)}`, undefined, [404]);
  }

  async resources({ clear = false } = {}): Promise<CloudResource[]> {
    const token = clear ? readFileSync(filesIn(this.directory).secretsToken, "utf8") : undefined;
    return (await ask(this.url, "GET", "/resources", undefined, [], token)) as CloudResource[];
  }

  async stop(): Promise<void> {
    await ask(this.url, "POST", "/stop");
    while (isRunning(this.pid)) await sleep(POLL_MS);
  }
}

/** Asks the HTTP API; an error answer is thrown, unless its status is among `accepted`. */
async function ask(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  accepted: readonly number[] = [],
  token?: string,
): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  if (!response.ok && !accepted.includes(response.status))
    throw new Error(`the local cloud answered ${method} ${path} with ${response.status}: ${answer}`);
  return answer === "" ? undefined : JSON.parse(answer);
}
