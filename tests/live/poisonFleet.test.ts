import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PutObjectCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import { Client } from "pg";
import { Envelope } from "../../agent/accounts/envelope";
import { keyOf } from "../../agent/accounts/segmentPlaces";
import { peakMegabytes } from "../../bench/processes";
import { percentile } from "../../model/percentile";
import { failureOf } from "../engine/localFleet";
import { LangFlowApi, until } from "./langflowApi";
import { LiveFleet } from "./liveFleet";
import { type PoisonItem, poisonItems, type RowPlace } from "./poisonItems";

/**
 * Size of large items, in MB. The complete suite: POISON_MB=200 POISON_ITEMS=200. A different seed produces different
 * items in a different order.
 */
const MEGABYTES = Number(process.env.POISON_MB ?? 5);
const ITEMS = Number(process.env.POISON_ITEMS ?? 80);
const SEED = Number(process.env.POISON_SEED ?? 1);
const SETTLED_WITHIN_MS = 60_000 * Math.max(3, MEGABYTES / 40);
const REGIONS = ["us-east", "eu-west"] as const;
type Region = (typeof REGIONS)[number];
const EVE = { username: "eve", password: "eve-s own passw0rd" };
const ADA = { username: "ada", password: "ada-s own passw0rd" };
const SAVE_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 50;
const SEEN_EVERY_MS = 2_000;
/**
 * Maximum size of items that are sent to LangFlow's API, in bytes. Larger ones are written to the database, because
 * LangFlow serves no other request while it reads one.
 */
const API_BYTES_MAX = 2_000_000;
const GIB = 1024 ** 3;

jest.setTimeout(2 * SETTLED_WITHIN_MS + 600_000);

/** An accepted item: a database row, a file in the repository or an object in a bucket. */
interface Thrown {
  readonly item: PoisonItem;
  /** Table of the item's row, if it creates one. */
  readonly table: string;
  readonly id: string;
  /** Alternative name of the item in logs. */
  readonly called: string;
  readonly region: Region;
  readonly atMs: number;
  /** Result: equal in both regions, or held and named in a log. */
  end?: "converged" | "held";
  afterMs?: number;
}

/** SQL that returns a digest of a row, with each value in its replicated form, which both regions must agree on. */
const SHOWN: Readonly<Record<string, string>> = {
  flow: "md5(name || coalesce(description, '') || coalesce(langflow_dr.account_text(data), 'null'))",
  message: "md5(coalesce(text, '') || coalesce(langflow_dr.account_text(content_blocks), 'null') || timestamp)",
  mcp_server: "md5(name || coalesce(langflow_dr.account_text(config), 'null'))",
  variable: "md5(name || value || coalesce(langflow_dr.account_text(default_fields), 'null'))",
  user: "md5(username || create_at || coalesce(langflow_dr.account_text(optins), 'null'))",
};
const NOW = new Date().toISOString();
/** Values of a row's other columns. */
const ROWS: Readonly<Record<string, (id: string, owner: string) => Record<string, unknown>>> = {
  flow: (id, owner) => ({ name: `flow ${id}`, user_id: owner, updated_at: NOW, data: '{"nodes":[],"edges":[]}' }),
  message: () => ({
    timestamp: NOW,
    sender: "User",
    sender_name: "Eve",
    session_id: "s",
    text: "x",
    error: false,
    edit: false,
    files: "[]",
    properties: "{}",
    category: "message",
    content_blocks: "[]",
  }),
  mcp_server: (id, owner) => ({
    user_id: owner,
    name: `server ${id}`,
    config: "{}",
    enabled: true,
    version: 1,
    created_at: NOW,
    updated_at: NOW,
  }),
  variable: (id, owner) => ({
    user_id: owner,
    name: `variable ${id}`,
    value: "x",
    type: "Generic",
    created_at: NOW,
    updated_at: NOW,
  }),
  user: (id) => ({
    username: `user ${id}`,
    password: "hash",
    is_active: true,
    is_superuser: false,
    create_at: NOW,
    updated_at: NOW,
  }),
};

/** A user who saves a small flow repeatedly in one region and waits for each edit in the other. */
class OrdinaryUser {
  /**
   * Delay of each edit, in milliseconds, until the other region's database had it, and until its LangFlow showed it.
   */
  readonly stored: number[] = [];
  readonly shown: number[] = [];
  readonly saveMs: number[] = [];
  private readonly savedAt: number[] = [];
  private isOver = false;
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly saved: LangFlowApi,
    private readonly looked: LangFlowApi,
    private readonly database: Client,
    readonly flow: string,
  ) {}

  begin(): void {
    this.running = Promise.all([
      this.save(),
      this.look(this.stored, async () => {
        const sql = "SELECT description FROM flow WHERE id = $1";
        return (await this.database.query(sql, [this.flow])).rows[0]?.description;
      }),
      this.look(this.shown, async () => (await this.looked.call("GET", `/api/v1/flows/${this.flow}`)).description),
    ]);
  }

  /** Stops the edits and waits until the other region has all of them. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  get edits(): number {
    return this.savedAt.length;
  }

  private async save(): Promise<void> {
    while (!this.isOver) {
      const began = performance.now();
      await this.saved.edit(this.flow, { description: `edit ${this.savedAt.length}` });
      this.savedAt.push(performance.now());
      this.saveMs.push(performance.now() - began);
      await sleep(Math.max(0, began + SAVE_EVERY_MS - performance.now()));
    }
  }

  /** Records when edits arrive. An edit that a later one has replaced arrives together with it. */
  private async look(came: number[], description: () => Promise<string | null | undefined>): Promise<void> {
    const deadline = () => (this.isOver ? SETTLED_WITHIN_MS : Number.POSITIVE_INFINITY);
    for (let over: number | undefined; !this.isOver || came.length < this.edits; ) {
      if (this.isOver) over ??= performance.now();
      if (over !== undefined && performance.now() - over > deadline())
        throw new Error(`edit ${came.length} has not come`);
      const [, edit] = /^edit (\d+)$/.exec((await description().catch(() => "")) ?? "") ?? [];
      const now = performance.now();
      while (edit !== undefined && came.length <= Number(edit) && came.length < this.edits)
        came.push(now - (this.savedAt[came.length] ?? now));
      await sleep(LOOK_EVERY_MS);
    }
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const told = (what: string) => process.stdout.write(`${what}\n`);

describe("unusual data of one user", () => {
  const fleet = new LiveFleet();
  const databases = new Map<Region, Client>();
  const apis = new Map<Region, LangFlowApi>();
  const thrown: Thrown[] = [];
  const refused: string[] = [];
  /** Maximum of each number in metrics and in `status`. */
  const greatest = new Map<string, number>();
  /** Records the agents' metrics and `status` during the test. */
  let watching: Promise<unknown> | undefined;
  let isOver = false;
  let clone: string;
  let envelope: Envelope;
  let eve: string;
  let token: string;
  let ada: OrdinaryUser;
  const pids = new Map<Region, number | undefined>();
  const throwing = { count: 0 };

  const database = (region: Region): Client => databases.get(region) as Client;
  const other = (region: Region): Region => (region === "us-east" ? "eu-west" : "us-east");
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: clone, encoding: "utf8", stdio: "pipe", maxBuffer: GIB });

  beforeAll(async () => {
    const up = await fleet.start();
    if (up.exitCode !== 0) throw failureOf(up);
    for (const region of REGIONS) {
      const { url, apiKey } = await fleet.langflow(region);
      apis.set(region, LangFlowApi.withKey(url, apiKey));
      const client = new Client({ connectionString: await fleet.database(region) });
      await client.connect();
      databases.set(region, client);
      pids.set(region, (await fleet.process(region, "flow-sync")).pid);
    }
    envelope = new Envelope((await fleet.langflow("us-east")).secretKey);
    const admin = apis.get("us-east") as LangFlowApi;
    eve = await admin.makeUser(EVE);
    await admin.makeUser(ADA);
    const [east, west] = await Promise.all(REGIONS.map(async (region) => (await fleet.langflow(region)).url));
    token = await LangFlowApi.login(east ?? "", EVE.username, EVE.password);
    const adas = await LangFlowApi.login(east ?? "", ADA.username, ADA.password);
    await LangFlowApi.withToken(east ?? "", token).create("hers");
    const { id } = await LangFlowApi.withToken(east ?? "", adas).create("small");
    const looks = new Client({ connectionString: await fleet.database("eu-west") });
    await looks.connect();
    databases.set("looks" as Region, looks);
    ada = new OrdinaryUser(LangFlowApi.withToken(east ?? "", adas), LangFlowApi.withToken(west ?? "", adas), looks, id);
    const main = ["--git-dir", await fleet.gitDirectory(), "ls-tree", "-r", "--name-only", "main"];
    await until("eve's folder is in Git", async () =>
      execFileSync("git", main, { encoding: "utf8", stdio: "pipe" }).includes("eve/hers.json"),
    );
    clone = mkdtempSync(join(tmpdir(), "clone-"));
    git("clone", "--quiet", "--branch", "main", await fleet.gitUrl(), ".");
  });
  afterAll(async () => {
    isOver = true;
    for (const client of databases.values()) await client.end();
    await fleet.remove();
    if (clone) rmSync(clone, { recursive: true, force: true });
  });

  /** Creates a row by LangFlow's API. @returns the row's id if LangFlow accepted it */
  const callLangFlow = async (region: Region, table: string, id: string, column: string, text: string) => {
    const json = ["data", "default_fields", "config"].includes(column);
    const value = json ? text : JSON.stringify(text);
    const { url } = await fleet.langflow(region);
    const calls: Readonly<Record<string, readonly [method: string, path: string, body: string]>> = {
      flow: ["PUT", `/api/v1/flows/${id}`, `{"name":"flow ${id}","data":{"nodes":[],"edges":[]},"${column}":${value}}`],
      variable: [
        "POST",
        "/api/v1/variables/",
        `{"name":"variable ${id}","value":"x","type":"Generic","${column}":${value}}`,
      ],
      user: ["POST", "/api/v1/users/", `{"username":"user ${id}","password":"${EVE.password}","${column}":${value}}`],
    };
    const call = calls[table];
    if (!call || Buffer.byteLength(text) > API_BYTES_MAX) return undefined;
    const [method, path, body] = call;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", connection: "close" };
    const answer = await fetch(url + path, { method, headers, body, signal: AbortSignal.timeout(60_000) }).catch(
      () => undefined,
    );
    const answered = await answer?.text().catch(() => "");
    return answer?.ok ? /"id":\s*"([0-9a-f-]{36})"/.exec(answered ?? "")?.[1] : undefined;
  };

  const throwRow = async (item: PoisonItem, region: Region): Promise<Thrown | undefined> => {
    const [table = "", column = ""] = (item.place as RowPlace).split(".");
    const id = randomUUID();
    const text = String(await item.contents({ id, key: "", userId: eve, envelope }));
    const made = await callLangFlow(region, table, id, column, text);
    const atMs = Date.now();
    const thing = { item, table, called: made ?? id, id: made ?? id, region, atMs };
    const of = `SELECT FROM "${table}" WHERE id = $1 AND "${column}"::text IS NOT NULL`;
    if (made && (await database(region).query(of, [made])).rowCount) return thing;
    const row = { id, ...ROWS[table]?.(id, eve), [column]: text };
    const names = Object.keys(row).map((each) => `"${each}"`);
    const places = names.map((_, at) => `$${at + 1}`);
    const sql = `INSERT INTO "${table}" (${names.join(", ")}) VALUES (${places.join(", ")})`;
    const isTaken = await database(region)
      .query(sql, Object.values(row))
      .then(
        () => true,
        (error) => {
          refused.push(`${item.place} ${item.name}: PostgreSQL ${(error as { code?: string }).code}`);
          return false;
        },
      );
    return isTaken ? { ...thing, id, called: id } : undefined;
  };

  const throwFile = async (item: PoisonItem): Promise<Thrown> => {
    const id = randomUUID();
    const path = `eve/${id}.json`;
    const contents = await item.contents({ id, key: "", userId: eve, envelope });
    for (let tries = 0; ; tries += 1) {
      git("fetch", "--quiet");
      git("reset", "--quiet", "--hard", "origin/main");
      writeFileSync(join(clone, path), contents);
      git("add", "--force", path);
      git("-c", "user.name=Eve", "-c", "user.email=eve@example.org", "commit", "--quiet", "-m", "A file");
      try {
        git("push", "--quiet", "origin", "main");
        return { item, table: "flow", id, called: path, region: "us-east", atMs: Date.now() };
      } catch (error) {
        // The recorder pushed first.
        if (tries > 10) throw error;
      }
    }
  };

  /** Writes an object into both buckets, as a segment of us-east that us-east never wrote. */
  const throwPart = async (item: PoisonItem): Promise<Thrown> => {
    const sql = "SELECT max(epoch) AS epoch FROM langflow_dr.account_part WHERE region = 'us-east'";
    const { epoch } = (await database("us-east").query(sql)).rows[0];
    const key = keyOf("accounts", { region: "us-east", epoch, number: 900_000_000 + throwing.count });
    const id = randomUUID();
    const body = await item.contents({ id, key, userId: eve, envelope });
    const s3 = await fleet.s3();
    for (const region of REGIONS)
      await s3.send(new PutObjectCommand({ Bucket: await fleet.bucket(region), Key: key, Body: body }));
    s3.destroy();
    return { item, table: "message", id, called: key, region: "us-east", atMs: Date.now() };
  };

  const throwOne = async (item: PoisonItem): Promise<Thrown | undefined> => {
    throwing.count += 1;
    if (item.place === "Git file") return throwFile(item);
    if (item.place === "bucket part") return throwPart(item);
    return throwRow(item, throwing.count % 3 === 0 ? "eu-west" : "us-east");
  };

  const watch = async (): Promise<void> => {
    while (!isOver) {
      const { processes } = await fleet.status();
      for (const { region, name, url, agent } of processes) {
        if (name !== "flow-sync" || !region) continue;
        const numbers = { waiting: agent?.rowsWaiting, broken: agent?.objectsBroken, ...agent?.record };
        for (const [what, value] of Object.entries(numbers)) count(`status ${what}`, value);
        const metrics = await fetch(`${url}/metrics`).then(
          (answer) => answer.text(),
          () => "",
        );
        for (const [, metric = "", value] of metrics.matchAll(
          /^langflow_dr_(\w+_(?:waiting|broken|held|skipped))(?:\{.*\})? (\d+)$/gm,
        ))
          count(metric, Number(value));
      }
      await sleep(SEEN_EVERY_MS);
    }
  };
  const count = (what: string, value: unknown): void => {
    if (typeof value === "number") greatest.set(what, Math.max(greatest.get(what) ?? 0, value));
  };

  const logs = async () => (await Promise.all(REGIONS.map((region) => fleet.logOf(region, "flow-sync")))).join("\n");
  /** Returns the log lines that name a held item, without lines about other events. */
  const holding = async (): Promise<string> =>
    (await logs())
      .split("\n")
      .filter((line) =>
        /"message":"(a row from another region cannot be written to the database yet; the agent retries it|an object in a bucket was skipped because it cannot be read|held|skipped)"/.test(
          line,
        ),
      )
      .join("\n");

  const shown = async (region: Region, { table, id }: Thrown): Promise<string | undefined> => {
    const sql = `SELECT ${SHOWN[table]} AS shown FROM "${table}" WHERE id = $1`;
    const { rows } = await database(region)
      .query(sql, [id])
      .catch(() => ({ rows: [{ shown: `not in ${region}` }] }));
    return rows[0]?.shown;
  };

  /**
   * Whether both regions have the same row. If neither has the row, the item is a file or a segment from which no row
   * was created.
   */
  const isConverged = async (each: Thrown): Promise<boolean> => {
    const [one, two] = [await shown(each.region, each), await shown(other(each.region), each)];
    return one !== undefined && one === two;
  };

  const settle = async (): Promise<void> => {
    const named = await holding();
    for (const each of thrown.filter(({ end }) => end === undefined)) {
      if (named.includes(each.called) || named.includes(each.id)) each.end = "held";
      else if (await isConverged(each)) each.end = "converged";
      if (each.end !== undefined) each.afterMs = Date.now() - each.atMs;
    }
  };

  it(`does not prevent the replication of another user's edits: ${ITEMS} unusual items of up to ${MEGABYTES} MB`, async () => {
    ada.begin();
    watching = watch();
    watching.catch(() => undefined);
    const began = Date.now();
    for (const item of poisonItems(SEED, ITEMS, MEGABYTES * 1_000_000)) {
      const start = Date.now();
      const each = await throwOne(item);
      if (each) thrown.push(each);
      if (Date.now() - start > 5_000)
        told(`${item.place} ${item.name} took ${seconds(Date.now() - start)} to be thrown`);
    }
    told(
      `${thrown.length} items thrown in ${seconds(Date.now() - began)}; nobody has ${refused.length}: ${refused.join("; ")}`,
    );
    const deadline = Date.now() + SETTLED_WITHIN_MS;
    const open = () => thrown.filter(({ end }) => end === undefined);
    while (open().length > 0 && Date.now() < deadline) {
      await settle();
      await sleep(SEEN_EVERY_MS);
    }
    await ada.end();
    const of = (values: readonly number[]) =>
      `p50 ${seconds(percentile(values, 50))}, p95 ${seconds(percentile(values, 95))}, at most ${seconds(Math.max(...values))}`;
    told(`${ada.edits} edits of another user, saved: ${of(ada.saveMs)}`);
    told(`in the other region's database: ${of(ada.stored)}`);
    told(
      `shown by its LangFlow: ${of(ada.shown)}; load average ${loadavg()
        .map((load) => load.toFixed(1))
        .join(" ")}`,
    );
    const ended = (end: Thrown["end"]) => thrown.filter((each) => each.end === end);
    told(
      `${ended("converged").length} converged, ${ended("held").length} held: ${ended("held").map(nameOf).join("; ")}`,
    );
    const slowest = [...thrown].sort((one, two) => (two.afterMs ?? 0) - (one.afterMs ?? 0)).slice(0, 12);
    told(
      `the slowest: ${slowest.map((each) => `${nameOf(each)} ${each.end} ${seconds(each.afterMs ?? 0)}`).join("; ")}`,
    );
    expect(open().map(nameOf)).toEqual([]);
  });

  const nameOf = ({ item, region }: Thrown): string => `${item.place} ${item.name} (${region})`;

  it("does not crash the agents or exceed their pods' memory", async () => {
    for (const region of REGIONS) {
      const { pid = 0, restarts } = await fleet.process(region, "flow-sync");
      const { limit, peak } = groupOf(pid);
      const megabytes = peakMegabytes(pid);
      told(
        `the agent of ${region}: ${megabytes.toFixed(0)} MiB resident at most, its group ${peak} MiB of ${limit} MiB`,
      );
      expect([pid, restarts]).toEqual([pids.get(region), 0]);
      expect(await fleet.logOf(region, "flow-sync")).not.toContain("out of memory");
      expect(megabytes).toBeLessThan(limit);
    }
    for (const { name, region, restarts, message } of (await fleet.status()).processes)
      if (restarts > 0) told(`${name} of ${region} was started again ${restarts} times: ${message}`);
  });

  it("is reported by metrics and `status` while it is held", async () => {
    told([...greatest].map(([what, value]) => `${what} ${value}`).join(", "));
    const held = thrown.filter(({ end }) => end === "held");
    const isOf = (place: string) => held.some(({ item }) => item.place === place);
    const expected = [
      ...(held.some(({ item }) => item.place.includes(".")) ? ["accounts_waiting", "status waiting"] : []),
      ...(isOf("bucket part") ? ["accounts_broken", "status broken"] : []),
      ...(isOf("Git file") ? ["sync_skipped", "status skipped"] : []),
    ];
    expect(expected.filter((what) => !greatest.get(what))).toEqual([]);
  });

  it("does not delay the replication of a new account", async () => {
    const BO = { username: "bo", password: "bo-s own passw0rd" };
    await apis.get("us-east")?.makeUser(BO);
    const { url } = await fleet.langflow("eu-west");
    await until(
      "she signs in",
      async () => (await LangFlowApi.login(url, BO.username, BO.password)) !== "",
      120_000,
      15_000,
    );
  });

  it("is in the backup of each region, or named by the backup as left out", async () => {
    const supervisor = await fleet.supervisor();
    const s3 = await fleet.s3();
    for (const region of REGIONS) {
      const began = Date.now();
      const { exitCode, log } = await supervisor.job(region, `backup-${region}`);
      told(`the backup of ${region} ended with ${exitCode} after ${seconds(Date.now() - began)}`);
      expect({ exitCode, log: exitCode === 0 ? "" : log }).toEqual({ exitCode: 0, log: "" });
      const keys: string[] = [];
      const of = { Bucket: await fleet.bucket(region), Prefix: "backups/" };
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, of))
        keys.push(...Contents.flatMap(({ Key }) => Key ?? []));
      const { rows } = await database(region).query("SELECT id::text FROM flow WHERE user_id IS NOT NULL");
      const text = `${keys.join("\n")}\n${log}`;
      expect(rows.map(({ id }) => id as string).filter((id) => !text.includes(id))).toEqual([]);
      expect(keys.join("\n")).toContain(ada.flow);
    }
    s3.destroy();
  });
});

/**
 * Returns limit and peak of a process's memory control group, or the manifest's limit on a machine without control
 * groups.
 */
function groupOf(pid: number): { limit: number; peak: number } {
  const [, path] = /^\d+:memory:(.+)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? [];
  const read = (file: string) =>
    Math.round(Number(readFileSync(`/sys/fs/cgroup/memory${path}/${file}`, "utf8")) / 1024 ** 2);
  if (path === undefined || path === "/") return { limit: 512, peak: 0 };
  return { limit: read("memory.limit_in_bytes"), peak: read("memory.max_usage_in_bytes") };
}
