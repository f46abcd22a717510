import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { close, listen } from "../process/listen";

const run = promisify(execFile);

const REPOSITORY = "flows.git";
/** Matches a region's own path, and the repository's path in it. */
const REGIONAL = /^\/([^/]+)(\/flows\.git(?:\/.*)?)$/;

/** The fleet's bare Git repository, served over HTTP by Git's own backend, so that a fault can make it unavailable. */
export class GitServer {
  private server: Server | undefined;
  private readonly blocked = new Set<string>();
  readonly directory: string;
  /** Called after a push. */
  onPush: () => void = () => undefined;

  constructor(
    private readonly folder: string,
    readonly port: number,
  ) {
    this.directory = join(folder, REPOSITORY);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/${REPOSITORY}`;
  }

  /** Returns a URL of the repository that only one region uses, so that a fault can block only that region. */
  urlOf(region: string): string {
    return `http://127.0.0.1:${this.port}/${encodeURIComponent(region)}/${REPOSITORY}`;
  }

  /** Resets all requests of a region. Other regions are not affected. */
  block(region: string): void {
    this.blocked.add(region);
  }

  unblock(region: string): void {
    this.blocked.delete(region);
  }

  get running(): boolean {
    return this.server !== undefined;
  }

  async start(): Promise<void> {
    if (this.server) return;
    if (!existsSync(this.directory)) await initialise(this.directory);
    const server = createServer((request, response) => {
      try {
        this.answer(request, response);
      } catch {
        response.writeHead(400).end(); // The URL cannot be decoded.
      }
    });
    await listen(server, this.port);
    this.server = server;
  }

  /** Refuses new connections and breaks open ones. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await close(server);
  }

  /** Answers a request by CGI (RFC 3875), as far as `git http-backend` uses it. */
  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: asked, search } = new URL(request.url ?? "/", "http://localhost");
    const [, region, inner] = REGIONAL.exec(asked) ?? [];
    if (region !== undefined && this.blocked.has(decodeURIComponent(region))) {
      request.socket.resetAndDestroy();
      return;
    }
    const pathname = inner ?? asked;
    const backend = spawn("git", ["http-backend"], {
      stdio: ["pipe", "pipe", "ignore"],
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: this.folder,
        GIT_HTTP_EXPORT_ALL: "1",
        // Git refuses a repository that belongs to a different user. This server is the only one that serves it.
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "safe.directory",
        GIT_CONFIG_VALUE_0: "*",
        PATH_INFO: decodeURIComponent(pathname),
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        CONTENT_LENGTH: request.headers["content-length"] ?? "",
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        REMOTE_ADDR: "127.0.0.1",
        REMOTE_USER: "live",
      },
    });
    response.once("close", () => backend.kill());
    if (request.method === "POST" && pathname.endsWith("/git-receive-pack"))
      response.once("finish", () => this.onPush());
    backend.once("error", () => response.writeHead(500).end());
    backend.stdin.on("error", () => undefined); // The backend may answer before it has read the whole body.
    request.pipe(backend.stdin);
    let head = Buffer.alloc(0);
    const onHead = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      backend.stdout.off("data", onHead);
      writeHead(response, head.subarray(0, end).toString("latin1"));
      response.write(head.subarray(end + 4));
      backend.stdout.pipe(response);
    };
    backend.stdout.on("data", onHead);
    backend.stdout.once("end", () => response.headersSent || response.writeHead(500).end());
  }
}

function writeHead(response: ServerResponse, head: string): void {
  let status = 200;
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}

async function initialise(directory: string): Promise<void> {
  const partial = `${directory}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true });
  await run("git", ["init", "--quiet", "--bare", "--initial-branch=main", partial]);
  await run("git", ["-C", partial, "config", "http.receivepack", "true"]);
  renameSync(partial, directory);
}
