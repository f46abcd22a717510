import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ProgramFailed, programOutput, runProgram } from "../../../agent/process/program";
import { block } from "./gitHost";

const environment = { PATH: process.env.PATH };
const sh = (script: string) => ["-c", script];

async function bytesOf(...of: Parameters<typeof programOutput>): Promise<number> {
  let bytes = 0;
  for await (const chunk of programOutput(...of)) bytes += chunk.length;
  return bytes;
}

describe("a child program", () => {
  it("has its output read to the end, even if Node is busy when the program exits", async () => {
    for (let round = 0; round < (process.env.MUTATED ? 4 : 20); round += 1) {
      const reading = bytesOf("head", ["-c", "400000", "/dev/zero"], environment);
      for (let turn = 0; turn < 3; turn += 1) {
        block(60);
        await sleep(1);
      }
      expect(await reading).toBe(400_000);
    }
  }, 60_000);

  it("causes an error after all of its output was read if it was killed or exited with a failure", async () => {
    await expect(bytesOf("sh", sh("head -c 1000 /dev/zero; kill -9 $$"), environment)).rejects.toMatchObject({
      end: "SIGKILL",
    });
    await expect(bytesOf("sh", sh("echo all; exit 7"), environment)).rejects.toMatchObject({ end: 7 });
  });

  it("does not count as ended while another process still writes to its streams", async () => {
    expect(await bytesOf("sh", sh("(sleep 0.3; echo late) & echo early"), environment)).toBe(11);
    const words = sh("(sleep 0.3; echo last words >&2) >&- & exit 3");
    await expect(runProgram("sh", words, environment)).rejects.toThrow("sh ended with 3: last words");
  });

  it("gets all of its input, even if it does not read all of it", async () => {
    const input = Buffer.alloc(3_000_000, "x");
    expect(await bytesOf("cat", [], environment, { input })).toBe(input.length);
    expect(await bytesOf("head", ["-c", "5"], environment, { input })).toBe(5);
    expect(await bytesOf("cat", [], environment)).toBe(0);
  });

  it("has only the given environment", async () => {
    process.env.NOT_FOR_CHILDREN = "1";
    await expect(runProgram("sh", sh('test -z "$NOT_FOR_CHILDREN"'), environment)).resolves.toBeUndefined();
    delete process.env.NOT_FOR_CHILDREN;
  });

  it("may run for as long as it writes to either stream, and is killed after a time without output", async () => {
    const talking = (to: string) => sh(`for i in 1 2 3 4 5 6 7 8; do echo $i >&${to}; sleep 0.1; done`);
    for (const to of ["1", "2"])
      await expect(runProgram("sh", talking(to), environment, { silenceMs: 500 })).resolves.toBeUndefined();
    const silent = runProgram("sh", sh("echo a; sleep 60"), environment, { silenceMs: 300 });
    await expect(silent).rejects.toThrow("was stopped after 0.3 s without output");
  });

  it("is killed after its time limit, however much it writes", async () => {
    const script = sh("while :; do echo a; sleep 0.05; done");
    await expect(runProgram("sh", script, environment, { limitMs: 300 })).rejects.toThrow("0.3 s without completing");
  });

  it("is killed together with all its descendants on an abort", async () => {
    const folder = mkdtempSync(join(tmpdir(), "program-"));
    const stop = new AbortController();
    const script = sh(`(sleep 0.5; touch ${folder}/lived) & echo started; wait`);
    const reading = (async () => {
      for await (const _ of programOutput("sh", script, environment, { signal: stop.signal })) stop.abort();
    })();
    await expect(reading).rejects.toThrow("interrupted");
    await sleep(800);
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
    await expect(runProgram("true", [], environment, { signal: stop.signal })).rejects.toThrow("interrupted");
  });

  it("reports its progress, which its error message does not repeat", async () => {
    const lines: string[] = [];
    const script = sh(
      "for i in 1 2 3; do printf 'Receiving %s\\r' $i >&2; sleep 0.05; done; echo fatal: no >&2; exit 1",
    );
    const failure = await runProgram("sh", script, environment, { onProgress: (line) => lines.push(line) }).catch(
      (error: Error) => error,
    );
    expect(lines).toEqual(expect.arrayContaining(["Receiving 1", "fatal: no"]));
    expect(failure).toBeInstanceOf(ProgramFailed);
    expect((failure as ProgramFailed).stderr).toBe("fatal: no\n");
  });
});
