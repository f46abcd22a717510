import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OwnClock } from "../../../../sandbox/live/process/ownClock";

describe("a region's own clock", () => {
  const folder = mkdtempSync(join(tmpdir(), "own-clock-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is read from the clock's file by processes with the clock's environment; Python writes no bytecode next to its code", () => {
    const file = join(folder, "us-east", "clock");
    const clock = new OwnClock("/lib/faketime.so", file);
    expect(clock.environment).toMatchObject({
      LD_PRELOAD: "/lib/faketime.so",
      FAKETIME_TIMESTAMP_FILE: file,
      PYTHONPATH: expect.stringMatching(/sandbox\/live\/process\/python$/),
      PYTHONDONTWRITEBYTECODE: "1",
    });
    clock.set(600);
    expect(readFileSync(file, "utf8")).toBe("+600\n");
  });
});
