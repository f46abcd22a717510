import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(300_000);

const ROOT = join(__dirname, "../..");
const CTRL_C = "\x03";
/** Longer than npm takes to forward Ctrl-C, and shorter than a user would wait. */
const LATER_MS = 1_500;

/**
 * Runs a shell command on a pseudo-terminal (util-linux's `script`), and sends each Ctrl-C after its pattern was
 * printed.
 */
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
  // A pseudo-terminal has size 0 by default, and progress could not be drawn.
  const fleet = (verb: string) =>
    `stty rows 40 cols 120; exec npm run -s fleet -- ${verb} --local --project ${local.project} --directory ${local.fleet}`;

  beforeAll(async () => {
    expect((await local.run(["preview", "foundation"])).exitCode).toBe(ExitCode.Success);
  });
  afterAll(() => local.remove());

  it("stops at once if it is pressed twice, explains the consequences, and exits with code 8", async () => {
    await local.cloud("POST", "/faults", { provider: "aws", method: "create", kind: "silent" });
    const [exitCode, shown] = await onTerminal(fleet("up foundation"), [
      { after: /create aws\./, waitMs: 0 },
      { after: /interrupted, finishing \(press Ctrl-C again to stop at once\)/, waitMs: LATER_MS },
    ]);
    await local.cloud("DELETE", "/faults");
    expect(exitCode).toBe(ExitCode.Cancelled);
    expect(shown).toContain("stopped at once: resources in progress may exist without being in the state");
  });

  it("lets the engine finish its operations, prints the results, and exits with code 8", async () => {
    const [exitCode, shown] = await onTerminal(fleet("up foundation"), [{ after: /resources done/, waitMs: 0 }]);
    expect(exitCode).toBe(ExitCode.Cancelled);
    expect(shown).toMatch(/foundation +failed/);
    expect(shown).toContain("foundation: interrupted; the state is consistent. Run `up` to resume");
    expect(shown).not.toContain("stopped at once");
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
  });

  it("cancels a confirmation prompt without changes, and exits with code 8", async () => {
    const [exitCode, shown] = await onTerminal(fleet("destroy foundation --keep-data"), [
      { after: /Type destroy to confirm/, waitMs: 0 },
    ]);
    expect(exitCode).toBe(ExitCode.Cancelled);
    expect(shown).toContain("interrupted: nothing was destroyed");
    expect(shown).not.toMatch(/^\s+at /m);
    expect(existsSync(local.fleet)).toBe(true);
  });
});

describe("a closed output pipe", () => {
  const local = new LocalFleet();
  afterAll(() => local.remove());

  it("does not stop an update", async () => {
    const leave = (child: ReturnType<typeof spawn>) =>
      child.stderr?.once("data", () => {
        for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
      });
    expect((await local.run(["up", "foundation"], leave)).exitCode).toBe(ExitCode.Success);
    const { json } = await local.run(["preview", "foundation"]);
    expect(json.stacks[0]).toMatchObject({ outcome: "done", changes: [] });
  });
});
