import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fleetUserId } from "../../agent/adopt/fleetUserId";
import { backup } from "../../agent/backup/backup";
import { Bucket } from "../../agent/backup/bucket";
import { installerWith } from "../../fleet/local/installer";
import { flowsOfDatabase, flowsOfFolder, userNames } from "../../fleet/moveIn/readFlows";
import { starterFolder } from "../../fleet/rehearsal/starterFolder";
import { replicationOf } from "../../fleet/upgrade/replication";
import { rehearseUpgrade, type UpgradeRehearsal } from "../../fleet/upgrade/upgradeRehearsal";
import { BACKUP_PREFIX } from "../../formats/bucketKeys";
import { SUPERUSER } from "../../model/langflow";
import { PROJECT } from "../../model/names";
import { type Postgres, Scratch, type ScratchS3 } from "./scratch";

jest.setTimeout(600_000);

/** Result of LangFlow 1.12.8's own migrations in an empty database (recordMigrated.ts). */
const EARLIER = join(__dirname, "migrated-1.12.8.sql");
/**
 * Bin folder of a Python with LangFlow 1.12.8 and its drivers. If it is set, both releases run at the same time, as in
 * a rolling upgrade.
 */
const { OLD_PYTHON } = process.env;
/** A migration that is newer than 1.12.8's database. */
const BROKEN = "1d28fd31a982";
const STARTERS = ["Basic Prompting", "Memory Chatbot"];

const REGION = "us-east";
const quiet = { info: () => undefined, warn: () => undefined };
const { signal } = new AbortController();

let scratch: Scratch;
let postgres: Postgres;
let s3: ScratchS3;
let bucket: string;
/** Parent of the folders that this file's rehearsals create, separate from other tests. */
let own: string;
beforeAll(async () => {
  scratch = await Scratch.make();
  own = mkdtempSync(join(tmpdir(), "upgrade-"));
  // Node reads the TMPDIR of the process outside Jest.
  jest.spyOn(jest.requireActual<typeof import("node:os")>("node:os"), "tmpdir").mockReturnValue(own);
  process.env.PATH = scratch.path;
  [postgres, s3] = await Promise.all([scratch.postgres("region", EARLIER), scratch.s3()]);
  bucket = await s3.bucket("flows-us-east");
  await fill();
  const dataDir = join(scratch.folder, "claim");
  mkdirSync(dataDir);
  await backup({
    s3: s3.client,
    bucket,
    prefix: BACKUP_PREFIX,
    filesPrefix: "files",
    region: REGION,
    databaseUrl: postgres.url("region"),
    dataDir,
    langflowVersion: "1.12.8",
    log: quiet,
  });
});
afterAll(async () => {
  jest.restoreAllMocks();
  rmSync(own, { recursive: true, force: true });
  await scratch.end();
});

/** A component that connects to an external database with a driver that bypasses Python's sockets. */
const REACHING = `import psycopg2
from langflow.custom import Component
from langflow.io import Output
from langflow.schema.message import Message

class Reaching(Component):
    outputs = [Output(name="message", method="reach")]

    def reach(self) -> Message:
        try:
            psycopg2.connect(host="192.0.2.1", port=9, user="u", dbname="d", connect_timeout=5)
        except psycopg2.OperationalError as error:
            if "127.0.0.1" not in str(error):
                raise ValueError("it left this machine")
        return Message(text="stayed on this machine")
`;
const GRAPH = {
  nodes: [
    {
      id: "Reaching-1",
      type: "genericNode",
      position: { x: 0, y: 0 },
      data: {
        id: "Reaching-1",
        type: "Reaching",
        node: {
          display_name: "Reaching",
          template: { _type: "Component", code: { type: "code", name: "code", value: REACHING, show: true } },
          outputs: [
            { name: "message", display_name: "Message", method: "reach", types: ["Message"], selected: "Message" },
          ],
        },
      },
    },
  ],
  edges: [],
};

/** Inserts the fleet's account, a user and the user's flow. */
async function fill(): Promise<void> {
  const ada = randomUUID();
  const account = (id: string, name: string, isSuperuser: boolean) =>
    postgres.query(
      "region",
      `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
        VALUES ($1, $2, 'no hash', true, $3, now(), now())`,
      [id, name, isSuperuser],
    );
  await account(fleetUserId(PROJECT, SUPERUSER), SUPERUSER, true);
  await account(ada, "ada", false);
  await postgres.query(
    "region",
    "INSERT INTO flow (id, name, user_id, data, is_component, updated_at) VALUES ($1, 'Reaching', $2, $3, false, now())",
    [randomUUID(), ada, JSON.stringify(GRAPH)],
  );
}

/** @param newPython bin folder of the Python to which the region is upgraded */
function rehearsed(newPython: string, oldPython: string | undefined): Promise<UpgradeRehearsal> {
  const installer = installerWith(() => undefined, signal);
  // Verifies that the rehearsal's folder is in the place where the last test searches.
  const look = () => {
    hadFolder ||= rehearsalFolders().length > 0;
  };
  return rehearseUpgrade({
    source: { bucket: new Bucket(s3.client, bucket), prefix: BACKUP_PREFIX, region: REGION },
    postgres: { bin: scratch.tools.postgresBin, version: scratch.tools.postgresVersion },
    newPython,
    oldPython: async () => oldPython,
    storedFlows: async (url) => {
      const { flows, inventory } = await flowsOfDatabase(url, signal);
      return { flows, users: userNames(inventory) };
    },
    starterFlows: async (pythonBin) => {
      const { flows } = await flowsOfFolder(await starterFolder(installer, pythonBin), signal);
      return flows.filter(({ facts }) => STARTERS.includes(facts.name));
    },
    report: look,
    signal,
  });
}

let hadFolder = false;
const rehearsalFolders = () => readdirSync(own).filter((name) => name.startsWith("rehearsal-"));

/** Returns the bin folder of the same Python, with a LangFlow in which a migration runs additional statements first. */
function pythonWhose(migration: string, does: readonly string[]): string {
  const { pythonBin } = scratch.tools;
  const overlay = mkdtempSync(join(scratch.folder, "changed-"));
  const [library = ""] = readdirSync(join(pythonBin, "../lib")).filter((name) => name.startsWith("python3"));
  const langflow = join(pythonBin, "../lib", library, "site-packages/langflow");
  mkdirSync(join(overlay, "langflow"), { recursive: true });
  for (const name of readdirSync(langflow))
    if (name !== "alembic") symlinkSync(join(langflow, name), join(overlay, "langflow", name));
  cpSync(join(langflow, "alembic"), join(overlay, "langflow/alembic"), { recursive: true });
  const versions = join(overlay, "langflow/alembic/versions");
  const [file = ""] = readdirSync(versions).filter((name) => name.startsWith(migration) && name.endsWith(".py"));
  const source = readFileSync(join(versions, file), "utf8");
  const statements = does.map((sql) => `\n    op.execute(${JSON.stringify(sql)})`).join("");
  const changed = source.replace(/^def upgrade\(\).*$/m, (line) => `${line}${statements}\n`);
  expect(changed).not.toBe(source);
  writeFileSync(join(versions, file), changed);
  mkdirSync(join(overlay, "bin"));
  const program = `#!/bin/sh\nPYTHONPATH="${overlay}:$PYTHONPATH" exec "${join(pythonBin, "python")}" "$@"\n`;
  writeFileSync(join(overlay, "bin/python"), program, { mode: 0o755 });
  return join(overlay, "bin");
}

const results = ({ steps }: UpgradeRehearsal) => steps.map(({ name, result }) => [name, result]);

describe("an upgrade of LangFlow that is rehearsed on a region's backup", () => {
  it("succeeds from 1.12.8 to the pinned release with its own migrations, and does not change the region", async () => {
    const before = await postgres.contents("region");
    const rehearsal = await rehearsed(scratch.tools.pythonBin, OLD_PYTHON);
    expect(rehearsal).toMatchObject({
      region: REGION,
      backup: { langflowVersion: "1.12.8" },
      releases: { new: "1.13.0" },
    });
    expect(rehearsal.steps[0]).toMatchObject({ said: expect.stringMatching(/^2 users, 1 flow, /) });
    const [, migrations] = rehearsal.steps;
    expect(migrations?.said).toMatch(/^from \w+(, \w+)* to \w+(, \w+)*$/);
    expect(results(rehearsal)).toEqual(
      OLD_PYTHON
        ? [
            ["backup restored", "passed"],
            ["migrations", "passed"],
            ["users meanwhile", "passed"],
            ["adopt", "passed"],
            ["replication", "passed"],
            ["new LangFlow starts", "passed"],
            ["sessions in both", "passed"],
            ["saves in both", "passed"],
            ["old pod starts anew", expect.any(String)],
          ]
        : [
            ["backup restored", "passed"],
            ["migrations", "passed"],
            ["adopt", "passed"],
            ["replication", "passed"],
            ["new LangFlow starts", "passed"],
          ],
    );
    const flows = Object.fromEntries(rehearsal.flows.map((flow) => [flow.name, flow]));
    expect(Object.keys(flows).sort()).toEqual([...STARTERS, "Reaching"].sort());
    expect(flows.Reaching).toMatchObject({ from: "backup", user: "ada", loaded: { result: "same" } });
    // The old release's responses are known only if it runs too.
    expect(flows.Reaching?.run).toMatchObject(
      OLD_PYTHON ? { result: "same" } : { result: "not known", said: "runs; the old version's answer is unknown" },
    );
    expect(rehearsal.counts.differs).toBe(0);
    expect(await postgres.contents("region")).toEqual(before);
  });

  it("fails if a migration breaks, and names the migration, the line and the error, but no value of a row", async () => {
    const breaks = ['INSERT INTO "user" (id, username) SELECT id, username FROM "user"'];
    const { steps, flows } = await rehearsed(pythonWhose(BROKEN, breaks), undefined);
    expect(steps.map(({ name, result }) => [name, result])).toEqual([
      ["backup restored", "passed"],
      ["migrations", "failed"],
    ]);
    const [, { said } = { said: "" }] = steps;
    expect(said).toMatch(
      new RegExp(`^stops in ${BROKEN}\\w* \\(line \\d+, op\\.execute\\(.*\\): \\w+: .*null value in column "password"`),
    );
    expect(said).not.toContain(SUPERUSER);
    expect(flows).toEqual([]);
  });

  it("reports a table that the agent would refuse afterwards, with the unknown column", async () => {
    await postgres.create("refusing", "region");
    await postgres.query("refusing", "ALTER TABLE apikey ADD COLUMN tenant text NOT NULL");
    const { result, said } = await replicationOf(postgres.url("refusing"));
    expect([result, said]).toEqual([
      "failed",
      expect.stringContaining('the table "apikey" is not replicated: an insert needs a value for its column "tenant"'),
    ]);
  });

  it("leaves no process and no file behind", () => {
    expect(hadFolder).toBe(true);
    const left = readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid))
      .flatMap((pid) => ["cmdline", "environ"].map((name) => toldBy(pid, name)))
      .filter((told) => told.includes(join(own, "rehearsal-")));
    expect(left).toEqual([]);
    expect(rehearsalFolders()).toEqual([]);
  });
});

/** Returns a file of a process in /proc, or an empty text if the file is not readable. */
function toldBy(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
