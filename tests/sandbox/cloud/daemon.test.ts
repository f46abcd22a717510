import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type CloudResource, connectLocalCloud, type LocalCloud, startLocalCloud } from "../../../sandbox/cloud/client";
import { answers, takeLock } from "../../../sandbox/directory";
import { removeTemporaryFolders, secret, TYPES, temporaryFolder } from "../fixture";

const running: LocalCloud[] = [];

async function start(directory = temporaryFolder()): Promise<LocalCloud> {
  const cloud = await startLocalCloud(directory);
  running.push(cloud);
  return cloud;
}

afterAll(async () => {
  await Promise.all(running.map((cloud) => cloud.stop().catch(() => undefined)));
  removeTemporaryFolders();
});

/** Calls the HTTP API and returns the response's status and body. */
async function http(cloud: LocalCloud, method: string, path: string, body?: unknown) {
  const response = await fetch(cloud.url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

/** Waits for the response to a gRPC call. */
function answer<Response>(call: (done: (error: Error | null, response: Response) => void) => unknown) {
  return new Promise<Response>((resolve, reject) =>
    call((error, response) => (error ? reject(error) : resolve(response))),
  );
}

/** Opens an engine's connection to a provider of a stack, and configures the provider. */
async function dial(cloud: LocalCloud, provider: "aws" | "random", stack = "dev", region = "us-east-1") {
  const port = (await cloud.openSession(stack))[provider];
  const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1, // the engine also opens a connection per provider
  });
  const args = Struct.fromJavaScript({ region });
  await answer((done) => client.configure(new proto.ConfigureRequest().setArgs(args), done));
  return client;
}

async function create(
  client: ResourceProviderClient,
  type: string,
  name: string,
  inputs: Record<string, JavaScriptValue>,
) {
  const request = new proto.CreateRequest()
    .setUrn(`urn:pulumi:dev::langflow-dr::${type}::${name}`)
    .setProperties(Struct.fromJavaScript(inputs));
  const response = await answer<proto.CreateResponse>((done) => client.create(request, done));
  return { id: response.getId(), properties: response.getProperties()?.toJavaScript() ?? {} };
}

const named = (resources: CloudResource[], name: string) => resources.find((resource) => resource.name === name);

describe("the daemon", () => {
  it("starts once per directory, however many processes ask for it, and publishes its address", async () => {
    const directory = temporaryFolder();
    const clouds = await Promise.all([start(directory), start(directory), start(directory)]);
    expect(new Set(clouds.map(({ pid }) => pid)).size).toBe(1);
    const file = JSON.parse(readFileSync(join(directory, "server.json"), "utf8"));
    expect(file).toEqual({ pid: clouds[0]?.pid, url: clouds[0]?.url, version: expect.stringMatching(/^\d/) });
    expect(() => takeLock(join(directory, "server.lock"))).toThrow(`process ${file.pid} holds`);
  });

  it("is not available before it starts or after it stops", async () => {
    const directory = temporaryFolder();
    expect(await connectLocalCloud(directory)).toBeUndefined();
    const cloud = await start(directory);
    expect((await connectLocalCloud(directory))?.pid).toBe(cloud.pid);
    await cloud.stop();
    expect(await connectLocalCloud(directory)).toBeUndefined();
    expect(existsSync(join(directory, "server.lock"))).toBe(false);
  });

  it("restarts if it runs different code, and keeps its resources", async () => {
    const directory = temporaryFolder();
    const cloud = await start(directory);
    const client = await dial(cloud, "aws");
    await create(client, TYPES.logGroup, "one", { name: "one" });
    client.close();
    const file = join(directory, "server.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), version: "0.0.1+old" }));
    const again = await start(directory);
    expect(again.pid).not.toBe(cloud.pid);
    expect((await again.resources()).map(({ name }) => name)).toEqual(["one"]);
    expect((await start(directory)).pid).toBe(again.pid);
  });

  it("takes over from a dead process that left its lock and address behind", async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, "server.lock"), "999999999 1");
    writeFileSync(join(directory, "server.json"), '{"pid":999999999,"url":"http://127.0.0.1:9","version":"0"}');
    expect((await start(directory)).pid).not.toBe(999999999);
  });

  it("does not accept a folder as its lock, and leaves the folder unchanged", () => {
    const lock = join(temporaryFolder(), "change.lock");
    mkdirSync(join(lock, "kept"), { recursive: true });
    expect(() => takeLock(lock)).toThrow(`${lock} is a folder, but must be a file`);
    expect(readdirSync(lock)).toEqual(["kept"]);
  });

  it("holds its lock until the directory is deleted or another process has the lock", () => {
    const directory = temporaryFolder();
    const lock = join(directory, "server.lock");
    const held = takeLock(lock);
    expect(held.holds()).toBe(true);
    expect(() => takeLock(lock)).toThrow(`process ${process.pid} holds`);
    writeFileSync(lock, "1 1");
    expect(held.holds()).toBe(false);
    held.release();
    expect(readFileSync(lock, "utf8")).toBe("1 1");
    rmSync(directory, { recursive: true });
    expect(held.holds()).toBe(false);
  });

  it("ends when its directory is deleted", async () => {
    const directory = temporaryFolder();
    const cloud = await start(directory);
    rmSync(directory, { recursive: true });
    const alive = () =>
      fetch(`${cloud.url}/health`).then(
        () => true,
        () => false,
      );
    while (await alive()) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await connectLocalCloud(directory)).toBeUndefined();
  });

  it("keeps every resource that it has confirmed, even if it is killed at once", async () => {
    const directory = temporaryFolder();
    const cloud = await start(directory);
    const client = await dial(cloud, "aws");
    const names = Array.from({ length: 40 }, (_, index) => `group-${index}`);
    const answered: string[] = [];
    const work = names.map((name) =>
      create(client, TYPES.logGroup, name, { name }).then(
        () => answered.push(name),
        () => undefined, // interrupted by the kill
      ),
    );
    await work[10];
    process.kill(cloud.pid, "SIGKILL");
    await Promise.all(work);
    client.close();
    const again = await start(directory);
    expect(again.pid).not.toBe(cloud.pid);
    const kept = (await again.resources()).map(({ name }) => name);
    expect(answered.length).toBeGreaterThan(0);
    expect(kept).toEqual(expect.arrayContaining(answered));
    expect((await http(again, "GET", "/health")).body.damaged).toEqual([]);
  });
});

describe("the daemon's sessions", () => {
  it("give each stack its own ports, which stay the same until the session is closed", async () => {
    const cloud = await start();
    const one = await cloud.openSession("us-east");
    expect(Object.keys(one).sort()).toEqual(["aws", "cloudflare", "kubernetes", "random"]);
    expect(await cloud.openSession("us-east")).toEqual(one);
    const two = await cloud.openSession("eu-west");
    expect(new Set([...Object.values(one), ...Object.values(two)]).size).toBe(8);
    await cloud.closeSession("us-east");
    await cloud.closeSession("us-east");
    expect((await http(cloud, "GET", "/health")).body.stacks).toEqual(["eu-west"]);
    expect((await http(cloud, "DELETE", `/sessions/${process.pid}/us-east`)).status).toBe(404);
    expect((await http(cloud, "POST", "/sessions", {})).status).toBe(400);
    expect((await http(cloud, "POST", "/sessions", { stack: "us-east" })).status).toBe(400);
  });

  it("belong to one process: they end with that process, not with the sessions of other processes", async () => {
    const cloud = await start();
    const mine = await cloud.openSession("us-east");
    const other = spawn("sleep", ["60"]);
    const theirs = (await http(cloud, "POST", "/sessions", { stack: "us-east", user: other.pid })).body;
    expect(new Set([...Object.values(mine), ...Object.values(theirs)]).size).toBe(8);
    const answers = (ports: typeof mine) =>
      fetch(`http://127.0.0.1:${ports.aws}`).then(
        () => true,
        (error: Error) => !String(error.cause).includes("ECONNREFUSED"),
      );
    expect([await answers(mine), await answers(theirs)]).toEqual([true, true]);
    await cloud.closeSession("us-east");
    expect([await answers(mine), await answers(theirs)]).toEqual([false, true]);
    other.kill();
    while (await answers(theirs)) await sleep(50);
    expect((await http(cloud, "GET", "/health")).body.stacks).toEqual([]);
  });

  it("keep two providers of one program apart by their connections", async () => {
    const cloud = await start();
    const east = await dial(cloud, "aws", "dev", "us-east-1");
    const west = await dial(cloud, "aws", "dev", "eu-west-1");
    const made = await Promise.all(
      [east, west].map((client) => create(client, TYPES.logGroup, "one", { name: "one" })),
    );
    expect(made.map(({ properties }) => properties.region)).toEqual(["us-east-1", "eu-west-1"]);
    east.close();
    west.close();
  });
});

describe("the daemon's HTTP API", () => {
  it("lists, filters, shows, changes and deletes resources", async () => {
    const cloud = await start();
    const client = await dial(cloud, "aws");
    await create(client, TYPES.bucket, "flows", { bucket: "flows" });
    const status = { status: "Enabled" };
    await create(client, TYPES.versioning, "flows", { bucket: "flows", versioningConfiguration: status });
    const all = (await http(cloud, "GET", "/resources")).body;
    expect(all).toHaveLength(2);
    const [found, ...rest] = (await http(cloud, "GET", `/resources?type=${TYPES.versioning}&name=flows&provider=aws`))
      .body;
    expect(rest).toEqual([]);
    expect(found).toMatchObject({ id: "flows", scope: "123456789012/us-east-1", properties: { bucket: "flows" } });

    const path = `/resources/${found.key}`;
    const patched = await http(cloud, "PATCH", path, { versioningConfiguration: { status: "Suspended" } });
    expect(patched.status).toBe(200);
    const read = new proto.ReadRequest().setUrn(found.urn).setId("flows");
    const seen = await answer<proto.ReadResponse>((done) => client.read(read, done));
    expect(seen.getInputs()?.toJavaScript()).toEqual({
      bucket: "flows",
      versioningConfiguration: { status: "Suspended" },
    });
    expect((await http(cloud, "GET", path)).body).toEqual(patched.body);

    expect((await http(cloud, "DELETE", path)).status).toBe(204);
    expect((await http(cloud, "GET", path)).status).toBe(404);
    const gone = await answer<proto.ReadResponse>((done) => client.read(read, done));
    expect(gone.getId()).toBe("");
    client.close();
  });

  it("reports what is wrong with a request, and changes nothing in that case", async () => {
    const cloud = await start();
    const client = await dial(cloud, "aws");
    await create(client, TYPES.logGroup, "one", { name: "one", retentionInDays: 30 });
    const key = named(await cloud.resources(), "one")?.key;
    const refusals = await Promise.all([
      http(cloud, "PATCH", `/resources/${key}`, { colour: "red" }),
      http(cloud, "PATCH", `/resources/${key}`, { retentionInDays: "long" }),
      http(cloud, "PATCH", `/resources/${key}`, {}),
      http(cloud, "PATCH", "/resources/none", { a: 1 }),
      http(cloud, "GET", "/resources?colour=red"),
      http(cloud, "POST", "/faults", { method: "make", kind: "throttle" }),
      http(cloud, "POST", "/faults", { method: "create", kind: "throttle", nth: 0 }),
      http(cloud, "POST", "/faults", { method: "create", kind: "throttle", when: "now" }),
      http(cloud, "GET", "/nowhere"),
    ]);
    expect(refusals.map(({ status, body }) => `${status} ${body.error}`)).toEqual([
      expect.stringMatching(/^400 .*has no property colour/),
      expect.stringMatching(/^400 'retentionInDays' must be a number/),
      expect.stringMatching(/^400 the body must be an object/),
      expect.stringMatching(/^404 no resource none/),
      expect.stringMatching(/^400 unknown filter colour/),
      expect.stringMatching(/^400 method must be one of create, update/),
      expect.stringMatching(/^400 nth must be a whole number/),
      expect.stringMatching(/^400 unknown field when; the fields of a fault are/),
      expect.stringMatching(/^404 unknown route GET \/nowhere/),
    ]);
    expect(named(await cloud.resources(), "one")?.inputs).toEqual({ name: "one", retentionInDays: 30 });
    client.close();
  });

  it("never shows a secret, and neither does the log; only the owner can read the file with the secret", async () => {
    const directory = temporaryFolder();
    const cloud = await start(directory);
    const client = await dial(cloud, "random");
    const made = await create(client, "random:index/randomPassword:RandomPassword", "password", { length: 30 });
    const { value } = made.properties.result as unknown as { value: string };
    const [shown] = await cloud.resources();
    expect(shown?.properties).toMatchObject({ length: 30, result: "[secret]", bcryptHash: "[secret]" });
    const events = (await http(cloud, "GET", "/events")).body;
    expect(events).toMatchObject([{ method: "create", name: "password", stack: "dev" }]);
    expect(JSON.stringify([await cloud.resources(), events])).not.toContain(value);
    expect(readFileSync(join(directory, "server.log"), "utf8")).not.toContain(value);
    const [file = ""] = readdirSync(join(directory, "resources"));
    expect(readFileSync(join(directory, "resources", file), "utf8")).toContain(value);
    client.close();
  });
});

describe("the daemon's gRPC API", () => {
  it("throttles and times out on request, as the real clouds do, without creating anything", async () => {
    const cloud = await start();
    const client = await dial(cloud, "aws");
    const make = (name: string) => create(client, TYPES.logGroup, name, { name });
    await http(cloud, "POST", "/faults", { provider: "aws", method: "create", nth: 2, kind: "throttle" });
    await http(cloud, "POST", "/faults", { type: TYPES.logGroup, method: "create", nth: 3, kind: "timeout" });
    await make("one");
    await expect(make("two")).rejects.toThrow("ThrottlingException: Rate exceeded");
    await expect(make("two")).rejects.toMatchObject({ code: 4, details: expect.stringContaining("deadline exceeded") });
    await make("two");
    expect((await cloud.resources()).map(({ name }) => name).sort()).toEqual(["one", "two"]);
    expect((await http(cloud, "GET", "/faults")).body).toEqual([]);
    client.close();
  });

  it("crashes on request between creating a resource and responding, and the next daemon has the resource", async () => {
    const directory = temporaryFolder();
    const cloud = await start(directory);
    const client = await dial(cloud, "aws");
    await http(cloud, "POST", "/faults", { method: "create", kind: "crash" });
    await expect(create(client, TYPES.logGroup, "one", { name: "one" })).rejects.toThrow();
    client.close();
    const again = await start(directory);
    expect(again.pid).not.toBe(cloud.pid);
    expect((await again.resources()).map(({ name }) => name)).toEqual(["one"]);
  });

  it("returns a secret with the mark of a secret", async () => {
    const client = await dial(await start(), "aws");
    const made = await create(client, TYPES.secret, "s", { name: "s" });
    const inputs = { secretId: made.id, secretString: secret("hidden") as unknown as JavaScriptValue };
    const version = await create(client, TYPES.secretVersion, "s", inputs);
    expect(version.properties.secretString).toEqual(secret("hidden"));
    client.close();
  });
});

describe("the check whether a daemon responds", () => {
  const pid = 4711;
  /** Checks a server that drops its first connections. */
  async function asked(lost: number): Promise<[boolean, boolean]> {
    let connections = 0;
    const server = createServer((_, response) => response.end(JSON.stringify({ pid })));
    server.on("connection", (socket) => {
      connections += 1;
      if (connections <= lost) socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const file = { pid, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, version: "1" };
    const told = await answers(file, 5_000);
    const another = await answers({ ...file, pid: pid + 1 }, 5_000);
    server.close();
    return [told, another];
  }

  it("retries after a lost connection, and fails after a second one", async () => {
    expect([await asked(0), await asked(1), await asked(2)]).toEqual([
      [true, false],
      [true, false],
      [false, false],
    ]);
  });
});
