import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AppliedApplication } from "../../../../sandbox/live/balancer/access/appliedAccess";
import type { AppliedBalancer, AppliedPool } from "../../../../sandbox/live/balancer/appliedBalancer";
import type { AppliedMonitor } from "../../../../sandbox/live/balancer/appliedMonitor";
import { LiveBalancer } from "../../../../sandbox/live/balancer/balancer";
import type { AppliedFrontDoor } from "../../../../sandbox/live/balancer/frontDoor/appliedFrontDoor";
import { Ports } from "../../../../sandbox/live/ports";
import { removeTemporaryFolders, temporaryFolder } from "../../fixture";

const WAIT_MS = 20_000;

/** Waits at most 20 seconds until a condition holds. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`still not so after ${WAIT_MS} ms: ${holds}`);
    await sleep(2);
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A region's entrance: an HTTP server that a test can close and reopen at the same port. */
export class Origin {
  /** Requests other than probes. */
  readonly asked: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  /** Paths of the received probes. */
  readonly probed: string[] = [];
  /** Returns the status of the response to a probe, or "silent" for no response. */
  health: () => number | "silent" = () => 200;
  answer: Answer = (_request, response) => response.end(this.name);
  /** Handles an upgrade request. */
  upgrade: (request: IncomingMessage, socket: Socket) => void = (_request, socket) => socket.destroy();
  /** Whether each new connection is reset. */
  resets = false;
  /** Whether the entrance has no ready pod, which the balancer knows without a connection. */
  refuses = false;
  port = 0;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(readonly name: string) {}

  static async open(name: string): Promise<Origin> {
    const origin = new Origin(name);
    await origin.open();
    return origin;
  }

  async open(): Promise<void> {
    const server = createServer((request, response) => void this.take(request, response));
    server.on("connection", (socket) => {
      if (this.resets) socket.resetAndDestroy();
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    });
    server.on("upgrade", (request, socket) => this.upgrade(request, socket as Socket));
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server?.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers["user-agent"]?.includes("Cloudflare-Traffic-Manager")) {
      this.probed.push(request.url ?? "");
      const status = this.health();
      if (status !== "silent") response.writeHead(status).end("The answer");
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { method = "", url = "", headers } = request;
    this.asked.push({ method, url, headers, body: Buffer.concat(parts).toString() });
    this.answer(request, response, Buffer.concat(parts).toString());
  }
}

/** The applied monitor, but with a single probe, so that only the test changes a pool's health. */
export const MONITOR: AppliedMonitor = {
  id: "monitor",
  method: "GET",
  path: "/healthz",
  headers: { Host: "flows.example.com" },
  expectedCodes: "200",
  expectedBody: "",
  intervalSeconds: 3600,
  timeoutSeconds: 5,
  retries: 0,
  consecutiveDown: 2,
  consecutiveUp: 2,
};

const PLACES = { "us-east": { latitude: 39, longitude: -77 }, "eu-west": { latitude: 53, longitude: -6 } };
export const NAMES = ["us-east", "eu-west"] as const;

export const poolOf = (region: (typeof NAMES)[number], changes: Partial<AppliedPool> = {}): AppliedPool => ({
  id: `pool-${region}`,
  name: `${region}-pool`,
  region,
  enabled: true,
  originEnabled: true,
  place: PLACES[region],
  checkRegions: ["WNAM"],
  monitor: MONITOR,
  origin: `${region}.elb.example.com`,
  hostHeader: "flows.example.com",
  entrance: { region, namespace: "langflow", service: "langflow-public", port: 443 },
  ...changes,
});

/** The load balancer as the component applies it, except that steering is off: the first pool comes first. */
export const BALANCER: AppliedBalancer = {
  hostname: "flows.example.com",
  steeringPolicy: "off",
  defaultPools: NAMES.map((region) => poolOf(region).id),
  regionPools: {},
  fallbackPool: poolOf("eu-west").id,
  weights: { defaultWeight: 1, poolWeights: {} },
  affinity: { ttlSeconds: 3600, sameSite: "Lax", drainSeconds: 3600, failover: "sticky" },
  failoverAcrossPools: true,
  pools: NAMES.map((region) => poolOf(region)),
};

/** Passes a new stage to `receive` before each test of the file or block, and ends it after the test. */
export function stageForEachTest(receive: (stage: Stage) => void): void {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.make();
    receive(stage);
  });
  afterEach(() => stage.end());
  afterAll(removeTemporaryFolders);
}

/** A load balancer in front of two regions. */
export class Stage {
  private constructor(
    readonly balancer: LiveBalancer,
    readonly origins: Record<(typeof NAMES)[number], Origin>,
  ) {}

  static async make(): Promise<Stage> {
    const origins = { "us-east": await Origin.open("us-east"), "eu-west": await Origin.open("eu-west") };
    const port = await new Ports(join(temporaryFolder(), "ports.json")).take("balancer");
    const balancer = new LiveBalancer(port, ({ region }) => {
      const { port: own, refuses } = origins[region as keyof typeof origins];
      return refuses ? undefined : own;
    });
    return new Stage(balancer, origins);
  }

  /** Applies the load balancer, and waits for the first verdict on each pool that is probed. */
  async apply(
    changes: Partial<AppliedBalancer> = {},
    frontDoor?: AppliedFrontDoor,
    applications?: readonly AppliedApplication[],
  ): Promise<void> {
    await this.balancer.apply({ ...BALANCER, ...changes }, frontDoor, applications);
    await until(() => this.pools().every(({ enabled, healthy }) => !enabled || healthy !== undefined));
  }

  pools() {
    return this.balancer.status()?.pools ?? [];
  }

  /** Returns the verdicts on a region in their order. */
  verdicts(region: string) {
    return (this.balancer.status()?.history ?? [])
      .filter(({ pool }) => pool === region)
      .map(({ healthy, reason }) => ({ healthy, reason }));
  }

  get url(): string {
    return this.balancer.address?.url ?? "";
  }

  async ask(headers: Record<string, string> = {}, init: RequestInit = {}) {
    const response = await fetch(`${this.url}/api`, { redirect: "manual", headers, ...init });
    const cookie = response.headers.get("set-cookie")?.split(";")[0];
    const text = await response.text();
    return { status: response.status, region: response.headers.get("x-local-pool"), cookie, text, response };
  }

  async end(): Promise<void> {
    await this.balancer.stop();
    for (const origin of Object.values(this.origins)) await origin.close();
  }
}
