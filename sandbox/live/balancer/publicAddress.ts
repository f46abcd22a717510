import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createProxyServer } from "httpxy";
import { takesConnections } from "../process/connection";
import { listen } from "../process/listen";
import type { Admission, Gate } from "./access/gate";
import { HEAD_BYTES_MAX, hostAsSent, inOneForm } from "./asSent";
import {
  ANSWER_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  ConnectTimeout,
  IDLE_TIMEOUT_MS,
  OriginAgent,
  type Undelivered,
  undelivered,
} from "./delivery";
import type { SeenRequest } from "./frontDoor/expression";
import type { FrontDoor } from "./frontDoor/frontDoor";
import { boundedBody, keptBody } from "./requestBody";
import { addressOf, headersFor, type ProxiedPool, type Route } from "./route";

/** State of a request that is being delivered to an origin. */
interface Exchange {
  readonly pool: ProxiedPool;
  readonly route: Route;
  connected: boolean;
  silent: boolean;
  answered: boolean;
}

/** Response header with the region that answered. Only the local fleet sends it; Cloudflare does not. */
const POOL_HEADER = "x-local-pool";

/** The fleet's public address: proxies HTTP and WebSockets to the pools that the balancer chooses for each request. */
export class PublicAddress {
  private readonly proxy = createProxyServer();
  private readonly agent = new OriginAgent();
  private readonly exchanges = new WeakMap<IncomingMessage, Exchange>();
  /** Access cookies of requests that were just admitted, to set on their responses. */
  private readonly accessCookies = new WeakMap<IncomingMessage, string>();
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  /**
   * @param port on loopback
   * @param hostname the public name: an origin's redirect to it is rewritten to the public address
   * @param frontDoor rules that are evaluated before a pool is chosen
   * @param gate Access' sign-in check for requests that pass the front door (Cloudflare, "Traffic sequence")
   */
  constructor(
    readonly port: number,
    private readonly hostname: () => string,
    private readonly routeOf: (request: IncomingMessage) => Route,
    private readonly frontDoor: FrontDoor,
    private readonly gate: Gate,
  ) {
    this.proxy.on("proxyReq", (outgoing, request) => {
      const exchange = this.exchanges.get(request);
      if (!exchange) return;
      exchange.connected = true;
      outgoing.once("timeout", () => {
        exchange.silent = true;
      });
    });
    this.proxy.on("proxyRes", (answer, request) => this.answering(answer, request));
    this.proxy.on("proxyReqWs", (outgoing, request) => {
      // Registered before the library's own listeners, which write the head of the response.
      outgoing.once("upgrade", (answer: IncomingMessage) => this.answering(answer, request, true));
      outgoing.once("response", (answer: IncomingMessage) => this.answering(answer, request));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    if (this.server) return;
    // No request timeout, because uploads may be slow. Idle connections stay open as long as Cloudflare keeps them.
    const limits = { requestTimeout: 0, keepAliveTimeout: IDLE_TIMEOUT_MS, maxHeaderSize: HEAD_BYTES_MAX };
    const server = createServer(limits, (request, response) => void this.pass(request, response));
    server.on("upgrade", (request, socket, head) => void this.upgrade(request, socket as Socket, head));
    server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    });
    await listen(server, this.port);
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await new Promise<void>((resolve) => {
      if (!server) return resolve();
      server.close(() => resolve());
      // The server does not track upgraded connections, so they are destroyed separately.
      for (const socket of this.sockets) socket.destroy();
    });
    this.agent.destroy();
  }

  private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const malformed = inOneForm(request);
    if (malformed !== undefined) {
      response.writeHead(malformed, { "content-type": "text/plain", connection: "close" }).end(`error: ${malformed}\n`);
      return;
    }
    const refusal = this.frontDoor.refuses(this.seen(request));
    if (refusal) {
      // The request body is never read, so the connection cannot be reused.
      const headers = { ...this.frontDoor.headersFor(this.seen(request)), "content-type": "text/plain" };
      response.writeHead(refusal.status, { ...headers, connection: "close" }).end(refusal.text);
      return;
    }
    const { answer } = this.letIn(request);
    if (answer) {
      const own = { "content-type": "text/plain", ...this.frontDoor.headersFor(this.seen(request)), ...answer.headers };
      response.writeHead(answer.status, { ...own, connection: "close" }).end(answer.text);
      return;
    }
    // Node has already answered `Expect: 100-continue` when it reads the body.
    delete request.headers.expect;
    // A visitor who disconnects while the body is read needs no response.
    const body = await keptBody(request).catch(() => "gone" as const);
    if (body === "gone") return;
    const route = this.routeOf(request);
    let failure: Undelivered = { code: 530, again: false };
    for (const pool of route.pools.slice(0, 2)) {
      const outcome = await this.deliver(request, response, pool, route, body);
      if (outcome === undefined) return;
      failure = outcome;
      if (!failure.again || !body || !route.failsOver(pool)) break;
    }
    if (response.headersSent || response.destroyed) return;
    // The rest of the body is never read, so the connection cannot be reused.
    response.writeHead(failure.code, { "content-type": "text/plain", ...(!body && { connection: "close" }) });
    response.end(`error code: ${failure.code}\n`);
  }

  /** Delivers a request to one pool. Returns undefined if the origin answered or the visitor disconnected. */
  private async deliver(
    request: IncomingMessage,
    response: ServerResponse,
    pool: ProxiedPool,
    route: Route,
    body: Awaited<ReturnType<typeof keptBody>>,
  ): Promise<Undelivered | undefined> {
    const port = pool.port();
    if (port === undefined) return { code: 521, again: true };
    const exchange: Exchange = { pool, route, connected: false, silent: false, answered: false };
    this.exchanges.set(request, exchange);
    try {
      await this.proxy.web(request, response, {
        target: `http://127.0.0.1:${port}`,
        agent: this.agent,
        proxyTimeout: ANSWER_TIMEOUT_MS,
        headers: headersFor(request, pool),
        buffer: body ? body() : boundedBody(request, () => response.destroy()),
      });
    } catch (error) {
      exchange.silent ||= error instanceof ConnectTimeout;
      if (!exchange.answered) return undelivered(exchange);
      response.destroy();
    }
    return undefined;
  }

  private async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    const malformed = inOneForm(request);
    const refusal =
      malformed === undefined
        ? (this.frontDoor.refuses(this.seen(request)) ?? this.letIn(request).answer)
        : { status: malformed };
    if (refusal) {
      socket.end(`HTTP/1.1 ${refusal.status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const route = this.routeOf(request);
    let code = 530;
    for (const pool of route.pools.slice(0, 2)) {
      // The library closes the visitor's connection on failure, so an upgrade is attempted only if the origin takes
      // connections.
      if (await takesConnections(pool.port(), CONNECT_TIMEOUT_MS)) {
        this.exchanges.set(request, { pool, route, connected: true, silent: false, answered: false });
        const options = { target: `http://127.0.0.1:${pool.port()}`, headers: headersFor(request, pool) };
        await this.proxy.ws(request, socket, options, head).catch(() => socket.destroy());
        return;
      }
      code = 521;
      if (!route.failsOver(pool)) break;
    }
    socket.end(`HTTP/1.1 ${code} Origin Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  private answering({ headers }: IncomingMessage, request: IncomingMessage, isUpgrade = false): void {
    const exchange = this.exchanges.get(request);
    if (!exchange) return;
    exchange.answered = true;
    const { pool, route } = exchange;
    const { setCookie } = route.answeredBy(pool);
    headers[POOL_HEADER] = pool.region;
    Object.assign(headers, this.frontDoor.headersFor(this.seen(request)));
    const added = [setCookie, this.accessCookies.get(request)].filter((cookie) => cookie !== undefined);
    if (added.length > 0) headers["set-cookie"] = [...(headers["set-cookie"] ?? []), ...added];
    // Keep-alive describes the connection to the origin, not the visitor's.
    delete headers["keep-alive"];
    if (!isUpgrade) delete headers.connection;
    if (headers.location !== undefined) headers.location = this.publicLocation(headers.location);
  }

  private letIn(request: IncomingMessage): Admission {
    const admission = this.gate.admits(this.seen(request));
    if (!admission.answer && admission.setCookie !== undefined) this.accessCookies.set(request, admission.setCookie);
    return admission;
  }

  /**
   * Returns the request as rules see it. The local address always represents the public hostname, whatever name the
   * visitor used.
   */
  private seen({ method = "", url = "", headers, socket }: IncomingMessage): SeenRequest {
    const hostname = this.hostname();
    return { hostname, host: hostAsSent(headers.host, hostname), address: addressOf(socket), method, url, headers };
  }

  /** Rewrites a redirect to the public name to the local address. */
  private publicLocation(location: string): string {
    const at = URL.canParse(location) ? new URL(location) : undefined;
    return at?.hostname === this.hostname() ? `${this.url}${at.pathname}${at.search}${at.hash}` : location;
  }
}
