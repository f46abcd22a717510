import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(300_000);

const ROOT = join(__dirname, "../..");
const CTRL_C = "\x03";
/** Longer than what npm needs to pass a Ctrl-C on, shorter than anybody waits. */
const LATER_MS = 1_500;

/** Runs a shell's line on a terminal of its own (util-linux's `script`), and presses Ctrl-C when `pattern` has been shown. */
function onTerminal(
  line: string,
  presses: readonly { after: RegExp; waitMs: number }[],
): Promise<[number | null, string]> {
  return new Promise((resolve, reject) => {
    const terminal = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
      cwd: ROOT,
      env: { ...process.env, TERM: "xterm", NO_COLOR: "1" },
    });
    const waiting = [...presses];
    let shown = "";
    terminal.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      shown += chunk;
      const [next] = waiting;
      if (!next?.after.test(shown)) return;
      waiting.shift();
      setTimeout(() => terminal.stdin.write(CTRL_C), next.waitMs);
    });
    terminal.on("error", reject);
    terminal.on("close", (code) => resolve([code, shown]));
  });
}

describe("Ctrl-C on a terminal", () => {
  const local = new LocalFleet();
  // A terminal that nobody looks at has no size, and nothing could be drawn on it.
  const fleet = (verb: string) =>
    `stty rows 40 cols 120; exec npm run -s fleet -- ${verb} --local --project ${local.project} --directory ${local.fleet}`;

  beforeAll(async () => {
    expect((await local.run(["preview", "foundation"])).exitCode).toBe(ExitCode.Success);
  });
  afterAll(() => local.remove());

  it("stops at once when it is pressed again, says what that leaves, and ends with 8", async () => {
    await local.cloud("POST", "/faults", { provider: "aws", method: "create", kind: "silent" });
    const [exitCode, shown] = await onTerminal(fleet("up foundation"), [
      { after: /create aws\./, waitMs: 0 },
      { after: /interrupted, finishing \(press Ctrl-C again to stop at once\)/, waitMs: LATER_MS },
    ]);
    await local.cloud("DELETE", "/faults");
    expect(exitCode).toBe(ExitCode.Cancelled);
    expect(shown).toContain("stopped at once: resources in progress may exist without being in the state");
  });

  it("lets the engine finish what it has begun, shows table and way on, and ends with 8, through npm as well", async () => {
    const [exitCode, shown] = await onTerminal(fleet("up foundation"), [{ after: /resources done/, waitMs: 0 }]);
    expect(exitCode).toBe(ExitCode.Cancelled);
    expect(shown).toMatch(/foundation +failed/);
    expect(shown).toContain("foundation: interrupted; the state is consistent. Run `up` to resume");
    expect(shown).not.toContain("stopped at once");
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
  });

  it("at a question is an answer too: nothing is done, exit 8", async () => {
    const [exitCode, shown] = await onTerminal(fleet("destroy foundation --keep-data"), [
      { after: /Type destroy to confirm/, waitMs: 0 },
    ]);
    expect(exitCode).toBe(ExitCode.Cancelled);
    expect(shown).toContain("interrupted: nothing was destroyed");
    expect(shown).not.toMatch(/^\s+at /m);
    expect(existsSync(local.fleet)).toBe(true);
  });
});

describe("a reader that leaves", () => {
  const local = new LocalFleet();
  afterAll(() => local.remove());

  it("ends no update: it goes on to its end, and nobody is told", async () => {
    const leave = (child: ReturnType<typeof spawn>) =>
      child.stderr?.once("data", () => {
        for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
      });
    expect((await local.run(["up", "foundation"], leave)).exitCode).toBe(ExitCode.Success);
    const { json } = await local.run(["preview", "foundation"]);
    expect(json.stacks[0]).toMatchObject({ outcome: "done", changes: [] });
  });
});
