import { connect, createServer, type Server, type Socket } from "node:net";
import { BlackHole } from "../process/blackHole";
import { listen } from "../process/listen";

/** A Service's address: connections go to its pod while that is ready, and are refused while it is not. */
export class Endpoint {
  private readonly server: Server;
  private readonly open = new Set<Socket>();
  private hole: BlackHole | undefined;

  private constructor(
    readonly port: number,
    private readonly ready: () => number | undefined,
  ) {
    this.server = createServer((client) => this.forward(client));
  }

  /** @param ready the pod's port while it is ready */
  static async start(port: number, ready: () => number | undefined): Promise<Endpoint> {
    const endpoint = new Endpoint(port, ready);
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
    const port = this.ready();
    if (port === undefined) {
      client.resetAndDestroy();
      return;
    }
    const pod = connect({ host: "127.0.0.1", port });
    for (const [one, other] of [
      [client, pod],
      [pod, client],
    ] as const) {
      this.open.add(one);
      one.setNoDelay(true);
      one.once("error", () => other.destroy());
      one.once("close", () => {
        this.open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
