import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { adopt } from "../../agent/adopt/adopt";
import { type BackupOptions, backup, type FlowDocument } from "../../agent/backup/backup";
import { Bucket } from "../../agent/backup/bucket";
import { newestBackup } from "../../agent/backup/newest";
import { type RestoreOptions, restore } from "../../agent/backup/restore";
import { verify } from "../../agent/backup/verify";
import { ExitCode } from "../../agent/errors";
import { LangFlowApi } from "./langflowApi";
import { FIRST_TIME_MS, type Postgres, Scratch, type ScratchS3, SUPERUSER } from "./scratch";

jest.setTimeout(120_000);

const quiet = { info: () => undefined, warn: () => undefined };
/** More than one part of an upload: nothing makes it smaller. */
const LARGE = randomBytes(20 * 1024 * 1024);
const FLOWS: FlowDocument[] = ["one", "two", "three"].map((name, index) => ({
  workspace: "default",
  id: `00000000-0000-4000-8000-00000000000${index}`,
  json: JSON.stringify({ name }),
}));

let scratch: Scratch;
let postgres: Postgres;
let s3: ScratchS3;

/** A restore while somebody holds a table, which it waits for so long that the others are tested meanwhile. */
let underLock: ReturnType<typeof restoreUnderLock>;
/** A region with a LangFlow on it, which starts while the others are tested. */
let served: Promise<{ region: Region; url: string }>;

beforeAll(async () => {
  scratch = await Scratch.make();
  process.env.PATH = scratch.path;
  [postgres, s3] = await Promise.all([scratch.postgres("migrated"), scratch.s3()]);
  const databaseUrl = postgres.url("migrated");
  await scratch.migrate(databaseUrl);
  await adopt({ databaseUrl, superuser: SUPERUSER.username, project: "langflow-dr", log: quiet });
  served = serve(await emptyRegion("served"));
  underLock = restoreUnderLock(await livingRegion("busy"));
  for (const begun of [served, underLock]) begun.catch(() => undefined); // told by the test that waits for it
}, FIRST_TIME_MS);
afterAll(() => scratch.end());

/** A region as restore finds it: a database, a bucket, a claim. */
interface Region {
  readonly name: string;
  readonly database: string;
  readonly bucket: string;
  readonly dataDir: string;
}

/** Freshly migrated, with its superuser alone. */
async function emptyRegion(name: string): Promise<Region> {
  const database = name.replaceAll("-", "_");
  await postgres.create(database, "migrated");
  const dataDir = await mkdtemp(join(scratch.folder, "data-"));
  return { name, database, bucket: await s3.bucket(`flows-${name}`), dataDir };
}

/** With flows, a second user, an uploaded file, and a claim with all that a claim may hold. */
async function livingRegion(name: string): Promise<Region> {
  const region = await emptyRegion(name);
  const { database, dataDir, bucket } = region;
  await postgres.query(
    database,
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
       VALUES (gen_random_uuid(), 'ada', 'x', true, false, now(), now())`,
  );
  for (const { id, json } of FLOWS)
    await postgres.query(
      database,
      `INSERT INTO flow (id, name, data, user_id, updated_at)
         SELECT $1::uuid, $1::text, $2, id, now() FROM "user" WHERE username = 'admin'`,
      [id, json],
    );
  await mkdir(join(dataDir, "knowledge_bases/admin/böoks"), { recursive: true });
  await writeFile(join(dataDir, "knowledge_bases/admin/böoks/index.bin"), "vectors");
  await writeFile(join(dataDir, "empty"), "", { mode: 0o640 });
  await writeFile(join(dataDir, "n".repeat(180)), "a long name");
  await symlink("/etc/passwd", join(dataDir, "outward"));
  await mkdir(join(dataDir, "hollow"));
  for (const key of ["files/owner/notes of a user.txt", "files/owner/täble.csv", "files/flow/a+b.bin"])
    await put(bucket, key, `content of ${key}`);
  await put(bucket, "other/not-langflow's", "x");
  return region;
}

async function serve(region: Region): Promise<{ region: Region; url: string }> {
  const url = await scratch.langflow("served", {
    ...s3.environment,
    LANGFLOW_DATABASE_URL: postgres.url(region.database),
    LANGFLOW_STORAGE_TYPE: "s3",
    LANGFLOW_OBJECT_STORAGE_PREFIX: "files",
    LANGFLOW_OBJECT_STORAGE_BUCKET_NAME: region.bucket,
  });
  return { region, url };
}

async function restoreUnderLock(region: Region) {
  await backUp(region);
  const before = await postgres.contents(region.database);
  const refusal = await postgres.holding(region.database, `LOCK TABLE "flow" IN ACCESS SHARE MODE`, () =>
    restoreInto(region).catch((error) => error),
  );
  return { refusal, before, after: await postgres.contents(region.database) };
}

const put = (bucket: string, key: string, body: string | Uint8Array) =>
  s3.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
const remove = (bucket: string, key: string) => s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));

const bucketOf = ({ bucket }: Region) => new Bucket(s3.client, bucket);

const backUp = (region: Region, options: Partial<BackupOptions> = {}) =>
  backup({
    s3: s3.client,
    bucket: region.bucket,
    prefix: "backups",
    filesPrefix: "files",
    region: region.name,
    databaseUrl: postgres.url(region.database),
    dataDir: region.dataDir,
    langflowVersion: "1.13.0",
    listFlows: async function* () {
      yield* FLOWS;
    },
    log: quiet,
    ...options,
  });

const sourceOf = (region: Region) => ({ bucket: bucketOf(region), prefix: "backups", region: region.name });

const restoreInto = (target: Region, from: Region = target, options: Partial<RestoreOptions> = {}) =>
  restore({
    source: sourceOf(from),
    target: {
      databaseUrl: postgres.url(target.database),
      dataDir: target.dataDir,
      bucket: bucketOf(target),
      filesPrefix: "files",
    },
    log: quiet,
    ...options,
  });

/** All a region holds, by hash: rows, files with mode and time, uploads. */
async function stateOf(region: Region) {
  return {
    rows: await postgres.contents(region.database),
    claim: await treeOf(region.dataDir),
    uploads: await uploadsOf(s3.client, region.bucket),
  };
}

async function treeOf(folder: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const place = join(folder, name);
    const facts = await lstat(place);
    const time = Math.floor(facts.mtimeMs / 1000);
    if (facts.isSymbolicLink()) tree[name] = `-> ${await readlink(place)}`;
    else if (facts.isDirectory()) tree[name] = `folder ${facts.mode.toString(8)}`;
    else tree[name] = `${sha256(await readFile(place))} ${facts.mode.toString(8)} ${time}`;
  }
  return tree;
}

async function uploadsOf(client: S3Client, bucket: string): Promise<Record<string, string>> {
  const uploads: Record<string, string> = {};
  for (const key of await keysOf(client, bucket, "files/")) uploads[key] = sha256(await contentOf(bucket, key));
  return uploads;
}

async function keysOf(client: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Contents.map(({ Key = "" }) => Key);
}

async function contentOf(bucket: string, key: string): Promise<Buffer> {
  const stored = await new Bucket(s3.client, bucket).get(key);
  const chunks: Uint8Array[] = [];
  if (!stored) throw new Error(`there is no ${key}`);
  for await (const chunk of stored.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");

async function wipe(region: Region): Promise<void> {
  await postgres.create(region.database, "migrated");
  await rm(region.dataDir, { recursive: true });
  await mkdir(region.dataDir);
}

describe("backup and restore", () => {
  it("bring back flows, users and files, the same by hash, after database, claim and uploads were lost", async () => {
    const region = await livingRegion("round");
    await writeFile(join(region.dataDir, "knowledge_bases/large.bin"), LARGE);
    const before = await stateOf(region);
    const made = await backUp(region);
    expect(made).toMatchObject({
      objects: 3 + FLOWS.length,
      counts: { users: 2, flows: 3, flowFiles: 3, claimFiles: 4, userFiles: 3 },
    });
    expect(await verify({ source: sourceOf(region), log: quiet })).toMatchObject({ id: made.id, bytes: made.bytes });

    await wipe(region);
    await remove(region.bucket, "files/owner/notes of a user.txt");
    const result = await restoreInto(region);
    expect(result).toMatchObject({ id: made.id, claimFiles: 4, userFiles: 1 });
    expect(await stateOf(region)).toEqual(before);
    expect(await restoreInto(region)).toMatchObject({ userFiles: 0 });
    expect(await stateOf(region)).toEqual(before);
  });

  it("carry a region into another, whose bucket and database were empty", async () => {
    const from = await livingRegion("us-east");
    await backUp(from);
    const to = await emptyRegion("eu-west");
    expect(await restoreInto(to, from)).toMatchObject({ userFiles: 3 });
    const { rows, claim, uploads } = await stateOf(to);
    expect({ rows, claim, uploads }).toEqual(await stateOf(from));
  });

  it("work on a database that has nothing at all, not even LangFlow's tables", async () => {
    const region = await livingRegion("bare");
    const before = await postgres.contents(region.database);
    await backUp(region);
    await postgres.create(region.database);
    await restoreInto(region);
    expect(await postgres.contents(region.database)).toEqual(before);
  });
});

describe("a damaged backup", () => {
  it("is refused by verify and restore, whichever object has one flipped byte, and nothing is written", async () => {
    const region = await livingRegion("damaged");
    const { id } = await backUp(region);
    await wipe(region);
    await remove(region.bucket, "files/flow/a+b.bin");
    const before = await stateOf(region);
    const keys = await keysOf(s3.client, region.bucket, "backups/");
    expect(keys).toHaveLength(4 + FLOWS.length);
    for (const key of keys) {
      const content = await contentOf(region.bucket, key);
      const flipped = Buffer.from(content);
      const middle = Math.floor(content.length / 2);
      flipped.writeUInt8(flipped.readUInt8(middle) ^ 1, middle);
      await put(region.bucket, key, flipped);
      const refusal = { exitCode: ExitCode.Damaged, message: expect.stringContaining(key) };
      await expect(verify({ source: sourceOf(region), id, log: quiet })).rejects.toMatchObject(refusal);
      await expect(restoreInto(region, region, { overwrite: true })).rejects.toMatchObject(refusal);
      await put(region.bucket, key, content);
    }
    expect(await stateOf(region)).toEqual(before);
    await restoreInto(region);
  });

  it("is refused when an object is gone, or an uploaded file's version is", async () => {
    const region = await livingRegion("gone");
    const { id } = await backUp(region);
    const key = `backups/gone/${id}/flows/default/${FLOWS[0]?.id}.json`;
    const content = await contentOf(region.bucket, key);
    await remove(region.bucket, key);
    await expect(verify({ source: sourceOf(region), log: quiet })).rejects.toMatchObject({
      exitCode: ExitCode.Damaged,
      message: expect.stringContaining(key),
    });
    await put(region.bucket, key, content);

    const upload = "files/flow/a+b.bin";
    const { versionId } = (await bucketOf(region).head(upload)) ?? {};
    await s3.client.send(new DeleteObjectCommand({ Bucket: region.bucket, Key: upload, VersionId: versionId }));
    await expect(restoreInto(region)).rejects.toMatchObject({
      exitCode: ExitCode.Damaged,
      message: expect.stringContaining(upload),
    });
  });
});

describe("newer data", () => {
  it.each<[string, RegExp, (region: Region) => Promise<unknown>]>([
    [
      "a flow",
      /1 in "flow"/,
      ({ database }) => postgres.query(database, "UPDATE flow SET updated_at = now() WHERE name LIKE '%0'"),
    ],
    [
      "a user",
      /1 in "user"/,
      ({ database }) => postgres.query(database, `UPDATE "user" SET updated_at = now() WHERE username = 'ada'`),
    ],
    ["a file in the claim", /claim: empty/, ({ dataDir }) => writeFile(join(dataDir, "empty"), "no longer")],
    [
      "an uploaded file",
      /uploaded files: files\/flow\/a\+b.bin/,
      ({ bucket }) => put(bucket, "files/flow/a+b.bin", "newer"),
    ],
  ])("is not overwritten unasked: %s", async (title, message, change) => {
    const region = await livingRegion(`newer-${title.replaceAll(" ", "-")}`);
    const old = await stateOf(region);
    await backUp(region);
    await change(region);
    const before = await stateOf(region);
    await expect(restoreInto(region)).rejects.toMatchObject({
      exitCode: ExitCode.Refused,
      message: expect.stringMatching(message),
    });
    expect(await stateOf(region)).toEqual(before);
    await restoreInto(region, region, { overwrite: true });
    expect(await stateOf(region)).toEqual(old);
  });

  it("is not seen in a login, nor in a file that was written anew with the same content", async () => {
    const region = await livingRegion("same");
    await backUp(region);
    await postgres.query(region.database, `UPDATE "user" SET last_login_at = now(), updated_at = now()`);
    await utimes(join(region.dataDir, "empty"), new Date(), new Date());
    await restoreInto(region);
  });
});

describe("what goes wrong", () => {
  it("leaves no manifest when pg_dump fails, so there is no backup", async () => {
    const region = await livingRegion("no-dump");
    // Enough to take the snapshot, and not enough to dump it.
    await postgres.query(
      region.database,
      `CREATE ROLE poor LOGIN PASSWORD 'sesame-secret'; GRANT SELECT ON alembic_version, "user", flow TO poor`,
    );
    const databaseUrl = postgres.url(region.database).replace("langflow:", "poor:");
    const refusal = backUp(region, { databaseUrl });
    await expect(refusal).rejects.toThrow(/^pg_dump ended with 1: .*permission denied/s);
    await expect(refusal).rejects.not.toThrow("sesame-secret");
    expect(await keysOf(s3.client, region.bucket, "backups/")).toEqual([]);
    expect(await newestBackup(sourceOf(region))).toBeUndefined();
  });

  it("leaves no manifest when the flows cannot be had, and the newest backup stays the one before", async () => {
    const region = await livingRegion("no-flows");
    const { id, bytes } = await backUp(region);
    const listFlows = async function* () {
      yield* FLOWS.slice(1);
      throw new Error("LangFlow went away");
    };
    await expect(backUp(region, { listFlows })).rejects.toThrow("LangFlow went away");
    expect(await newestBackup(sourceOf(region))).toMatchObject({ id, bytes });
  });

  it("tells whoever restores under a busy LangFlow to scale it to zero, and leaves the database as it was", async () => {
    const { refusal, before, after } = await underLock;
    expect(refusal).toMatchObject({ message: expect.stringContaining("Scale LangFlow to zero") });
    expect(after).toEqual(before);
  });

  it("writes nothing through a link that took a folder's place in the claim", async () => {
    const region = await livingRegion("linked");
    await backUp(region);
    const outside = await mkdtemp(join(scratch.folder, "outside-"));
    await rm(join(region.dataDir, "knowledge_bases"), { recursive: true });
    await symlink(outside, join(region.dataDir, "knowledge_bases"));
    await expect(restoreInto(region, region, { overwrite: true })).rejects.toMatchObject({
      exitCode: ExitCode.Refused,
    });
    expect(await readdir(outside)).toEqual([]);
  });

  it("says in one word when the bucket does not answer, is not there, or holds no backup", async () => {
    const region = await emptyRegion("none");
    await expect(restoreInto(region)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringContaining("no backup"),
    });
    const missing = { ...sourceOf(region), bucket: new Bucket(s3.client, "nowhere") };
    await expect(verify({ source: missing, log: quiet })).rejects.toMatchObject({ exitCode: ExitCode.BadInput });
    const silent = await agent("verify", region, { environment: { AWS_ENDPOINT_URL: "http://127.0.0.1:1" } });
    expect(silent).toMatchObject({
      code: ExitCode.Unreachable,
      messages: [expect.stringContaining(`the bucket ${region.bucket} does not answer`)],
    });
  });
});

describe("an interruption", () => {
  const interrupted = { exitCode: ExitCode.Failure, message: expect.stringMatching(/^interrupted: /) };

  it("ends a backup, and there is none", async () => {
    const region = await livingRegion("stopped");
    const stop = new AbortController();
    const listFlows = async function* () {
      yield* FLOWS.slice(1);
      stop.abort();
      yield* FLOWS.slice(2);
    };
    await expect(backUp(region, { listFlows, signal: stop.signal })).rejects.toMatchObject(interrupted);
    expect(await newestBackup(sourceOf(region))).toBeUndefined();
  });

  it("ends an upload and leaves no part of it behind", async () => {
    const region = await livingRegion("stopped-upload");
    await writeFile(join(region.dataDir, "large.bin"), LARGE);
    const stop = new AbortController();
    s3.client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName === "UploadPartCommand") stop.abort();
          return next(args);
        },
      { step: "initialize", name: "stop" },
    );
    await expect(backUp(region, { signal: stop.signal })).rejects.toMatchObject(interrupted);
    s3.client.middlewareStack.remove("stop");
    const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: region.bucket }));
    expect(Uploads).toEqual([]);
    expect(await newestBackup(sourceOf(region))).toBeUndefined();
  });

  it("before a restore writes leaves all as it was, and says so", async () => {
    const region = await livingRegion("stopped-early");
    await backUp(region);
    const before = await stateOf(region);
    const stop = new AbortController();
    const log = { ...quiet, info: () => stop.abort() };
    const source = { ...sourceOf(region), bucket: new Bucket(s3.client, region.bucket, stop.signal) };
    await expect(restoreInto(region, region, { source, log, signal: stop.signal })).rejects.toMatchObject({
      message: "interrupted: nothing was written",
    });
    expect(await stateOf(region)).toEqual(before);
  });

  it.each([
    ["SIGTERM", { code: ExitCode.Failure, killedBy: null }, "interrupted: the restore is not complete, run it again"],
    ["SIGKILL", { code: null, killedBy: "SIGKILL" }, undefined],
  ] as const)(
    "by %s of a restore whose database is back already is made good by the next restore",
    async (signal, end, said) => {
      const region = await livingRegion(`cut-${signal.toLowerCase()}`);
      await writeFile(join(region.dataDir, "knowledge_bases/large.bin"), LARGE);
      const before = await stateOf(region);
      await backUp(region);
      await wipe(region);
      await remove(region.bucket, "files/flow/a+b.bin");

      const cut = await agent("restore", region, { cut: { after: "database restored", signal } });
      expect(cut).toMatchObject(end);
      expect(cut.messages.at(-1)).toBe(said ?? "database restored");
      const between = await stateOf(region);
      expect(between.rows).toEqual(before.rows);
      expect(between.claim).not.toEqual(before.claim);

      expect(await restoreInto(region)).toMatchObject({ claimFiles: 4, userFiles: 1 });
      expect(await stateOf(region)).toEqual(before);
    },
  );
});

describe("a real LangFlow", () => {
  it("has back the uploaded file and the flow that it lost", async () => {
    const { region, url } = await served;
    const token = await LangFlowApi.login(url, SUPERUSER.username, SUPERUSER.password);
    const langflow = LangFlowApi.withToken(url, token);
    await langflow.upload("kept.txt", "kept");
    const [file] = await langflow.call("GET", "/api/v2/files/");
    const flow = await langflow.create("kept");
    await backUp(region);
    await langflow.delete(flow.id);
    await langflow.call("DELETE", `/api/v2/files/${file.id}`);
    await restoreInto(region);
    expect(await langflow.flow(flow.id)).toMatchObject({ name: "kept" });
    const content = await fetch(`${url}/api/v2/files/${file.id}`, { headers: { authorization: `Bearer ${token}` } });
    expect(await content.text()).toBe("kept");
  });
});

/**
 * A command of the agent as a process of its own.
 *
 * @param cut a signal, and the message of the log after which it is given
 */
async function agent(
  command: "restore" | "verify",
  region: Region,
  { environment, cut }: { environment?: NodeJS.ProcessEnv; cut?: { after: string; signal: NodeJS.Signals } },
) {
  const child = spawn(process.execPath, ["--require", "./typescript.cjs", "agent/main.ts", command], {
    cwd: join(__dirname, "../.."),
    env: {
      ...s3.environment,
      PATH: scratch.path,
      NODE_NO_WARNINGS: "1",
      TMPDIR: scratch.folder,
      AGENT_REGION: region.name,
      AGENT_BUCKET: region.bucket,
      AGENT_DATA_DIR: region.dataDir,
      LANGFLOW_DATABASE_URL: postgres.url(region.database),
      ...environment,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<{ code: number | null; killedBy: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, killedBy) => resolve({ code, killedBy }));
  });
  const messages: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    const { message } = JSON.parse(line) as { message: string };
    messages.push(message);
    if (message === cut?.after) child.kill(cut.signal);
  }
  return { ...(await ended), messages };
}
