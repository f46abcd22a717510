import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { JobResult } from "../../sandbox/live/cluster/pod";
import type { LangFlowApi } from "./langflowApi";
import type { LiveFleet } from "./liveFleet";

const sha256 = (contents: string | Uint8Array) => createHash("sha256").update(contents).digest("hex");

/** A region with data of every kind, which a test is about to lose. */
export class LostRegion {
  private constructor(
    private readonly fleet: LiveFleet,
    private readonly region: string,
    private readonly langflow: LangFlowApi,
    private readonly s3: S3Client,
    private readonly bucket: string,
  ) {}

  /** Adds the data that a region may contain besides flows: a second user, an uploaded file, and files in the claim. */
  static async of(fleet: LiveFleet, region: string, langflow: LangFlowApi): Promise<LostRegion> {
    const lost = new LostRegion(fleet, region, langflow, await fleet.s3(), await fleet.bucket(region));
    const name = `user-${randomBytes(4).toString("hex")}`;
    await langflow.call("POST", "/api/v1/users/", { username: name, password: "a-long-Passw0rd!" });
    await langflow.upload(`${name}.bin`, randomBytes(20_000).toString("base64"));
    const file = join(fleet.claim(region), "knowledge_bases", name, "vectors.bin");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, randomBytes(3 * 1024 * 1024));
    return lost;
  }

  /** Runs a CronJob's pod once. */
  async job(name: string): Promise<JobResult> {
    return (await this.fleet.supervisor()).job(this.region, name);
  }

  /** Scales LangFlow and the agent to zero, or back to one. */
  async scale(replicas: 0 | 1): Promise<void> {
    const names = [`flow-sync-${this.region}`, `langflow-${this.region}`];
    for (const name of replicas === 0 ? names : names.reverse()) await this.fleet.scale(this.region, name, replicas);
  }

  /** Deletes the database's tables, the claim's files and the uploaded files. */
  async wipe(): Promise<void> {
    await this.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    for (const entry of readdirSync(this.fleet.claim(this.region)))
      rmSync(join(this.fleet.claim(this.region), entry), { recursive: true });
    for (const Key of await this.keys("files/"))
      await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key }));
  }

  /**
   * Returns hashes of everything that a restore must bring back: complete flows, users with their passwords, and all
   * files.
   */
  async everything(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const { id } of await this.langflow.flows()) {
      const { name, data, description, folder_id, user_id } = await this.langflow.call("GET", `/api/v1/flows/${id}`);
      found[`flow ${id}`] = sha256(JSON.stringify([name, data, description, folder_id, user_id]));
    }
    for (const row of await this.query('SELECT id, username, password, is_superuser FROM "user"'))
      found[`user ${row.username}`] = sha256(JSON.stringify(row));
    const claim = this.fleet.claim(this.region);
    for (const entry of existsSync(claim) ? readdirSync(claim, { recursive: true, withFileTypes: true }) : [])
      if (entry.isFile()) {
        const path = join(entry.parentPath, entry.name);
        found[`claim ${relative(claim, path)}`] = sha256(readFileSync(path));
      }
    for (const key of await this.keys("files/")) found[`upload ${key}`] = sha256(await this.object(key));
    return found;
  }

  /** Flips one bit of an object in the newest backup, deletes all older versions of the object, and returns its key. */
  async flipByte(object: string): Promise<string> {
    const [key] = (await this.keys(`backups/${this.region}/`)).filter((each) => each.endsWith(`/${object}`)).reverse();
    if (key === undefined) throw new Error(`no backup of ${this.region} holds ${object}`);
    const contents = Buffer.from(await this.object(key));
    const middle = Math.floor(contents.length / 2);
    contents[middle] = (contents[middle] ?? 0) ^ 1;
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: contents }));
    const { Versions = [] } = await this.s3.send(new ListObjectVersionsCommand({ Bucket: this.bucket, Prefix: key }));
    for (const { VersionId, IsLatest } of Versions)
      if (!IsLatest) await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key, VersionId }));
    return key;
  }

  private async keys(Prefix: string): Promise<string[]> {
    const { Contents = [] } = await this.s3.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix }));
    return Contents.flatMap(({ Key }) => Key ?? []).sort();
  }

  private async object(Key: string): Promise<Uint8Array> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key }));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  }

  private query(sql: string) {
    return this.fleet.query(this.region, sql);
  }
}
