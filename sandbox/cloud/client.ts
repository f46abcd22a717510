import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, filesIn, isRunning, readServerFile } from "../directory";
import type { Resource } from "../resources/store";
import { startDaemon } from "../startDaemon";

/** Ports of a session's provider servers. */
type ProviderPorts = Record<"aws" | "random" | "kubernetes" | "cloudflare", number>;

/** A resource of the local cloud, as its HTTP API returns it: secret values are replaced by `[secret]`. */
export type CloudResource = Omit<Resource, "secrets">;

export interface LocalCloud {
  /** Base URL of the HTTP API in `sandbox/cloud/routes.ts`: http://127.0.0.1:port. */
  readonly url: string;
  readonly pid: number;
  /**
   * Starts provider servers of this process for one stack and returns their ports for PULUMI_DEBUG_PROVIDERS.
   * Idempotent.
   */
  openSession(stack: string): Promise<ProviderPorts>;
  /** Stops this process's provider servers of a stack. Does nothing if none run. */
  closeSession(stack: string): Promise<void>;
  /** @param options.clear return plaintext secret values; only a process that can read the cloud's directory may */
  resources(options?: { clear?: boolean }): Promise<CloudResource[]>;
  /** Ends the daemon. Its resources stay on disk. */
  stop(): Promise<void>;
}

const ANSWER_TIMEOUT_MS = 5_000;
const POLL_MS = 25;

/**
 * Connects to the local cloud of a directory. Returns undefined if no daemon answers.
 *
 * @param directory of the local cloud, for example `.fleet/cloud`
 */
export async function connectLocalCloud(directory: string): Promise<LocalCloud | undefined> {
  const server = readServerFile(directory);
  if (!server || !(await answers(server, ANSWER_TIMEOUT_MS))) return undefined;
  return new Connection(server.url, server.pid, directory);
}

/**
 * Connects to the local cloud of a directory. Starts the daemon if none answers, and restarts a daemon that runs
 * different code. The daemon outlives this process.
 *
 * @throws UserError (Unreachable) if the daemon does not start, with the end of its log
 */
export function startLocalCloud(directory: string): Promise<LocalCloud> {
  return startDaemon(directory, {
    code: "cloud",
    title: "the local cloud",
    main: "cloud/main",
    connect: connectLocalCloud,
  });
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

/** Sends a request to the HTTP API. Throws for an error status that is not among `accepted`. */
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
