import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installerWith } from "../../fleet/local/installer";
import { BoundProcess } from "../../sandbox/live/process/boundProcess";
import { OwnClock } from "../../sandbox/live/process/ownClock";
import { ensureDebianLibrary } from "../../sandbox/live/tools/debianProgram";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { until } from "./langflowApi";

jest.setTimeout(120_000);

/** Programs that print the time of day and their monotonic running time, in seconds. */
const PROGRAMS = {
  node: (_python: string) => [
    process.execPath,
    "-e",
    "setInterval(() => console.log(Date.now() / 1000, performance.now() / 1000), 100)",
  ],
  python: (python: string) => [
    python,
    "-u",
    "-c",
    "import time\nbegan = time.monotonic()\nwhile True: print(time.time(), time.monotonic() - began); time.sleep(0.1)",
  ],
};

describe("a separate clock", () => {
  const folder = mkdtempSync(join(tmpdir(), "own-clock-"));
  const ended: Promise<unknown>[] = [];
  const launched: BoundProcess[] = [];
  let clock: OwnClock;
  let python = "";

  beforeAll(async () => {
    const installer = installerWith(() => undefined, new AbortController().signal);
    const library = await ensureDebianLibrary(installer, "libfaketime", "faketime/libfaketimeMT.so.1");
    python = join((await ensureTools(installer)).pythonBin, "python");
    clock = new OwnClock(library, join(folder, "us-east", "clock"));
  });
  afterAll(async () => {
    for (const each of launched) each.kill();
    await Promise.all(ended);
    rmSync(folder, { recursive: true });
  });

  it.each(["node", "python"] as const)(
    "is initially correct, runs ahead and is correct again, without a jump of the monotonic clock in %s",
    async (name) => {
      const log = join(folder, `${name}.log`);
      const environment = Object.assign({ PATH: process.env.PATH ?? "" }, clock.environment);
      const program = BoundProcess.start({ command: PROGRAMS[name](python), environment, directory: folder, log });
      launched.push(program);
      ended.push(program.ended);
      const last = () => (readFileSync(log, "utf8").trim().split("\n").at(-1) ?? "").split(" ").map(Number);
      const isAhead = (seconds: number) => async () => Math.abs((last()[0] ?? 0) - Date.now() / 1000 - seconds) < 2;
      for (const seconds of [0, 600, 0]) {
        clock.set(seconds);
        await until(`${name} is ${seconds} s ahead`, isAhead(seconds));
      }
      expect(last()[1]).toBeLessThan(60);
    },
  );
});
