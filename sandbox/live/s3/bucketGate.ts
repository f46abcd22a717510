import {
  Agent,
  createServer,
  type IncomingMessage,
  request as requestFrom,
  type Server,
  type ServerResponse,
} from "node:http";
import { close, listen } from "../process/listen";
import { type BucketRequest, bucketRequest, writesOf } from "./bucketRequest";
import type { Write } from "./replication";
import type { Turns } from "./turns";

/** What a gate leads to, and what it lets through. */
export interface BehindGate {
  /** Loopback port of the store. */
  readonly port: number;
  /** Whether a bucket answers whoever comes through this gate; undefined: a request of no bucket. */
  answers(bucket: string | undefined): boolean;
  /** Told of each write the store took, before its client is. */
  written(write: Write): void;
  /** Whoever writes an object takes turns, replication too: so writes are told in the order in which the store took them. */
  readonly turns: Turns;
}

/** A request under way. */
interface Exchange {
  readonly asked: BucketRequest;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Nothing is said to its client any more. */
  isSilent: boolean;
}

/** An SDK keeps a connection for its next request. */
const IDLE_TIMEOUT_MS = 120_000;

/**
 * An address of S3, for one region or for everybody. A bucket that cannot be reached does not refuse: it is silent, as an
 * AWS region is that is lost or cut off. When it answers again, the connections of before are reset.
 */
export class BucketGate {
  private server: Server | undefined;
  private readonly exchanges = new Set<Exchange>();
  private readonly agent = new Agent({ keepAlive: false });

  /** @param port on loopback */
  constructor(
    readonly port: number,
    private readonly behind: BehindGate,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async open(): Promise<void> {
    if (this.server) return;
    // A large upload may take its time.
    const limits = { requestTimeout: 0, keepAliveTimeout: IDLE_TIMEOUT_MS };
    const server = createServer(limits, (request, response) => void this.take(request, response));
    await listen(server, this.port);
    this.server = server;
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await close(server);
    this.agent.destroy();
  }

  /** After what answers has changed. */
  refresh(): void {
    for (const exchange of this.exchanges) {
      if (!this.behind.answers(exchange.asked.bucket)) exchange.isSilent = true;
      else if (exchange.isSilent) exchange.request.socket.resetAndDestroy();
    }
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = bucketRequest(request.method ?? "GET", request.url ?? "/");
    const exchange: Exchange = { asked, request, response, isSilent: !this.behind.answers(asked.bucket) };
    this.exchanges.add(exchange);
    response.once("close", () => this.exchanges.delete(exchange));
    const { bucket, key, change } = asked;
    const pass = () => (exchange.isSilent || response.destroyed ? Promise.resolve() : this.pass(exchange));
    await (change && key !== undefined ? this.behind.turns.take(`${bucket}/${key}`, pass) : pass());
  }

  /** Resolved once the store has answered, or will not. */
  private pass(exchange: Exchange): Promise<void> {
    const { asked, request, response } = exchange;
    return new Promise((resolve) => {
      // Answered here already.
      const { expect: _, ...headers } = request.headers;
      const { port } = this.behind;
      const options = {
        host: "127.0.0.1",
        port,
        method: request.method,
        path: request.url,
        headers,
        agent: this.agent,
      };
      const toStore = requestFrom(options, (answer) => {
        const isTaken = (answer.statusCode ?? 500) < 300;
        const [versionId] = [answer.headers["x-amz-version-id"] ?? []].flat();
        if (isTaken) for (const write of writesOf(asked, versionId, body())) this.behind.written(write);
        answer.once("close", resolve);
        if (exchange.isSilent || response.destroyed) {
          answer.resume();
          return;
        }
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      toStore.once("error", () => {
        if (!exchange.isSilent && !response.writableEnded) request.socket.resetAndDestroy();
        resolve();
      });
      // Who goes away in the middle of an upload leaves no object; a whole one the store may have taken.
      response.once("close", () => {
        if (!request.complete) toStore.destroy();
      });
      const body = asked.change === "delete-many" ? kept(request) : () => "";
      request.pipe(toStore);
    });
  }
}

/** What has been read of a request's body. */
function kept(request: IncomingMessage): () => string {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
