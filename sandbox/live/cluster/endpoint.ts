import { createHash } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import { BlackHole } from "../process/blackHole";
import { Late } from "../process/late";
import { listen } from "../process/listen";

/** What is made to go wrong between a pod and who asks it. */
export interface PathFault {
  /** Every answer comes so much later. */
  readonly lateMs: number;
  /** So many of the connections are reset once something was asked, from 0 to 1. */
  readonly brokenShare: number;
}

/** Connections among which a share is drawn. */
const ROUND = 10;

export const NO_FAULT: PathFault = { lateMs: 0, brokenShare: 0 };

/** A Service's address: connections go to its pods in turn, and are refused while it has none. */
export class Endpoint {
  private readonly server: Server;
  private readonly open = new Set<Socket>();
  private hole: BlackHole | undefined;
  /** Connections since something began to break them. */
  private taken = 0;

  private constructor(
    readonly port: number,
    private readonly target: () => number | undefined,
    private readonly fault: () => PathFault,
  ) {
    // Whoever has said all is answered all the same, as below.
    this.server = createServer({ allowHalfOpen: true }, (client) => this.forward(client));
  }

  /**
   * @param target port of the pod that the next connection goes to
   * @param fault what is wrong on the way at the moment
   */
  static async start(port: number, target: () => number | undefined, fault = () => NO_FAULT): Promise<Endpoint> {
    const endpoint = new Endpoint(port, target, fault);
    await listen(endpoint.server, port);
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections that are opened from now on are neither taken nor refused. Those that are open stay. */
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
      // What ends well ends the other by itself, once all that was said has come through.
      one.once("error", () => other.destroy());
    }
    client.pipe(pod);
    pod.pipe(new Late(() => this.fault().lateMs)).pipe(client);
  }

  /** The same connections each time, counted from when the fault began. */
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
 * Whether a connection is one of a share: of each ten in a row so many, rounded up, drawn by lot, the same ones each time. By lot,
 * since whoever asks at an even pace would otherwise meet with all of them, or with none.
 */
export function isAmong(share: number, index: number): boolean {
  const first = index - (index % ROUND);
  const lots = Array.from({ length: ROUND }, (_, place) => lotOf(first + place)).sort();
  return lots.indexOf(lotOf(index)) < share * ROUND;
}

const lotOf = (index: number): string => createHash("sha256").update(String(index)).digest("hex");
