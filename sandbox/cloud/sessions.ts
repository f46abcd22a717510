import { randomUUID } from "node:crypto";
import { isRunning } from "../directory";
import { aws } from "../providers/aws";
import { cloudflare } from "../providers/cloudflare";
import { kubernetes } from "../providers/kubernetes";
import { random } from "../providers/random";
import { CloudError, Code } from "../providers/shared/errors";
import { Provider, type ProviderName } from "../providers/shared/provider";
import { type Call, type Gate, type RunningServer, serve } from "../providers/shared/server";
import type { Store } from "../resources/store";
import type { FaultKind, FaultPlan } from "./faults";
import type { Journal } from "./journal";

export type Ports = Record<ProviderName, number>;

const DEFINITIONS = [aws, cloudflare, kubernetes, random];

interface ProviderServer {
  readonly name: ProviderName;
  readonly server: RunningServer;
}

interface Session {
  readonly stack: string;
  readonly user: number;
  readonly servers: Promise<readonly ProviderServer[]>;
}

/** Errors that a throttled, slow or unreachable cloud returns. */
const FAILURES: Readonly<Record<Exclude<FaultKind, "crash" | "silent">, (call: Call) => CloudError>> = {
  throttle: ({ method, type }) =>
    new CloudError(
      `${method} ${type}: exceeded maximum number of attempts, 25, https response error StatusCode: 400, RequestID: ${randomUUID()}, api error ThrottlingException: Rate exceeded`,
    ),
  timeout: ({ method, type }) => new CloudError(`${method} ${type}: context deadline exceeded`, Code.DeadlineExceeded),
  echo: ({ method, type, asked }) =>
    new CloudError(
      `${method} ${type}: api error ValidationException: Value '${JSON.stringify(asked())}' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+`,
    ),
  outage: ({ method, type }) => new CloudError(`${method} ${type}: dial tcp: connect: connection refused`),
};

/**
 * The running provider servers. Each process gets its own set per stack, so that no process stops the servers of a
 * different one.
 */
export class Sessions {
  private readonly open = new Map<string, Session>();

  /** @param crash ends the process at once, like a machine failure */
  constructor(
    private readonly cloud: Store,
    private readonly faults: FaultPlan,
    private readonly journal: Journal,
    private readonly crash: () => void,
  ) {}

  /** Names of the stacks that have a session, without duplicates. */
  get stacks(): string[] {
    return [...new Set([...this.open.values()].map(({ stack }) => stack))];
  }

  /**
   * Returns the ports of a stack's providers and starts the provider servers if they do not run.
   *
   * @param user process id of the caller; its servers are stopped after the process has ended
   */
  async start(stack: string, user: number): Promise<Ports> {
    const key = keyOf(stack, user);
    const session = this.open.get(key) ?? { stack, user, servers: this.serve(stack) };
    this.open.set(key, session);
    const servers = await session.servers;
    return Object.fromEntries(servers.map(({ name, server }) => [name, server.port])) as Ports;
  }

  /** Stops a session and returns whether it existed. */
  async stop(stack: string, user: number): Promise<boolean> {
    const key = keyOf(stack, user);
    const session = this.open.get(key);
    this.open.delete(key);
    for (const { server } of (await session?.servers) ?? []) server.stop();
    return session !== undefined;
  }

  async stopAll(): Promise<void> {
    await this.stopWhere(() => true);
  }

  /** Stops the sessions of processes that ended without closing them, for example because they were killed. */
  async stopOrphans(): Promise<void> {
    await this.stopWhere((user) => !isRunning(user));
  }

  private async stopWhere(isMeant: (user: number) => boolean): Promise<void> {
    const meant = [...this.open.values()].filter(({ user }) => isMeant(user));
    await Promise.all(meant.map(({ stack, user }) => this.stop(stack, user)));
  }

  private serve(stack: string): Promise<ProviderServer[]> {
    return Promise.all(
      DEFINITIONS.map(async (definition) => ({
        name: definition.name,
        server: await serve(new Provider(definition, this.cloud), this.gate(stack)),
      })),
    );
  }

  /** Returns a gate that runs a call unless a fault fires, and records the result in the journal. */
  private gate(stack: string): Gate {
    return async (call, work) => {
      const counted = !call.preview || call.method === "check";
      const failure = this.faults.take({ ...call, stack }, counted);
      try {
        if (failure === "silent") await new Promise<never>(() => {});
        if (failure !== undefined && failure !== "crash" && failure !== "silent") throw FAILURES[failure](call);
        await work();
        this.journal.add(stack, call);
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        this.journal.add(stack, call, failure === "echo" ? "fault `echo`: the error repeats the inputs" : said);
        throw error;
      }
      if (failure === "crash") this.crash();
    };
  }
}

const keyOf = (stack: string, user: number): string => `${user} ${stack}`;
