import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Receives spans like a collector and stores them unchanged, in OpenTelemetry's protobuf format, which contains texts
 * as they are.
 */
export class SpanInbox {
  private readonly bodies: Buffer[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<SpanInbox> {
    const server = createServer();
    const inbox = new SpanInbox(server);
    server.on("request", async (request, response) => {
      for await (const chunk of request) inbox.bodies.push(chunk);
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return inbox;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1/traces`;
  }

  /** All received data. */
  get text(): string {
    return Buffer.concat(this.bodies).toString("latin1");
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
