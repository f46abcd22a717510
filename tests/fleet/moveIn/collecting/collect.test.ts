import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Database } from "node-sqlite3-wasm";
import { type Collecting, collect, collectedAt } from "../../../../fleet/moveIn/collecting/collect";
import { inspect } from "../../../../fleet/moveIn/inspect";
import { collectFrom } from "../../../../fleet/verbs/moveIn/handler";
import { ExitCode } from "../../../../model/errors";
import { contentsOf, recordedLangFlow } from "../recordedLangFlow";

const BEA = "c1bf8c66-d7d5-4edd-bb1a-3116cee9660e";
const USERS_FILE = `${BEA}/notes.txt`;
const folders: string[] = [];
const running: ChildProcess[] = [];
afterAll(async () => {
  for (const child of running.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
    child.kill("SIGKILL");
    await once(child, "close");
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function madeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "collecting-"));
  folders.push(folder);
  return folder;
}

function recorded(): string {
  const folder = recordedLangFlow();
  folders.push(folder);
  return folder;
}

/** A Python command as in a container: it has only this environment, and sees no other LangFlow's process. */
const python = (environment: Readonly<Record<string, string>> = {}) =>
  [
    "env -i",
    `PATH='${process.env.PATH}' HOME=/nowhere`,
    ...Object.entries(environment).map(([name, value]) => `${name}='${value}'`),
    "python3",
  ].join(" ");

const signal = new AbortController().signal;
const collected = async (command: string, given: Partial<Collecting> = {}) => {
  const out = join(madeFolder(), "collected");
  const said: string[] = [];
  const told = await collect({ python: command, out, report: (line) => void said.push(line), signal, ...given });
  return { out, told, said };
};

const look = (from: string) => inspect({ from, config: undefined, environment: {}, signal });

/** A process that has LangFlow's name, keeps its database open, and has a write that is only in the write-ahead log. */
const WRITES_AHEAD = `
import os, sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA journal_mode=WAL")
database.execute("UPDATE flow SET name = 'Newest' WHERE name = 'Plain'")
database.commit()
print("ready", flush=True)
time.sleep(120)
`;

async function langflowProcess(folder: string, database: string, environment: Readonly<Record<string, string>>) {
  const program = join(madeFolder(), "langflow");
  writeFileSync(program, WRITES_AHEAD);
  const child = spawn("python3", [program, database], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  await once(child.stdout, "data");
  return child;
}

describe("a running LangFlow", () => {
  it("is copied completely, including its write-ahead log, even if its process was started with a relative folder", async () => {
    const source = recorded();
    const child = await langflowProcess(join(source, ".."), join(source, "langflow.db"), {
      LANGFLOW_CONFIG_DIR: source.split("/").at(-1) ?? "",
    });
    // SQLite's readers register themselves in the shared memory file.
    const contents = () => JSON.stringify({ ...contentsOf(source), "langflow.db-shm": "" });
    const before = contents();
    const { out, told } = await collected(python({ LANGFLOW_CONFIG_DIR: source }));
    expect(contents() === before).toBe(true);
    child.kill("SIGKILL");
    await once(child, "close");

    expect(told).toMatchObject({ database: "SQLite", config: source, files: 1 });
    expect(statSync(out).mode & 0o777).toBe(0o700);
    expect(readdirSync(out).sort()).toEqual([BEA, "collected.json", "knowledge_bases", "langflow.db", "secret_key"]);
    expect(statSync(join(out, "langflow.db")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(out, USERS_FILE), "utf8")).toBe("some notes\n");
    const inventory = await look(out);
    expect(inventory.flows.map(({ name }) => name)).toContain("Newest");
    expect(inventory).toMatchObject({ files: { count: 1, missing: [] }, ciphertexts: { count: 2, unreadable: [] } });
    expect(inventory.withoutLogAfter).toBeUndefined();
  });
});

describe("a LangFlow whose location is in the environment", () => {
  it("is copied with the key from the environment and with only the files of users and flows", async () => {
    const source = recorded();
    mkdirSync(join(source, "logs"));
    writeFileSync(join(source, "logs", "langflow.log"), "a line");
    mkdirSync(join(source, "knowledge_bases", "bea", "Manuals"), { recursive: true });
    writeFileSync(join(source, "knowledge_bases", "bea", "Manuals", "chroma.sqlite3"), "vectors");
    const bases = join(source, "elsewhere");
    mkdirSync(join(bases, "bea", "Prices"), { recursive: true });
    symlinkSync("/etc/passwd", join(source, BEA, "link.txt"));
    writeFileSync(join(source, BEA, "Überblick – 1.txt"), "x".repeat(3_000_000));
    const { out, told } = await collected(
      python({
        LANGFLOW_DATABASE_URL: `sqlite:///${source}/langflow.db`,
        LANGFLOW_CONFIG_DIR: source,
        LANGFLOW_SECRET_KEY: "given",
        LANGFLOW_KNOWLEDGE_BASES_DIR: bases,
      }),
    );
    expect(told.files).toBe(2);
    expect(readFileSync(join(out, "secret_key"), "utf8")).toBe("given");
    expect(readdirSync(join(out, BEA)).sort()).toEqual(["notes.txt", "Überblick – 1.txt"]);
    expect(statSync(join(out, BEA, "Überblick – 1.txt")).size).toBe(3_000_000);
    expect(existsSync(join(out, "logs"))).toBe(false);
    expect(readdirSync(join(out, "knowledge_bases", "bea", "Manuals"))).toEqual([]);
    expect((await look(out)).localKnowledgeBases).toEqual(["Manuals (bea)", "Prices (bea)"]);
  });

  it("is not changed by the collection if it was stopped and uses a write-ahead log", async () => {
    const source = recorded();
    const database = new Database(join(source, "langflow.db"));
    database.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL");
    database.close();
    const before = JSON.stringify(contentsOf(source));
    const { out } = await collected(
      python({ LANGFLOW_DATABASE_URL: `sqlite:///${source}/langflow.db`, LANGFLOW_CONFIG_DIR: source }),
    );
    expect(readFileSync(join(source, "langflow.db"))[19]).toBe(2);
    expect(JSON.stringify(contentsOf(source)) === before).toBe(true);
    expect((await look(out)).flows).toHaveLength(4);
  });

  it("is copied even if a file cannot be read completely, and a warning names that file", async () => {
    const source = recorded();
    writeFileSync(join(source, BEA, "broken.bin"), "b".repeat(100_000));
    for (let n = 0; n < 50; n++) writeFileSync(join(source, BEA, `later-${n}.txt`), `file ${n}`);
    const disk = join(madeFolder(), "failing.py");
    // Emulates a bad sector on a disk: `open` succeeds and a read fails.
    writeFileSync(
      disk,
      `import io, sys
script = sys.stdin.read()
class Failing(io.FileIO):
    def read(self, size=-1):
        if str(self.name).endswith("broken.bin"):
            raise OSError(5, "Input/output error", self.name)
        return super().read(size)
plain = open
exec(compile(script, "collect", "exec"), {"__name__": "collect", "open": lambda path, mode="r", **how: Failing(path) if mode == "rb" else plain(path, mode, **how)})
`,
    );
    const place = { LANGFLOW_DATABASE_URL: `sqlite:///${source}/langflow.db`, LANGFLOW_CONFIG_DIR: source };
    const { out, told } = await collected(`${python(place)} ${disk}`);
    expect(readFileSync(join(out, BEA, "later-49.txt"), "utf8")).toBe("file 49");
    expect(statSync(join(out, BEA, "broken.bin")).size).toBe(100_000);
    expect(told.warnings.join()).toMatch(/broken\.bin could not be read completely/);
  });

  it("causes warnings about a missing key, a missing folder, and files in a bucket", async () => {
    const source = recorded();
    const { told } = await collected(
      python({
        LANGFLOW_DATABASE_URL: `sqlite:///${source}/langflow.db`,
        LANGFLOW_CONFIG_DIR: "/nowhere/langflow",
        LANGFLOW_STORAGE_TYPE: "s3",
      }),
    );
    // This machine may be running an unrelated LangFlow.
    expect(told.warnings.filter((each) => !each.startsWith("a running LangFlow"))).toEqual([
      expect.stringMatching(/^LangFlow's secret key was not found/),
      expect.stringMatching(/^LangFlow's folder \/nowhere\/langflow does not exist/),
      expect.stringMatching(/^files are in a bucket/),
    ]);
  });
});

describe("a failed collection reports one sentence and leaves no folder", () => {
  const refused = async (command: string, said: RegExp, given: Partial<Collecting> = {}) => {
    const parent = madeFolder();
    const asked = { python: command, out: join(parent, "collected"), report: () => undefined, signal, ...given };
    await expect(collect(asked)).rejects.toMatchObject({
      exitCode: given.signal ? ExitCode.Cancelled : ExitCode.BadInput,
      message: expect.stringMatching(said),
    });
    expect(readdirSync(parent)).toEqual([]);
  };

  it("if no database is found", async () => {
    await refused(
      python({ LANGFLOW_CONFIG_DIR: madeFolder() }),
      /^no LangFlow database was found in \/.*: run this where LangFlow runs/,
    );
  });

  it("if two LangFlows are running", async () => {
    const sources = [recorded(), recorded()];
    for (const source of sources)
      await langflowProcess(source, join(source, "langflow.db"), { LANGFLOW_CONFIG_DIR: source });
    await refused(python(), /^several LangFlows run here, in \/.*, \/.*: choose one by LANGFLOW_CONFIG_DIR/);
  });

  it("if a running LangFlow's database is unknown, instead of using an older file in its folder", async () => {
    const source = recorded();
    const caches = join(madeFolder(), ".cache");
    mkdirSync(caches);
    renameSync(source, join(caches, "langflow"));
    const program = join(madeFolder(), "langflow");
    writeFileSync(program, "import time\nprint('ready', flush=True)\ntime.sleep(120)");
    const child = spawn("python3", [program], {
      env: { PATH: process.env.PATH, HOME: join(caches, ".."), LANGFLOW_LOG_LEVEL: "of-this-test" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    running.push(child);
    await once(child.stdout, "data");
    const others = running.filter((each) => each !== child && each.exitCode === null && each.signalCode === null);
    for (const each of others) {
      each.kill("SIGKILL");
      await once(each, "close");
    }
    await refused(
      python(),
      /^LangFlow runs \(process \d+\), and has no SQLite database open: set its LANGFLOW_DATABASE_URL|^several LangFlows/,
    );
    child.kill("SIGKILL");
  });

  it("if the file is not a LangFlow database", async () => {
    const file = join(madeFolder(), "langflow.db");
    writeFileSync(file, "nothing");
    await refused(
      python({ LANGFLOW_DATABASE_URL: `sqlite:///${file}` }),
      /^.*langflow\.db cannot be read \(.+\): start its LangFlow/,
    );
  });

  it("if PostgreSQL does not respond; the sentence does not contain the password", async () => {
    const url = "postgresql://langflow:sesame@127.0.0.1:9/langflow";
    await refused(
      python({ LANGFLOW_DATABASE_URL: url }),
      /^(?!.*sesame)(PostgreSQL denied access or did not answer|this Python has neither psycopg)/,
    );
  });

  it("if the command does not start, or does not start Python", async () => {
    await refused(
      "no-such-docker exec -i langflow python",
      /^the --python command did not finish: .*no-such-docker.*for example: docker exec -i langflow python$/,
    );
    await refused("cat", /^could not unpack the output of the --python command into \/.* \(tar: .*other text/);
  });

  it("if the command fails before it starts Python; the sentence quotes the command's own message", async () => {
    await refused(
      "sh -c 'echo Error response from daemon: No such container: nosuch >&2; exit 1'",
      /^the --python command did not finish: Error response from daemon: No such container: nosuch\. /,
    );
  });

  it("even if a wrapper prints more after the script failed; the sentence is the script's reason", async () => {
    const source = python({ LANGFLOW_CONFIG_DIR: madeFolder() });
    await refused(
      `sh -c "${source.replaceAll("'", "")} - || { echo command terminated >&2; exit 1; }" sh`,
      /^no LangFlow database was found/,
    );
  });

  it("if the archive is truncated", async () => {
    const source = recorded();
    const whole = python({ LANGFLOW_DATABASE_URL: `sqlite:///${source}/langflow.db`, LANGFLOW_CONFIG_DIR: source });
    await refused(
      `sh -c "${whole} - | head -c 50000" sh`,
      /^could not unpack | did not finish: the archive is incomplete/,
    );
  });

  it("if the user interrupts the collection", async () => {
    const end = new AbortController();
    setTimeout(() => end.abort(), 200);
    await refused("sleep 30; true", /^interrupted; nothing was written$/, { signal: end.signal });
  });
});

describe("move-in collect", () => {
  const said: string[] = [];
  const asked = { python: undefined, out: undefined, print: false, json: false, signal };
  beforeEach(() => {
    said.length = 0;
    jest.spyOn(process.stdout, "write").mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
  });
  afterEach(() => jest.restoreAllMocks());

  it("prints a script that creates the same archive, and prints its warnings, on a machine without this project", async () => {
    expect(await collectFrom({ ...asked, print: true })).toBe(ExitCode.Success);
    jest.restoreAllMocks();
    const source = recorded();
    const file = join(madeFolder(), "collect.py");
    writeFileSync(file, said.join(""));
    const out = madeFolder();
    rmSync(join(source, "secret_key"));
    const command = `${python({ LANGFLOW_DATABASE_URL: `sqlite:///${source}/langflow.db`, LANGFLOW_CONFIG_DIR: source })} ${file} | tar -x -C ${out}`;
    const child = spawn(command, { shell: true, stdio: ["inherit", "inherit", "pipe"] });
    const warnings: string[] = [];
    createInterface(child.stderr).on("line", (line) => warnings.push(line));
    expect((await once(child, "close"))[0]).toBe(0);
    expect(warnings).toContainEqual(
      expect.stringMatching(/^collect\.py: warning: LangFlow's secret key was not found/),
    );
    expect(Date.now() - Date.parse(String(collectedAt(out)))).toBeLessThan(60_000);
    expect((await look(out)).flows).toHaveLength(4);
  });

  it("reports the data and the next command, and overwrites no folder except an earlier copy", async () => {
    const source = recorded();
    const out = join(madeFolder(), "collected");
    const command = python({ LANGFLOW_DATABASE_URL: `sqlite:///${source}/langflow.db`, LANGFLOW_CONFIG_DIR: source });
    jest.spyOn(process.stderr, "write").mockReturnValue(true);
    expect(await collectFrom({ ...asked, python: command, out })).toBe(ExitCode.Success);
    expect(said.join("")).toMatch(
      new RegExp(
        `on SQLite, with 1 files of ${source}: copied to ${out}\\n(?:warning: a running LangFlow .*\\n)?next: npm run fleet -- move-in inspect --from ${out}`,
      ),
    );
    // An earlier copy is replaced, but any other folder is kept.
    writeFileSync(join(out, BEA, "older.txt"), "of an earlier copy");
    expect(await collectFrom({ ...asked, python: command, out })).toBe(ExitCode.Success);
    expect(readdirSync(join(out, BEA))).toEqual(["notes.txt"]);
    await expect(collectFrom({ ...asked, python: command, out: source })).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
    });
    await expect(collectFrom(asked)).rejects.toThrow(/^--python and --out are required: /);
  });
});
