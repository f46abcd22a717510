import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../langflow";
import { ETCD, findTool, KUBE_APISERVER } from "./tools";

/** What the API server said. */
export interface Answer {
  /** HTTP status: 200 and 201 are yes. */
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an object of any kind, or a Status
  readonly body: any;
  /** `Warning` headers, such as those of pod security admission. */
  readonly warnings: readonly string[];
}

const TOKEN = "cluster-tier";
const LOOPBACK = "127.0.0.1";

const MERGE = "application/strategic-merge-patch+json";

/**
 * A Kubernetes API server of its own on loopback, with etcd behind it and no controllers: it admits or refuses, and
 * runs nothing. Ready when {@link start} resolves; {@link stop} leaves neither process nor file.
 */
export class ApiServer {
  private readonly plurals = new Map<string, { plural: string; namespaced: boolean }>();

  private constructor(
    private readonly port: number,
    private readonly authority: string,
    private readonly folder: string,
    private readonly processes: readonly ChildProcess[],
  ) {}

  static async start(): Promise<ApiServer> {
    const [etcd, kubeApiServer] = [await findTool(ETCD), await findTool(KUBE_APISERVER)];
    const folder = await mkdtemp(join(tmpdir(), "langflow-dr-cluster-"));
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = join(folder, "service-accounts.pem");
    await writeFile(key, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
    await writeFile(join(folder, "tokens.csv"), `${TOKEN},tester,tester,system:masters\n`, { mode: 0o600 });
    const etcdUrl = `http://${LOOPBACK}:${client}`;
    const peerUrl = `http://${LOOPBACK}:${peer}`;
    const processes = [
      run(etcd, [
        `--data-dir=${join(folder, "etcd")}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
        // A crash loses a test, nothing else.
        "--unsafe-no-fsync",
      ]),
      run(kubeApiServer, [
        `--etcd-servers=${etcdUrl}`,
        `--bind-address=${LOOPBACK}`,
        `--secure-port=${secure}`,
        `--cert-dir=${join(folder, "certificates")}`,
        `--token-auth-file=${join(folder, "tokens.csv")}`,
        `--service-account-key-file=${key}`,
        `--service-account-signing-key-file=${key}`,
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.100.0.0/16",
        "--authorization-mode=RBAC",
        // A privileged pod must reach admission, to be refused there.
        "--allow-privileged=true",
      ]),
    ];
    const certificate = join(folder, "certificates", "apiserver.crt");
    const authority = await eventually(
      "a certificate of the API server",
      () => readFile(certificate, "utf8"),
      processes,
    );
    const server = new ApiServer(secure, authority, folder, processes);
    await eventually(
      "the API server to be ready",
      async () => {
        const { status } = await server.send("GET", "/readyz");
        if (status !== 200) throw new Error(`/readyz answers ${status}`);
      },
      processes,
    );
    return server;
  }

  /**
   * Creates an object; unknown and doubled fields are errors.
   *
   * @param options `dryRun` runs admission and keeps nothing
   */
  async create(manifest: Manifest, { dryRun = false }: { dryRun?: boolean } = {}): Promise<Answer> {
    const query = `?fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
    return this.send("POST", `${await this.collection(manifest)}${query}`, manifest);
  }

  /** Reads an object that was created. */
  async read(manifest: Manifest): Promise<Answer> {
    return this.send("GET", await this.pathOf(manifest));
  }

  /** Merges a change into an object or, by `subresource`, into a part of it, without keeping it. */
  async tryPatch(manifest: Manifest, change: object, subresource?: string): Promise<Answer> {
    const part = subresource ? `/${subresource}` : "";
    return this.send("PATCH", `${await this.pathOf(manifest)}${part}?dryRun=All`, change, MERGE);
  }

  /** Merges a change into an object. */
  async patch(manifest: Manifest, change: object): Promise<Answer> {
    return this.send("PATCH", await this.pathOf(manifest), change, MERGE);
  }

  /** Status of what a member of a group asks about an object: `GET` it, `LIST` its kind, try a `PATCH`, a `DELETE`. */
  async statusFor(group: string, method: "GET" | "LIST" | "PATCH" | "DELETE", manifest: Manifest): Promise<number> {
    const [path, asGroup] = [
      await this.pathOf(manifest),
      { "impersonate-user": "somebody", "impersonate-group": group },
    ];
    const list = path.slice(0, path.lastIndexOf("/"));
    const [verb, target] = method === "LIST" ? ["GET", list] : [method, method === "GET" ? path : `${path}?dryRun=All`];
    return (await this.send(verb, target, method === "PATCH" ? {} : undefined, MERGE, asGroup)).status;
  }

  private async pathOf(manifest: Manifest): Promise<string> {
    return `${await this.collection(manifest)}/${manifest.metadata.name}`;
  }

  /** Kills rather than asks: neither program has anything worth saving, and a graceful end takes up to a minute. */
  async stop(): Promise<void> {
    const running = this.processes.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    await Promise.all(
      running.map((child) => {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        return ended;
      }),
    );
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The path of all objects of a manifest's kind, learnt from the server's own discovery. */
  private async collection({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const key = `${group}/${kind}`;
    if (!this.plurals.has(key)) {
      const { body } = await this.send("GET", group);
      for (const resource of body.resources ?? []) {
        if (resource.name.includes("/")) continue;
        const { name: plural, namespaced } = resource;
        this.plurals.set(`${group}/${resource.kind}`, { plural, namespaced });
      }
    }
    const found = this.plurals.get(key);
    if (!found) throw new Error(`the API server does not know ${apiVersion} ${kind}`);
    return found.namespaced ? `${group}/namespaces/${metadata.namespace}/${found.plural}` : `${group}/${found.plural}`;
  }

  private send(
    method: string,
    path: string,
    body?: object,
    type = "application/json",
    more: Record<string, string> = {},
  ): Promise<Answer> {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": type, accept: "application/json", ...more };
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: LOOPBACK, port: this.port, path, method, headers, ca: this.authority, agent: false },
        (incoming) => {
          let text = "";
          incoming.setEncoding("utf8");
          incoming.on("data", (chunk: string) => {
            text += chunk;
          });
          incoming.on("error", reject);
          incoming.on("end", () => {
            const json = incoming.headers["content-type"]?.includes("json");
            const warnings = [incoming.headers.warning ?? []].flat();
            resolve({ status: incoming.statusCode ?? 0, body: json ? JSON.parse(text) : text, warnings });
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body && JSON.stringify(body));
    });
  }
}

/** Starts a program that ends with this process, and keeps the last of what it says for an error message. */
function run(program: string, args: string[]): ChildProcess & { lastWords?: string } {
  const child: ChildProcess & { lastWords?: string } = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr?.on("data", (chunk) => {
    child.lastWords = `${child.lastWords ?? ""}${chunk}`.slice(-4000);
  });
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.removeListener("exit", end));
  return child;
}

/**
 * Asks until it is answered without an error.
 *
 * @throws Error where a program has ended, or a minute has passed
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  processes: readonly (ChildProcess & { lastWords?: string })[] = [],
): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const dead = processes.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    if (dead) throw new Error(`${dead.spawnfile} ended while waiting for ${what}:\n${dead.lastWords}`);
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`waited a minute for ${what}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** A port nobody listens on now; another program could take it before we do, which ends in a clear error. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, LOOPBACK, () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
