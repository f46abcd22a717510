import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { Client } from "pg";
import { prepareAccounts } from "../../agent/accounts/schema";
import { adopt } from "../../agent/adopt/adopt";
import { type BackupOptions, backup } from "../../agent/backup/backup";
import { Bucket } from "../../agent/backup/bucket";
import { countYoungRows, timedTables } from "../../agent/backup/newerData";
import { newestBackup } from "../../agent/backup/newest";
import { NO_PERSONS_TABLES } from "../../agent/backup/ownWrites";
import { rehearse } from "../../agent/backup/rehearse";
import { type RestoreOptions, restore } from "../../agent/backup/restore";
import { restoreDatabase } from "../../agent/backup/restoreDatabase";
import { type VerifyOptions, verify } from "../../agent/backup/verify";
import { openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { ExitCode } from "../../formats/agentErrors";
import { parseManifest, renderManifest } from "../../formats/backup/manifest";
import { TABLES } from "../../formats/tables/tables";
import { LangFlowApi } from "./langflowApi";
import { type Postgres, Scratch, type ScratchS3, SUPERUSER } from "./scratch";

jest.setTimeout(120_000);

const quiet = { info: () => undefined, warn: () => undefined };
/** Random data that cannot be compressed, larger than one part of a multipart upload. */
const LARGE = randomBytes(20 * 1024 * 1024);
const FLOWS = ["one", "two", "three"].map((name, index) => ({
  id: `00000000-0000-4000-8000-00000000000${index}`,
  name,
}));
/** A graph as text, because JavaScript would write 1.0 as 1. */
const GRAPH = `{"nodes": [{"id": "model", "data": {"id": "model", "node": {"template": {
  "api_key": {"type": "str", "password": true, "load_from_db": false, "value": "sk-of-a-user"},
  "temperature": {"type": "float", "value": 1.0}}}}}], "edges": []}`;

/**
 * Prepares a region's database like a replicating agent: with its triggers, and with all rows marked to be published.
 */
async function replicating({ database }: { readonly database: string }): Promise<void> {
  const client = await openDatabase(parseDatabaseUrl(postgres.url(database)), 60_000);
  await prepareAccounts(client, TABLES).finally(() => client.end());
}

let scratch: Scratch;
let postgres: Postgres;
let s3: ScratchS3;

/** A restore while a session locks a table. Its wait is so long that it runs during the other tests. */
let underLock: ReturnType<typeof restoreUnderLock>;
/** A lost region with a backup, and a new region with a running LangFlow, which starts during the other tests. */
let served: Promise<{ lost: Region; region: Region; url: string }>;

beforeAll(async () => {
  scratch = await Scratch.make();
  process.env.PATH = scratch.path;
  [postgres, s3] = await Promise.all([scratch.postgres("migrated"), scratch.s3()]);
  const databaseUrl = postgres.url("migrated");
  await scratch.migrate(databaseUrl);
  await adopt({ databaseUrl, superuser: SUPERUSER.username, project: "langflow-dr", log: quiet });
  // Sequential, because the store loses one of two buckets that are created at the same time.
  const [lost, cameUp, busy] = [await livingRegion("lost"), await emptyRegion("served"), await livingRegion("busy")];
  served = serve(lost, cameUp);
  underLock = restoreUnderLock(busy);
  for (const begun of [served, underLock]) begun.catch(() => undefined); // The test that awaits the promise reports its error.
});
afterAll(() => scratch.end());

/** A region as a restore sees it: a database, a bucket and a claim. */
interface Region {
  readonly name: string;
  readonly database: string;
  readonly bucket: string;
  readonly dataDir: string;
}

/** Creates a freshly migrated region with only its superuser. */
async function emptyRegion(name: string): Promise<Region> {
  const database = name.replaceAll("-", "_");
  await postgres.create(database, "migrated");
  const dataDir = await mkdtemp(join(scratch.folder, "data-"));
  return { name, database, bucket: await s3.bucket(`flows-${name}`), dataDir };
}

/** Creates a region with flows, a second user, an uploaded file, and a claim with every kind of content. */
async function livingRegion(name: string): Promise<Region> {
  const region = await emptyRegion(name);
  const { database, dataDir, bucket } = region;
  await postgres.query(
    database,
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
       VALUES (gen_random_uuid(), 'ada', 'x', true, false, now(), now())`,
  );
  for (const { id, name } of FLOWS)
    await postgres.query(
      database,
      `INSERT INTO flow (id, name, data, user_id, updated_at)
         SELECT $1::uuid, $2, $3, id, now() FROM "user" WHERE username = 'admin'`,
      [id, name, GRAPH],
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

async function serve(lost: Region, region: Region) {
  await backUp(lost);
  await postgres.create(region.database);
  const databaseUrl = postgres.url(region.database);
  await scratch.migrate(databaseUrl);
  await adopt({ databaseUrl, superuser: SUPERUSER.username, project: "langflow-dr", log: quiet });
  const url = await scratch.langflow("served", {
    ...s3.environment,
    LANGFLOW_DATABASE_URL: databaseUrl,
    LANGFLOW_STORAGE_TYPE: "s3",
    LANGFLOW_OBJECT_STORAGE_PREFIX: "files",
    LANGFLOW_OBJECT_STORAGE_BUCKET_NAME: region.bucket,
    OPENAI_API_KEY: "of-the-environment",
  });
  return { lost, region, url };
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

const removeVersion = (bucket: string, key: string, versionId: string) =>
  s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));

/** Runs `work` and calls `before` before each request of the S3 client. */
async function watching<Result>(
  before: (command: string, input: Record<string, unknown>) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  s3.client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        before(commandName ?? "", args.input as Record<string, unknown>);
        return next(args);
      },
    { step: "initialize", name: "watching" },
  );
  try {
    return await work();
  } finally {
    s3.client.middlewareStack.remove("watching");
  }
}

/** Returns a log that keeps its warnings. */
function listening() {
  const warnings: Record<string, unknown>[] = [];
  const warn = (...[fields, message]: unknown[]): void => {
    warnings.push({ ...(fields as object), message });
  };
  return { warnings, log: { ...quiet, warn } };
}

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

/** Returns the complete state of a region by hash: rows, files with mode and time, and uploads. */
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
  it("restore flows, users and files with the same hashes after the database, claim and uploads were lost", async () => {
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

  it("copy a region into a different one with an empty bucket and database", async () => {
    const from = await livingRegion("us-east");
    await backUp(from);
    const to = await emptyRegion("eu-west");
    expect(await restoreInto(to, from)).toMatchObject({ userFiles: 3 });
    const { rows, claim, uploads } = await stateOf(to);
    expect({ rows, claim, uploads }).toEqual(await stateOf(from));
  });

  it("rehearse a restore in an empty database on a different region's server, drop that database and write nothing else", async () => {
    const [lost, survivor] = [await livingRegion("rehearsed"), await emptyRegion("rehearsing")];
    await backUp(lost);
    const before = await stateOf(survivor);
    const rehearsed = () =>
      rehearse({ source: sourceOf(lost), databaseUrl: postgres.url(survivor.database), log: quiet });
    expect(await rehearsed()).toMatchObject({ users: 2, flows: FLOWS.length });
    expect(await stateOf(survivor)).toEqual(before);
    const rows = await postgres.query(survivor.database, "SELECT datname FROM pg_database WHERE datname ~ 'rehearsal'");
    expect(rows).toEqual([]);
    // A valid manifest with a different number of flows.
    const { id } = await rehearsed();
    const key = `backups/rehearsed/${id}/manifest.json`;
    const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: lost.bucket, Key: key }));
    const manifest = parseManifest((await Body?.transformToString()) ?? "");
    if (!manifest) throw new Error("there is a manifest");
    const other = `${(Number(id.slice(0, 4)) + 1).toString()}${id.slice(4)}`;
    const counts = { ...manifest.counts, flows: 7 };
    for (const { key: object } of manifest.objects)
      await s3.client.send(
        new CopyObjectCommand({
          Bucket: lost.bucket,
          Key: `backups/rehearsed/${other}/${object}`,
          CopySource: `${lost.bucket}/backups/rehearsed/${id}/${object}`,
        }),
      );
    await put(lost.bucket, key.replace(id, other), renderManifest({ ...manifest, id: other, counts }));
    await expect(rehearsed()).rejects.toMatchObject({
      exitCode: ExitCode.Damaged,
      message: expect.stringMatching(/^3 flows were restored from the backup .*, but its manifest says 7$/),
    });
    const left = await postgres.query(survivor.database, "SELECT datname FROM pg_database WHERE datname ~ 'rehearsal'");
    expect(left).toEqual([]);
  });

  it("work on a database without any tables, not even LangFlow's", async () => {
    const region = await livingRegion("bare");
    const before = await postgres.contents(region.database);
    await backUp(region);
    await postgres.create(region.database);
    await restoreInto(region);
    expect(await postgres.contents(region.database)).toEqual(before);
  });
});

describe("a damaged backup", () => {
  const flipped = (content: Buffer): Buffer => {
    const copy = Buffer.from(content);
    const middle = Math.floor(content.length / 2);
    copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
    return copy;
  };

  it("is rejected by verify and restore without a write, if any object has a flipped byte and no older version", async () => {
    const region = await livingRegion("damaged");
    const { id } = await backUp(region);
    await wipe(region);
    await remove(region.bucket, "files/flow/a+b.bin");
    const before = await stateOf(region);
    const keys = await keysOf(s3.client, region.bucket, "backups/");
    expect(keys).toHaveLength(4 + FLOWS.length);
    for (const key of keys) {
      const content = await contentOf(region.bucket, key);
      const [written] = await bucketOf(region).versionsOf(key);
      await put(region.bucket, key, flipped(content));
      await removeVersion(region.bucket, key, written?.versionId ?? "");
      const refusal = { exitCode: ExitCode.Damaged, message: expect.stringContaining(key) };
      await expect(verify({ source: sourceOf(region), id, log: quiet })).rejects.toMatchObject(refusal);
      await expect(restoreInto(region, region, { overwrite: true })).rejects.toMatchObject(refusal);
      for (const { versionId } of await bucketOf(region).versionsOf(key))
        await removeVersion(region.bucket, key, versionId);
      await put(region.bucket, key, content);
    }
    expect(await stateOf(region)).toEqual(before);
    await restoreInto(region);
  });

  it.each(["flipped byte", "deletion"])("is restored from the older version of any object after a %s", async (harm) => {
    const region = await livingRegion(`older-${harm.replaceAll(" ", "-")}`);
    const before = await stateOf(region);
    const { id } = await backUp(region);
    for (const key of await keysOf(s3.client, region.bucket, "backups/")) {
      const [written] = await bucketOf(region).versionsOf(key);
      if (harm === "deletion") await remove(region.bucket, key);
      else await put(region.bucket, key, flipped(await contentOf(region.bucket, key)));
      const { log, warnings } = listening();
      const checked = await verify({ source: sourceOf(region), log });
      expect(checked.id).toBe(id);
      expect(warnings.map(({ key: named, versionId }) => ({ named, versionId }))).toContainEqual({
        named: key,
        versionId: written?.versionId,
      });
    }
    // All objects are damaged by now.
    await wipe(region);
    const { log, warnings } = listening();
    const { recovered } = await restoreInto(region, region, { log });
    expect(recovered).toHaveLength(3 + FLOWS.length);
    expect(warnings).toHaveLength(4 + FLOWS.length);
    expect(await stateOf(region)).toEqual(before);
  });

  it("is restored with the manifest that was written first, even if a newer version of the manifest is valid", async () => {
    const region = await livingRegion("forged");
    const before = await stateOf(region);
    const { id } = await backUp(region);
    const folder = `backups/forged/${id}/`;
    const manifest = parseManifest((await contentOf(region.bucket, `${folder}manifest.json`)).toString());
    if (!manifest) throw new Error("there is no manifest");
    const forged = Buffer.from("another dump");
    await put(region.bucket, `${folder}database.dump`, forged);
    const objects = manifest.objects.map((object) =>
      object.key === "database.dump" ? { ...object, size: forged.length, sha256: sha256(forged) } : object,
    );
    await put(region.bucket, `${folder}manifest.json`, renderManifest({ ...manifest, objects }));
    await wipe(region);
    expect(await restoreInto(region)).toMatchObject({ recovered: [`${folder}database.dump`] });
    expect(await stateOf(region)).toEqual(before);
  });

  it("that lacks uploaded files lists all of them, and restores the rest on request", async () => {
    const region = await livingRegion("gone");
    const { rows, claim, uploads } = await stateOf(region);
    await backUp(region);
    const lost = ["files/flow/a+b.bin", "files/owner/täble.csv"];
    for (const key of lost) {
      const { versionId = "" } = (await bucketOf(region).head(key)) ?? {};
      await removeVersion(region.bucket, key, versionId);
    }
    await wipe(region);
    for (const attempt of [
      (log: VerifyOptions["log"]) => verify({ source: sourceOf(region), log }),
      (log: VerifyOptions["log"]) => restoreInto(region, region, { log }),
    ]) {
      const { log, warnings } = listening();
      await expect(attempt(log)).rejects.toMatchObject({
        exitCode: ExitCode.Damaged,
        message: expect.stringContaining(`2 uploaded files are missing or changed in ${region.bucket}`),
      });
      expect(warnings.map(({ key }) => key).sort()).toEqual(lost);
    }
    const made = await agent("restore", region, { flags: ["--without-lost-files"] });
    expect(made).toMatchObject({ code: ExitCode.Success });
    const left = Object.fromEntries(Object.entries(uploads).filter(([key]) => !lost.includes(key)));
    expect(await stateOf(region)).toEqual({ rows, claim, uploads: left });
  });
});

describe("an object of a backup", () => {
  it("is written only once: every write of a backup requires that the key does not exist", async () => {
    const region = await livingRegion("once");
    await writeFile(join(region.dataDir, "large.bin"), LARGE);
    const writes: [command: string, ifNoneMatch: unknown][] = [];
    await watching(
      (command, { IfNoneMatch }) => {
        if (/^(PutObject|CompleteMultipartUpload|CopyObject)Command$/.test(command))
          writes.push([command, IfNoneMatch]);
      },
      () => backUp(region),
    );
    expect(new Set(writes.map(([command]) => command))).toEqual(
      new Set(["PutObjectCommand", "CompleteMultipartUploadCommand"]),
    );
    expect(new Set(writes.map(([, ifNoneMatch]) => ifNoneMatch))).toEqual(new Set(["*"]));
  });

  it.each([
    ["small", Buffer.from("small")],
    ["in several parts", LARGE],
  ])("of any size (%s) does not overwrite an existing object", async (size, content) => {
    const region = await emptyRegion(`taken-${size.replaceAll(" ", "-")}`);
    await put(region.bucket, "backups/x", "there already");
    const again = bucketOf(region).putStream("backups/x", streamOf(content));
    await expect(again).rejects.toMatchObject({ exitCode: ExitCode.Failure, message: /never overwrites an object/ });
    await expect(bucketOf(region).putText("backups/x", "text")).rejects.toThrow("never overwrites an object");
    expect((await contentOf(region.bucket, "backups/x")).toString()).toBe("there already");
    expect(await bucketOf(region).versionsOf("backups/x")).toHaveLength(1);
  });

  it("exists if only the response to its upload was lost", async () => {
    const region = await emptyRegion("answer-lost");
    let answers = 0;
    s3.client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const answer = await next(args);
          const { path } = args.request as { path: string };
          if (commandName === "PutObjectCommand" && path.endsWith("/backups/x") && answers++ === 0)
            throw Object.assign(new Error("the answer was lost"), { name: "TimeoutError" });
          return answer;
        },
      { step: "deserialize", priority: "low", name: "lose" },
    );
    await bucketOf(region).putText("backups/x", "text");
    s3.client.middlewareStack.remove("lose");
    expect(answers).toBe(2);
    expect(await bucketOf(region).versionsOf("backups/x")).toHaveLength(1);
  });
});

describe("a backup without a running LangFlow", () => {
  it("needs only the database, the claim and the bucket", async () => {
    const region = await livingRegion("alone");
    const { code } = await agent("backup", region, { environment: { AGENT_LANGFLOW_VERSION: "1.13.0" } });
    expect(code).toBe(ExitCode.Success);
    const [manifest = ""] = (await keysOf(s3.client, region.bucket, "backups/")).filter((key) => /manifest/.test(key));
    expect(parseManifest((await contentOf(region.bucket, manifest)).toString())).toMatchObject({
      langflowVersion: "1.13.0",
      counts: { flows: 3, flowFiles: 3 },
    });
  });

  it("contains each user's flows as readable files from the dump's snapshot, with numbers as written and without secrets", async () => {
    const region = await livingRegion("readable");
    await postgres.query(
      region.database,
      `INSERT INTO flow (id, name, data, user_id, updated_at)
         SELECT gen_random_uuid(), username, '{"nodes": [], "edges": []}'::json, id, now() FROM "user" WHERE username = 'ada'
         UNION ALL SELECT gen_random_uuid(), 'nobody''s', '{}', NULL, now()
         UNION ALL SELECT gen_random_uuid(), 'no flow', '[]', id, now() FROM "user" WHERE username = 'ada'`,
    );
    let changed: Promise<unknown> | undefined;
    const { log, warnings } = listening();
    const { id } = await watching(
      (_, { Key }) => {
        if (String(Key).endsWith("database.dump"))
          changed = postgres.query(region.database, "UPDATE flow SET description = 'after the snapshot'");
      },
      () => backUp(region, { log }),
    );
    await changed;
    const folder = `backups/readable/${id}/flows/`;
    const keys = await keysOf(s3.client, region.bucket, folder);
    expect(keys.filter((key) => key.startsWith(`${folder}admin/`))).toEqual(
      FLOWS.map((flow) => `${folder}admin/${flow.id}.json`),
    );
    expect(keys.filter((key) => key.startsWith(`${folder}ada/`))).toHaveLength(keys.length - FLOWS.length);
    const text = (await contentOf(region.bucket, `${folder}admin/${FLOWS[0]?.id}.json`)).toString();
    expect(text).toContain('"value": 1.0');
    for (const key of keys) {
      const flow = (await contentOf(region.bucket, key)).toString();
      expect(flow).not.toMatch(/sk-of-a-user|after the snapshot/);
    }
    expect(warnings.every(({ message }) => /only in the database's dump/.test(String(message)))).toBe(true);
  });
});

describe("newer data", () => {
  it.each<[string, RegExp, (region: Region) => Promise<unknown>]>([
    [
      "a flow",
      /1 in "flow"/,
      ({ database }) => postgres.query(database, "UPDATE flow SET updated_at = now() WHERE name = 'one'"),
    ],
    [
      "a user",
      /1 in "user"/,
      ({ database }) => postgres.query(database, `UPDATE "user" SET updated_at = now() WHERE username = 'ada'`),
    ],
    [
      "a file in the claim",
      /PersistentVolumeClaim: empty/,
      ({ dataDir }) => writeFile(join(dataDir, "empty"), "no longer"),
    ],
    [
      "an uploaded file",
      /uploaded files: files\/flow\/a\+b.bin/,
      ({ bucket }) => put(bucket, "files/flow/a+b.bin", "newer"),
    ],
  ])("is not overwritten without the overwrite option: %s", async (title, message, change) => {
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

  it("is detected in every LangFlow table with a timestamp, unless the table is exempt for a stated reason", async () => {
    await asOwner("migrated", async (client) => {
      const { rows } = await client.query<{ name: string }>(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
      );
      const timed = (await timedTables(client)).map(({ name }) => name);
      expect([...timed, ...Object.keys(NO_PERSONS_TABLES)].sort()).toEqual(rows.map(({ name }) => name).sort());
    });
  });

  it("is detected from a single newer row in any LangFlow table, by any of that row's timestamps", async () => {
    await postgres.create("any_row", "migrated");
    await asOwner("any_row", async (client) => {
      const rows = await RowMaker.of(client);
      const { rows: clock } = await client.query<{ at: Date }>("SELECT now() AS at");
      const at = clock[0]?.at ?? new Date();
      for (const { name, columns } of await timedTables(client))
        for (const column of columns) {
          await rows.insert(name, at, [column]);
          expect({ column, ...(await countYoungRows(client, at)).byPeople }).toEqual({ column, [name]: 1 });
          await client.query(`DELETE FROM "${name}" WHERE "${column}" > $1`, [at]);
        }
      for (const name of Object.keys(NO_PERSONS_TABLES)) if (name !== "alembic_version") await rows.insert(name, at);
      expect((await countYoungRows(client, at)).byPeople).toEqual({});
    });
  }, 240_000);

  it("does not include a user's sign-in, or a file of which only the timestamp changed", async () => {
    const region = await livingRegion("same");
    await backUp(region);
    await postgres.query(region.database, `UPDATE "user" SET last_login_at = now(), updated_at = now()`);
    await utimes(join(region.dataDir, "empty"), new Date(), new Date());
    await restoreInto(region);
  });
});

describe("a failure", () => {
  it("of pg_dump leaves no manifest, and therefore no backup", async () => {
    const region = await livingRegion("no-dump");
    // Privileges that suffice for the snapshot but not for the dump.
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

  it("to export the flows leaves no manifest, and the previous backup remains the newest", async () => {
    const region = await livingRegion("no-flows");
    const { id, bytes } = await backUp(region);
    const breakOff = (_: string, { Key }: Record<string, unknown>) => {
      if (String(Key).includes("/flows/")) throw new Error("the flow went away");
    };
    await expect(watching(breakOff, () => backUp(region))).rejects.toThrow("the flow went away");
    expect(await newestBackup(sourceOf(region))).toMatchObject({ id, bytes });
  });

  it("to restore under a busy LangFlow tells the operator to scale LangFlow to zero, and leaves the database unchanged", async () => {
    const { refusal, before, after } = await underLock;
    expect(refusal).toMatchObject({
      exitCode: ExitCode.Failure,
      message: expect.stringContaining("Scale LangFlow to zero"),
    });
    expect(after).toEqual(before);
  });

  it("is reported if a symlink replaced a folder in the claim, and restore writes nothing through the link", async () => {
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

  it("is reported in one message if the bucket does not respond, does not exist, or contains no backup", async () => {
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

  it("ends a backup without a manifest, so that no backup exists", async () => {
    const region = await livingRegion("stopped");
    const stop = new AbortController();
    const abort = (_: string, { Key }: Record<string, unknown>) => {
      if (String(Key).includes("/flows/")) stop.abort();
    };
    await expect(watching(abort, () => backUp(region, { signal: stop.signal }))).rejects.toMatchObject(interrupted);
    expect(await newestBackup(sourceOf(region))).toBeUndefined();
  });

  it("ends an upload and leaves no part of it in the bucket", async () => {
    const region = await livingRegion("stopped-upload");
    await writeFile(join(region.dataDir, "large.bin"), LARGE);
    const stop = new AbortController();
    const abort = (command: string) => {
      if (command === "UploadPartCommand") stop.abort();
    };
    await expect(watching(abort, () => backUp(region, { signal: stop.signal }))).rejects.toMatchObject(interrupted);
    const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: region.bucket }));
    expect(Uploads).toEqual([]);
    expect(await newestBackup(sourceOf(region))).toBeUndefined();
  });

  it("before a restore's first write leaves everything unchanged, and restore reports that", async () => {
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
    ["SIGTERM", { code: ExitCode.Failure, killedBy: null }, "interrupted: the restore is incomplete: run it again"],
    ["SIGKILL", { code: null, killedBy: "SIGKILL" }, undefined],
  ] as const)(
    "by %s of a restore that has already restored the database is repaired by the next restore",
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

describe("a database of a different LangFlow release", () => {
  const NEWER = `
    CREATE TYPE mood AS ENUM ('good', 'bad');
    ALTER TABLE flow ADD COLUMN mood mood DEFAULT 'good';
    CREATE TABLE flow_mood (id serial PRIMARY KEY, number integer GENERATED ALWAYS AS IDENTITY,
      flow_id uuid REFERENCES flow (id), user_id uuid REFERENCES "user" (id), mood mood NOT NULL);
    CREATE VIEW moods AS SELECT name, mood FROM flow;
    CREATE FUNCTION mood_of(flow) RETURNS mood LANGUAGE sql AS 'SELECT $1.mood';
    INSERT INTO flow_mood (flow_id, mood) SELECT id, 'bad' FROM flow`;

  /** Returns a description of every object in the restored schemas, without rows. */
  const shapeOf = (database: string) =>
    postgres.query<{ what: string }>(
      database,
      `WITH ours AS (SELECT array_agg(oid) AS restored FROM pg_namespace WHERE nspname IN ('public', 'langflow_dr'))
       SELECT pg_describe_object(classid, objid, 0) AS what FROM ours, LATERAL (
         SELECT 'pg_class'::regclass AS classid, oid AS objid FROM pg_class WHERE relnamespace = ANY(restored)
         UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = ANY(restored)
         UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = ANY(restored)
         UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE connamespace = ANY(restored)
       ) all_of_it
       UNION ALL SELECT nspname || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
       ORDER BY 1`,
    );

  it("becomes identical to the backup's, without the tables, types, views and functions of a newer release", async () => {
    const region = await livingRegion("upgraded");
    const [before, shape] = [await stateOf(region), await shapeOf(region.database)];
    await backUp(region);
    await postgres.query(region.database, NEWER);
    await restoreInto(region);
    expect(await stateOf(region)).toEqual(before);
    expect(await shapeOf(region.database)).toEqual(shape);
  });

  it("stays unchanged, including its rows, if the restore fails halfway", async () => {
    const region = await livingRegion("half");
    const { id } = await backUp(region);
    await postgres.query(region.database, NEWER);
    await replicating(region);
    const [before, shape] = [await stateOf(region), await shapeOf(region.database)];
    const dump = await contentOf(region.bucket, `backups/half/${id}/database.dump`);
    const path = join(scratch.folder, "half.dump");
    for (const share of [0.3, 0.9, 0.99]) {
      await writeFile(path, dump.subarray(0, Math.floor(dump.length * share)));
      await expect(restoreDatabase(parseDatabaseUrl(postgres.url(region.database)), path)).rejects.toMatchObject({
        exitCode: ExitCode.Failure,
        message: expect.stringContaining("The database is unchanged"),
      });
      expect(await stateOf(region)).toEqual(before);
      expect(await shapeOf(region.database)).toEqual(shape);
    }
  });

  it.each([
    ["the backup", true, false],
    ["the region", false, true],
    ["both", true, true],
  ])(
    "has the agent's triggers after a restore exactly if the backup has them: the agent's triggers were in %s",
    async (title, backedUp, present) => {
      const region = await livingRegion(`triggers-${title.replace(" ", "-")}`);
      if (backedUp) await replicating(region);
      const [before, shape] = [await stateOf(region), await shapeOf(region.database)];
      await backUp(region);
      await wipe(region);
      await postgres.query(region.database, "DROP SCHEMA IF EXISTS langflow_dr CASCADE");
      if (present) await replicating(region);
      await restoreInto(region);
      expect(await stateOf(region)).toEqual(before);
      expect(await shapeOf(region.database)).toEqual(shape);
      if (!backedUp) return;
      await postgres.query(region.database, "UPDATE flow SET name = name || ' again'");
      const noted = await postgres.query(
        region.database,
        "SELECT FROM langflow_dr.account_change WHERE 'name' = ANY(columns)",
      );
      expect(noted).toHaveLength(FLOWS.length);
    },
  );
});

describe("a real LangFlow", () => {
  it("blocks a restore if a user created a flow since the backup, but not after mere setup, a login or replication", async () => {
    const { lost, region, url } = await served;
    const langflow = LangFlowApi.withToken(url, await LangFlowApi.login(url, SUPERUSER.username, SUPERUSER.password));
    // Created like a replicated project. LangFlow adds a key and an MCP server to the project.
    await langflow.call("POST", "/api/v1/projects/", { name: "Synced", description: "" });
    const synced = await langflow.create("synced");
    await replicating(region);
    await postgres.query(region.database, "UPDATE langflow_dr.account_row SET news = NULL WHERE row_id = $1", [
      synced.id,
    ]);
    const made = await langflow.create("made");
    await expect(restoreInto(region, lost)).rejects.toMatchObject({
      exitCode: ExitCode.Refused,
      message: expect.stringMatching(/:\n {2}database: 1 in "flow"\nThe list contains only users/),
    });
    await langflow.delete(made.id);
    await restoreInto(region, lost);
    const flows = await postgres.query(region.database, "SELECT name FROM flow WHERE user_id IS NOT NULL");
    expect(flows).toHaveLength(FLOWS.length);
  });

  it("serves the deleted file and flow again after a restore", async () => {
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

async function* streamOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

async function asOwner<Result>(database: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = await openDatabase(parseDatabaseUrl(postgres.url(database)));
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Inserts rows into any table, in a database whose constraints it drops. */
class RowMaker {
  private constructor(
    private readonly client: Client,
    private readonly columns: ReadonlyMap<string, readonly { name: string; type: string; required: boolean }[]>,
  ) {}

  static async of(client: Client): Promise<RowMaker> {
    await client.query(`DO $$ DECLARE c record; BEGIN
      FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
        WHERE contype IN ('f', 'c') AND connamespace = 'public'::regnamespace
      LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; END $$`);
    const { rows } = await client.query<{ table: string; name: string; type: string; required: boolean }>(
      `SELECT c.relname AS table, a.attname AS name, a.atttypid::regtype::text AS type,
          a.attnotnull AND a.attidentity = '' AS required
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped`,
    );
    const columns = new Map<string, { name: string; type: string; required: boolean }[]>();
    for (const { table, ...column } of rows) columns.set(table, [...(columns.get(table) ?? []), column]);
    return new RowMaker(client, columns);
  }

  /** @param young columns with a time later than `at`; default: all timestamps */
  async insert(table: string, at: Date, young?: readonly string[]): Promise<void> {
    const values: [column: string, sql: string][] = [];
    for (const { name, type, required } of this.columns.get(table) ?? []) {
      const byPerson = BY_A_PERSON[`${table}.${name}`];
      const isTime = type.startsWith("timestamp");
      const isYoung = young === undefined || young.includes(name);
      if (byPerson !== undefined) values.push([name, byPerson]);
      else if (isTime && (required || isYoung || NOT_EMPTY.test(name)))
        values.push([name, `$1::timestamptz ${isYoung ? "+" : "-"} interval '1 hour'`]);
      else if (required) values.push([name, await this.some(type)]);
    }
    const names = values.map(([name]) => `"${name}"`).join(", ");
    const text = `INSERT INTO "${table}" (${names || '"id"'}) SELECT ${values.map(([, sql]) => sql).join(", ") || "1"}`;
    await this.client.query(text.includes("$1") ? { text, values: [at] } : text);
  }

  private async some(type: string): Promise<string> {
    if (type === "uuid") return "gen_random_uuid()";
    if (type === "boolean") return "false";
    if (type === "json" || type === "jsonb") return `'{}'::${type}`;
    if (/int|numeric|double/.test(type)) return "(random() * 1000000)::integer";
    if (/char|text/.test(type)) return "left(md5(random()::text), 8)";
    return `(enum_range(NULL::${type}))[1]`;
  }
}

/** Timestamps with a default value, which would be later than `at`. */
const NOT_EMPTY = /_at$|timestamp/;
/** Values that distinguish a user's row from LangFlow's own. */
const BY_A_PERSON: Readonly<Record<string, string>> = {
  "flow.user_id": "gen_random_uuid()",
  "policy_bundle_active.initialized": "true",
};

/**
 * Runs a command of the agent in a separate process.
 *
 * @param cut a signal, and the log message after which it is sent
 */
async function agent(
  command: "backup" | "restore" | "verify",
  region: Region,
  {
    flags = [],
    environment,
    cut,
  }: {
    flags?: readonly string[];
    environment?: NodeJS.ProcessEnv;
    cut?: { after: string; signal: NodeJS.Signals };
  },
) {
  const child = spawn(process.execPath, ["--require", "./typescript.cjs", "agent/main.ts", command, ...flags], {
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
