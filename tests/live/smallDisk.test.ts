import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { freePort } from "../../sandbox/live/ports";
import { LiveDatabase } from "../../sandbox/live/servers/database";
import { until } from "./langflowApi";
import { Scratch } from "./scratch";

jest.setTimeout(120_000);

const run = promisify(execFile);

const DATABASE = { host: "127.0.0.1", name: "flows", user: "langflow", password: "sesame-secret" };
/** PostgreSQL's own code (PostgreSQL documentation, "PostgreSQL Error Codes"). */
const DISK_FULL = "53100";
/** Two megabytes, more than lies about in pages that are not full. */
const SAVE = "INSERT INTO saved SELECT $1::int, repeat(md5(random()::text), 30) FROM generate_series(1, 2000)";

// A mount takes root's rights, as whoever else starts the fleet is told.
(process.getuid?.() === 0 ? describe : describe.skip)("a database's own disk", () => {
  let scratch: Scratch;
  let server: LiveDatabase;

  const query = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> => {
    const { host, user, password, name: database } = DATABASE;
    const client = new Client({ host, port: server.port, user, password, database });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const save = (turn: number) => query(SAVE, [turn]);
  const saved = async () =>
    (await query<{ turn: number }>("SELECT DISTINCT turn FROM saved ORDER BY turn")).map(({ turn }) => turn);
  /** Empty once it has ended. */
  const programOf = (pid: number): string => {
    try {
      return basename(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "");
    } catch {
      return "";
    }
  };
  /** The size of what fills the disk, as the server has it; undefined: it has not come so far. */
  const ballastBytes = async (): Promise<number | undefined> => {
    const { pid } = server;
    // What mounts the disk, and may free it, is a shell, which then becomes another program.
    if (pid === undefined || !["setpriv", "postgres"].includes(programOf(pid))) return undefined;
    const ballast = join(scratch.folder, "us-east", "postgres", "disk", "ballast");
    const looked = run("nsenter", ["--mount", `--target=${pid}`, "--", "stat", "--format=%s", ballast]);
    const bytes = await looked.then(
      ({ stdout }) => Number(stdout),
      () => 0,
    );
    // One that ended meanwhile has none, and says nothing of the next.
    return programOf(pid) === "" ? undefined : bytes;
  };
  /** Those of the machine that have a file of this test's behind them. */
  const loopDevices = () =>
    readdirSync("/sys/block")
      .filter((name) => name.startsWith("loop"))
      .filter((name) => {
        const file = join("/sys/block", name, "loop", "backing_file");
        // One that nothing is behind has no such file.
        return existsSync(file) && readFileSync(file, "utf8").includes(scratch.folder);
      });
  const mounts = () => readFileSync("/proc/self/mounts", "utf8").includes(scratch.folder);

  beforeAll(async () => {
    scratch = await Scratch.make();
    server = new LiveDatabase(join(scratch.folder, "us-east"), scratch.tools.postgresBin, await freePort());
    await server.ensure([{ ...DATABASE, port: server.port }]);
    await query("CREATE TABLE saved (turn int, contents text)");
    // Long edited: room for ten saves is in its own files.
    for (let turn = 0; turn < 10; turn++) await save(-1);
    await save(1);
    await query("DELETE FROM saved WHERE turn = -1");
    await query("VACUUM saved");
  });
  afterAll(async () => {
    await server?.stop();
    await scratch?.end();
  });

  it("has none that could be full until it is given one, with all that it had", async () => {
    await expect(server.fillDisk()).rejects.toThrow("no disk of its own");
    await server.limitDisk();
    expect(await saved()).toEqual([1]);
    await save(2);
    expect(mounts()).toBe(false);
  });

  it("is read while that is full, and takes nothing, until there is room again, by the same process", async () => {
    const { pid } = server;
    await server.fillDisk();
    for (let turn = 0; turn < 3; turn++) await expect(save(3)).rejects.toMatchObject({ code: DISK_FULL });
    expect(await saved()).toEqual([1, 2]);
    await server.freeDisk();
    await save(4);
    expect(await saved()).toEqual([1, 2, 4]);
    expect(server.pid).toBe(pid);
  });

  it("stays full where it dies, and lost nothing of what it had taken", async () => {
    await server.fillDisk();
    const { pid } = server;
    server.crash();
    await until("the server is another", async () => server.pid !== undefined && server.pid !== pid);
    let bytes: number | undefined;
    await until("that has its disk", async () => {
      bytes = await ballastBytes();
      return bytes !== undefined;
    });
    expect(bytes).toBeGreaterThan(0);
    await expect(save(5)).rejects.toThrow();
    await server.freeDisk();
    await until("it takes what needs room", () => save(6).then(() => true));
    expect(await saved()).toEqual([1, 2, 4, 6]);
  });

  it("is put away as the database starts the next time, which has everything, and leaves nothing mounted", async () => {
    await server.stop();
    await server.ensure([{ ...DATABASE, port: server.port }]);
    expect(await saved()).toEqual([1, 2, 4, 6]);
    await expect(server.fillDisk()).rejects.toThrow("no disk of its own");
    expect(mounts()).toBe(false);
    // The kernel lets go of one soon after its last mount.
    await until("no loop device is left", async () => loopDevices().length === 0, 10_000);
  });
});
