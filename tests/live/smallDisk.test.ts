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
/** PostgreSQL's error code for a full disk (PostgreSQL documentation, "PostgreSQL Error Codes"). */
const DISK_FULL = "53100";
/** Inserts two megabytes, which is more than the free space in partially filled pages. */
const SAVE = "INSERT INTO saved SELECT $1::int, repeat(md5(random()::text), 30) FROM generate_series(1, 2000)";

// Mounting requires root. Other users get an error message instead.
(process.getuid?.() === 0 ? describe : describe.skip)("a database's separate disk", () => {
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
  /** Returns the program of a process, or an empty text if the process has ended. */
  const programOf = (pid: number): string => {
    try {
      return basename(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "");
    } catch {
      return "";
    }
  };
  /**
   * Returns the size of the file that fills the disk, as the server sees it, or undefined if the server has not started
   * yet.
   */
  const ballastBytes = async (): Promise<number | undefined> => {
    const { pid } = server;
    // A shell mounts the disk, may free it, and then becomes a different program by exec.
    if (pid === undefined || !["setpriv", "postgres"].includes(programOf(pid))) return undefined;
    const ballast = join(scratch.folder, "us-east", "postgres", "disk", "ballast");
    const looked = run("nsenter", ["--mount", `--target=${pid}`, "--", "stat", "--format=%s", ballast]);
    const bytes = await looked.then(
      ({ stdout }) => Number(stdout),
      () => 0,
    );
    // A process that ended meanwhile has no disk, which says nothing about its successor.
    return programOf(pid) === "" ? undefined : bytes;
  };
  /** Returns the machine's loop devices whose file belongs to this test. */
  const loopDevices = () =>
    readdirSync("/sys/block")
      .filter((name) => name.startsWith("loop"))
      .filter((name) => {
        const file = join("/sys/block", name, "loop", "backing_file");
        // An unused loop device has no such file.
        return existsSync(file) && readFileSync(file, "utf8").includes(scratch.folder);
      });
  const mounts = () => readFileSync("/proc/self/mounts", "utf8").includes(scratch.folder);

  beforeAll(async () => {
    scratch = await Scratch.make();
    server = new LiveDatabase(join(scratch.folder, "us-east"), scratch.tools.postgresBin, await freePort());
    await server.ensure([{ ...DATABASE, port: server.port }]);
    await query("CREATE TABLE saved (turn int, contents text)");
    // Simulates a long-used database: its own files have free space for ten saves.
    for (let turn = 0; turn < 10; turn++) await save(-1);
    await save(1);
    await query("DELETE FROM saved WHERE turn = -1");
    await query("VACUUM saved");
  });
  afterAll(async () => {
    await server?.stop();
    await scratch?.end();
  });

  it("does not exist, and cannot be filled, until it is created with the existing data", async () => {
    await expect(server.fillDisk()).rejects.toThrow("no separate disk");
    await server.limitDisk();
    expect(await saved()).toEqual([1]);
    await save(2);
    expect(mounts()).toBe(false);
  });

  it("can be read but not written while the disk is full, and is writable again without a restart once space is freed", async () => {
    const { pid } = server;
    await server.fillDisk();
    for (let turn = 0; turn < 3; turn++) await expect(save(3)).rejects.toMatchObject({ code: DISK_FULL });
    expect(await saved()).toEqual([1, 2]);
    await server.freeDisk();
    await save(4);
    expect(await saved()).toEqual([1, 2, 4]);
    expect(server.pid).toBe(pid);
  });

  it("stays full after a crash of the server, without data loss", async () => {
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

  it("is removed at the next start of the database, which keeps its data, and leaves nothing mounted", async () => {
    await server.stop();
    await server.ensure([{ ...DATABASE, port: server.port }]);
    expect(await saved()).toEqual([1, 2, 4, 6]);
    await expect(server.fillDisk()).rejects.toThrow("no separate disk");
    expect(mounts()).toBe(false);
    // The kernel releases a loop device shortly after its last unmount.
    await until("no loop device is left", async () => loopDevices().length === 0, 10_000);
  });
});
