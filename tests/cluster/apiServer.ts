import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { READERS_GROUP } from "../../model/readableKinds";
import { freePort } from "../../sandbox/live/ports";
import type { Manifest } from "../langflow";
import { eventually, LOOPBACK, Program } from "./program";
import { ETCD, findTool, KUBE_APISERVER } from "./tools";

/** A response of the API server. */
export interface Answer {
  /** HTTP status: 200 and 201 mean success. */
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an object of any kind, or a Status
  readonly body: any;
  /** `Warning` headers, for example from pod security admission. */
  readonly warnings: readonly string[];
}

/** Bearer tokens of the users: an administrator, and a member of the readers' group. */
export const TOKENS = { administrator: "administrators-token", reader: "readers-token" } as const;
const GROUPS = { administrator: "system:masters", reader: READERS_GROUP };

const MERGE = "application/strategic-merge-patch+json";
const JSON_PATCH = "application/json-patch+json";

/** Kinds whose objects the server or its controllers create and delete on their own. */
const PASSING = new Set([
  "Event",
  "Lease",
  "EndpointSlice",
  "Endpoints",
  "ControllerRevision",
  "ComponentStatus",
  "CSINode",
]);

/**
 * A dedicated Kubernetes API server on loopback, backed by etcd and without controllers. It admits or refuses objects
 * but
 * runs nothing. The server is ready when {@link start} resolves. {@link stop} leaves no process and no file behind.
 */
export class ApiServer {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly plurals = new Map<string, { plural: string; namespaced: boolean }>();

  private constructor(
    private readonly port: number,
    /** The server's self-signed certificate, in PEM format, which is also the CA certificate. */
    readonly authority: string,
    /** Folder for the data of etcd and the logs of both programs. */
    readonly folder: string,
    private readonly etcd: Program,
    private readonly program: Program,
  ) {}

  static async start(): Promise<ApiServer> {
    const [etcdPath, apiServerPath] = [await findTool(ETCD), await findTool(KUBE_APISERVER)];
    const folder = await mkdtemp(join(tmpdir(), "langflow-dr-cluster-"));
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = join(folder, "service-accounts.pem");
    await writeFile(key, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
    const users = Object.entries(TOKENS).map(
      ([user, token]) => `${token},${user},${user},"${GROUPS[user as keyof typeof TOKENS]}"\n`,
    );
    await writeFile(join(folder, "tokens.csv"), users.join(""), { mode: 0o600 });
    const etcdUrl = `http://${LOOPBACK}:${client}`;
    const peerUrl = `http://${LOOPBACK}:${peer}`;
    const etcd = Program.start(folder, "etcd", [
      etcdPath,
      `--data-dir=${join(folder, "etcd")}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      // A crash loses only the data of a test.
      "--unsafe-no-fsync",
    ]);
    const program = Program.start(folder, "kube-apiserver", [
      apiServerPath,
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
      // A privileged pod has to reach admission, which then refuses it.
      "--allow-privileged=true",
    ]);
    const certificate = join(folder, "certificates", "apiserver.crt");
    const authority = await eventually("a certificate of the API server", () => readFile(certificate, "utf8"), [
      etcd,
      program,
    ]);
    const server = new ApiServer(secure, authority, folder, etcd, program);
    await server.ready();
    return server;
  }

  /** Base URL in the form `https://127.0.0.1:port`. */
  get url(): string {
    return `https://${LOOPBACK}:${this.port}`;
  }

  /** Path of the private key that signs ServiceAccount tokens. The controller manager needs it. */
  get serviceAccountKey(): string {
    return join(this.folder, "service-accounts.pem");
  }

  /** Kills the API server abruptly, like a machine failure. Its data stays in etcd. */
  async kill(): Promise<void> {
    await this.program.stop();
  }

  /** Restarts the server after {@link kill}, at the same address and with the same certificate. */
  async revive(): Promise<void> {
    this.program.again();
    await this.ready();
  }

  /**
   * Replaces the server, after {@link kill}, with one that accepts connections under the same certificate but never
   * answers.
   *
   * @returns a function that stops the replacement and restarts the real server
   */
  async mute(): Promise<() => Promise<void>> {
    const [key, cert] = await Promise.all(
      ["key", "crt"].map((end) => readFile(join(this.folder, "certificates", `apiserver.${end}`))),
    );
    const held = new Set<TLSSocket>();
    const silent = createServer({ key, cert, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
      held.add(socket);
      socket.on("error", () => undefined).resume();
    });
    await new Promise<void>((resolve, reject) => {
      silent.once("error", reject).listen(this.port, LOOPBACK, resolve);
    });
    return async () => {
      for (const socket of held) socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
      await this.revive();
    };
  }

  /** Suspends the server process: the operating system still accepts connections, but no request is answered. */
  freeze(): void {
    this.program.signal("SIGSTOP");
  }

  /** Resumes the server after {@link freeze} and waits until it answers. */
  async thaw(): Promise<void> {
    this.program.signal("SIGCONT");
    await this.ready();
  }

  private async ready(): Promise<void> {
    await eventually("the API server to be ready", async () => {
      const { status } = await this.send("GET", "/readyz");
      if (status !== 200) throw new Error(`/readyz answers ${status}`);
    }, [this.etcd, this.program]);
  }

  /**
   * Creates an object with strict validation: unknown and duplicate fields are errors.
   *
   * @param options `dryRun` runs admission without storing the object
   */
  async create(manifest: Manifest, { dryRun = false }: { dryRun?: boolean } = {}): Promise<Answer> {
    const query = `?fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
    return this.send("POST", `${await this.collection(manifest)}${query}`, manifest);
  }

  /** Reads an existing object. */
  async read(manifest: Manifest): Promise<Answer> {
    return this.send("GET", await this.pathOf(manifest));
  }

  /** Patches an object, or its `subresource`, as a dry run. */
  async tryPatch(manifest: Manifest, change: object, subresource?: string): Promise<Answer> {
    const part = subresource ? `/${subresource}` : "";
    return this.send("PATCH", `${await this.pathOf(manifest)}${part}?dryRun=All`, change, MERGE);
  }

  /** Patches an object, or its `subresource`. */
  async patch(manifest: Manifest, change: object, subresource?: string): Promise<Answer> {
    const part = subresource ? `/${subresource}` : "";
    return this.send("PATCH", `${await this.pathOf(manifest)}${part}`, change, MERGE);
  }

  /** Applies a JSON patch (RFC 6902) to an object. */
  async patchJson(manifest: Manifest, change: readonly object[]): Promise<Answer> {
    return this.send("PATCH", await this.pathOf(manifest), change, JSON_PATCH);
  }

  /** Patches an object in the same way as `kubectl edit`. */
  async edit(manifest: Manifest, change: object): Promise<Answer> {
    return this.send("PATCH", `${await this.pathOf(manifest)}?fieldManager=kubectl-edit`, change, MERGE);
  }

  async remove(manifest: Manifest): Promise<Answer> {
    return this.send("DELETE", await this.pathOf(manifest));
  }

  /** Returns all objects of a kind in all namespaces. */
  async list(apiVersion: string, kind: string): Promise<Manifest[]> {
    const { status, body } = await this.send("GET", await this.everywhere(apiVersion, kind));
    if (status !== 200) throw new Error(`${kind} cannot be listed: ${body.message}`);
    return (body.items as Manifest[]).map((item) => ({ ...item, apiVersion, kind }));
  }

  /**
   * Returns every object in the cluster as `kind namespace/name`, without the transient kinds: events, leases and
   * objects
   * that mirror others.
   */
  async inventory(): Promise<string[]> {
    const { body } = await this.send("GET", "/apis");
    const groups = body.groups.map(
      (group: { preferredVersion: { groupVersion: string } }) => group.preferredVersion.groupVersion,
    );
    const found: string[] = [];
    for (const apiVersion of ["v1", ...groups]) {
      const { body: known } = await this.send("GET", apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`);
      for (const { kind, name, verbs } of known.resources) {
        if (name.includes("/") || !verbs.includes("list") || PASSING.has(kind)) continue;
        // The server may not list a kind yet whose definition is only a moment old.
        for (const { metadata } of await eventually(`a list of ${kind}`, () => this.list(apiVersion, kind)))
          found.push(`${kind} ${metadata.namespace ? `${metadata.namespace}/` : ""}${metadata.name}`);
      }
    }
    return [...new Set(found)].sort();
  }

  /**
   * Returns the HTTP status that a member of a group receives for a `GET`, `LIST`, `PATCH` or `DELETE` (writes are dry
   * runs).
   */
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

  /** Kills both programs: neither has data to save, and a graceful shutdown takes up to a minute. */
  async stop(): Promise<void> {
    this.agent.destroy();
    await Promise.all([this.program.stop(), this.etcd.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Returns the collection path for a manifest's kind and namespace. */
  private async collection({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const { group, plural, namespaced } = await this.resource(apiVersion, kind);
    return namespaced ? `${group}/namespaces/${metadata.namespace}/${plural}` : `${group}/${plural}`;
  }

  private async everywhere(apiVersion: string, kind: string): Promise<string> {
    const { group, plural } = await this.resource(apiVersion, kind);
    return `${group}/${plural}`;
  }

  /** Returns the group path, plural name and scope of a kind, from the server's own discovery. */
  private async resource(apiVersion: string, kind: string) {
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
    return { ...found, group };
  }

  private send(
    method: string,
    path: string,
    body?: object,
    type = "application/json",
    more: Record<string, string> = {},
  ): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${TOKENS.administrator}`,
      "content-type": type,
      accept: "application/json",
      ...more,
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: LOOPBACK, port: this.port, path, method, headers, ca: this.authority, agent: this.agent },
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
      // A keep-alive connection may close just when it is reused (Node's documentation, `request.reusedSocket`).
      outgoing.on("error", (error) =>
        outgoing.reusedSocket && method === "GET" ? resolve(this.send(method, path, body, type, more)) : reject(error),
      );
      outgoing.end(body && JSON.stringify(body));
    });
  }
}
