import { createHash } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import { BlackHole } from "../process/blackHole";
import { Late } from "../process/late";
import { listen } from "../process/listen";

/** A fault on the network path between a pod and its clients. */
export interface PathFault {
  /** Added delay of every response, in milliseconds. */
  readonly lateMs: number;
  /** Share of connections that are reset once a request was sent, from 0 to 1. */
  readonly brokenShare: number;
}

/** Number of consecutive connections among which the broken ones are drawn. */
const ROUND = 10;

export const NO_FAULT: PathFault = { lateMs: 0, brokenShare: 0 };

/** Address of a Service: forwards connections to its pods in turn, and refuses them while it has no pods. */
export class Endpoint {
  private readonly server: Server;
  private readonly open = new Set<Socket>();
  private hole: BlackHole | undefined;
  /** Number of connections since the fault began. */
  private taken = 0;

  private constructor(
    readonly port: number,
    private readonly target: () => number | undefined,
    private readonly fault: () => PathFault,
  ) {
    // A client that has closed its sending side still receives its response, as below.
    this.server = createServer({ allowHalfOpen: true }, (client) => this.forward(client));
  }

  /**
   * @param target returns the port of the pod for the next connection
   * @param fault returns the current fault on the path
   */
  static async start(port: number, target: () => number | undefined, fault = () => NO_FAULT): Promise<Endpoint> {
    const endpoint = new Endpoint(port, target, fault);
    await listen(endpoint.server, port);
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Leaves new connections unanswered: neither accepted nor refused. Open connections stay open. */
  async silence(): Promise<void> {
    this.server.close();
    this.hole = await BlackHole.open(this.port);
  }

  async answer(): Promise<void> {
    await this.hole?.close();
    this.hole = undefined;
    await listen(this.server, this.port);
  }

  close(): void {
    void this.hole?.close();
    this.server.close();
    for (const socket of this.open) socket.destroy();
  }

  private forward(client: Socket): void {
    const port = this.target();
    if (port === undefined) {
      client.resetAndDestroy();
      return;
    }
    if (this.isBroken()) {
      this.keep(client);
      for (const event of ["data", "end"]) client.once(event, () => client.resetAndDestroy());
      return;
    }
    const pod = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    for (const [one, other] of [
      [client, pod],
      [pod, client],
    ] as const) {
      this.keep(one);
      // A side that ends normally ends the other one by itself, after all data has passed through.
      one.once("error", () => other.destroy());
    }
    client.pipe(pod);
    pod.pipe(new Late(() => this.fault().lateMs)).pipe(client);
  }

  /** Whether the next connection is broken. The result is the same in each run, counted from the start of the fault. */
  private isBroken(): boolean {
    const { brokenShare } = this.fault();
    if (brokenShare === 0) this.taken = 0;
    return brokenShare > 0 && isAmong(brokenShare, this.taken++);
  }

  private keep(socket: Socket): void {
    this.open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.open.delete(socket));
  }
}

/**
 * Whether a connection belongs to a share. Of every ten consecutive connections it selects that share, rounded up, by a
 * deterministic pseudorandom draw. A fixed pattern would affect all or none of the requests of a client that sends at a
 * regular interval.
 */
export function isAmong(share: number, index: number): boolean {
  const first = index - (index % ROUND);
  const lots = Array.from({ length: ROUND }, (_, place) => lotOf(first + place)).sort();
  return lots.indexOf(lotOf(index)) < share * ROUND;
}

const lotOf = (index: number): string => createHash("sha256").update(String(index)).digest("hex");
