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

/** The store behind a gate, and the gate's access rules. */
export interface BehindGate {
  /** Loopback port of the store. */
  readonly port: number;
  /** Whether a bucket responds to requests through this gate. Undefined: the request names no bucket. */
  answers(bucket: string | undefined): boolean;
  /** Called for each write that the store accepted, before its client gets the response. */
  written(write: Write): void;
  /**
   * Serializes the writes of each object, including replicated ones, so that writes are reported in the order in which
   * the store accepted them.
   */
  readonly turns: Turns;
}

/** A request that is being processed. */
interface Exchange {
  readonly asked: BucketRequest;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Whether the client no longer gets a response. */
  isSilent: boolean;
}

/** Keep-alive timeout: SDKs reuse a connection for their next request. */
const IDLE_TIMEOUT_MS = 120_000;

/**
 * An S3 endpoint, for one region or for all clients. An unreachable bucket does not refuse requests but leaves them
 * unanswered, like a lost or disconnected AWS region. When the bucket becomes reachable again, its old connections are
 * reset.
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
    // No request timeout, because large uploads may be slow.
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

  /** Applies a change of the access rules to requests in progress. */
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

  /** Passes a request to the store. Resolves once the store has answered or cannot answer. */
  private pass(exchange: Exchange): Promise<void> {
    const { asked, request, response } = exchange;
    return new Promise((resolve) => {
      // Node has already answered `Expect: 100-continue` here.
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
      // A client that disconnects during an upload leaves no object. The store may already have accepted a complete
      // upload.
      response.once("close", () => {
        if (!request.complete) toStore.destroy();
      });
      const body = asked.change === "delete-many" ? kept(request) : () => "";
      request.pipe(toStore);
    });
  }
}

/** Returns a function that returns the part of the request's body that has been read. */
function kept(request: IncomingMessage): () => string {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}
