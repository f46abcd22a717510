import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { adopt } from "../../agent/adopt/adopt";
import { type BackupOptions, backup, type FlowDocument } from "../../agent/backup/backup";
import { Bucket } from "../../agent/backup/bucket";
import { newestBackup } from "../../agent/backup/newest";
import { type RestoreOptions, restore } from "../../agent/backup/restore";
import { verify } from "../../agent/backup/verify";
import { ExitCode } from "../../agent/errors";
import { type Postgres, Scratch, type ScratchS3, SUPERUSER } from "./scratch";

jest.setTimeout(300_000);

const quiet = { info: () => undefined, warn: () => undefined };
/** More than one part of an upload: nothing makes it smaller. */
const LARGE = randomBytes(40 * 1024 * 1024);
const FLOWS: FlowDocument[] = ["one", "two", "three"].map((name, index) => ({
  workspace: "default",
  id: `00000000-0000-4000-8000-00000000000${index}`,
  json: JSON.stringify({ name }),
}));

let scratch: Scratch;
let postgres: Postgres;
let s3: ScratchS3;

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.postgres();
  s3 = await scratch.s3();
  await scratch.migrate(await postgres.create("migrated"));
  await adopt({ databaseUrl: postgres.url("migrated"), superuser: "admin", project: "langflow-dr", log: quiet });
});
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
    spoolDir: scratch.folder,
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

  it("hold for a real LangFlow: the uploaded file and the flow it serves are those of the lost region", async () => {
    const region = await emptyRegion("served");
    const environment = {
      ...s3.environment,
      LANGFLOW_DATABASE_URL: postgres.url(region.database),
      LANGFLOW_OBJECT_STORAGE_BUCKET_NAME: region.bucket,
    };
    const first = new Served(await scratch.langflow(environment));
    await first.logIn();
    const form = new FormData();
    form.append("file", new Blob(["kept"]), "kept.txt");
    const uploaded = (await first.json("POST", "/api/v2/files/", form)) as { id: string };
    const flow = (await first.json(
      "POST",
      "/api/v1/flows/",
      JSON.stringify({ name: "kept", data: { nodes: [], edges: [] } }),
    )) as {
      id: string;
    };
    await backUp(region);
    await first.json("DELETE", `/api/v1/flows/${flow.id}`);
    await first.json("DELETE", `/api/v2/files/${uploaded.id}`);
    await restoreInto(region);
    expect(await first.json("GET", `/api/v1/flows/${flow.id}`)).toMatchObject({ name: "kept" });
    expect(await (await first.ask("GET", `/api/v2/files/${uploaded.id}`)).text()).toBe("kept");
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
    await postgres.query(region.database, "CREATE ROLE poor LOGIN");
    const databaseUrl = postgres.url(region.database).replace("postgres:unchecked", "poor:sesame-secret");
    await expect(backUp(region, { databaseUrl })).rejects.toMatchObject({
      message: expect.not.stringContaining("sesame-secret"),
    });
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
    const region = await livingRegion("busy");
    await backUp(region);
    const before = await postgres.contents(region.database);
    let release = () => {};
    const holder = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held = postgres.hold(region.database, `LOCK TABLE "flow" IN ACCESS SHARE MODE`, holder);
    await expect(restoreInto(region)).rejects.toMatchObject({
      message: expect.stringContaining("Scale LangFlow to zero"),
    });
    release();
    await held;
    expect(await postgres.contents(region.database)).toEqual(before);
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
    const missing = { bucket: new Bucket(s3.client, "nowhere"), prefix: "backups", region: "none" };
    await expect(verify({ source: missing, log: quiet })).rejects.toMatchObject({ exitCode: ExitCode.BadInput });
  });

  it("stops in mid-backup when told to", async () => {
    const region = await livingRegion("stopped");
    const stop = new AbortController();
    const listFlows = async function* () {
      yield* FLOWS.slice(1);
      stop.abort();
      yield* FLOWS.slice(2);
    };
    await expect(backUp(region, { listFlows, signal: stop.signal })).rejects.toThrow(/interrupted|aborted/);
    expect(await newestBackup(sourceOf(region))).toBeUndefined();
  });
});

/** A LangFlow, as a person with a browser uses it. */
class Served {
  private token = "";

  constructor(private readonly url: string) {}

  async logIn(): Promise<void> {
    const answer = await fetch(`${this.url}/api/v1/login`, { method: "POST", body: new URLSearchParams(SUPERUSER) });
    this.token = ((await answer.json()) as { access_token: string }).access_token;
  }

  ask(method: string, path: string, body?: string | FormData): Promise<Response> {
    const headers = new Headers({ authorization: `Bearer ${this.token}` });
    if (typeof body === "string") headers.set("content-type", "application/json");
    return fetch(this.url + path, { method, body, headers });
  }

  async json(method: string, path: string, body?: string | FormData): Promise<unknown> {
    const answer = await this.ask(method, path, body);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }
}
