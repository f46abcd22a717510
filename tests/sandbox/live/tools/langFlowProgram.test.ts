import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { langFlowCommand } from "../../../../sandbox/live/tools/programs";

/** A LangFlow that prints what it sees during its import and when it runs. */
const LAUNCHER = `
import gc, json, sys
seen = [gc.isenabled()]

def main():
    from langflow.__main__ import seen_later
    found = {"argv": sys.argv, "path": sys.path[0], "collects": [*seen, seen_later, gc.isenabled()], "frozen": gc.get_freeze_count() > 0}
    print(json.dumps(found))
    return 7
`;

describe("the program that runs LangFlow", () => {
  const folder = mkdtempSync(join(tmpdir(), "langflow-program-"));
  const bin = join(folder, "bin");
  const [python = "", program = ""] = langFlowCommand({ pythonBin: bin });
  beforeAll(() => {
    for (const each of [bin, join(folder, "langflow")]) mkdirSync(each);
    const own = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();
    symlinkSync(own, python);
    for (const [name, text] of Object.entries({
      "__init__.py": "",
      "langflow_launcher.py": LAUNCHER,
      "__main__.py": "import gc\nseen_later = gc.isenabled()\n",
    }))
      writeFileSync(join(folder, "langflow", name), text);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("runs LangFlow with the arguments, module path and exit code of LangFlow's own script", () => {
    const environment = { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1" };
    const script = `"$0" "$@"; echo $?`;
    const args = ["-c", script, python, program, "run", "--port", "1"];
    const [said = "", exitCode] = execFileSync("sh", args, { encoding: "utf8", env: environment }).split("\n");
    const isMac = process.platform === "darwin";
    expect(JSON.parse(said)).toEqual({
      argv: [join(bin, "langflow"), "run", "--port", "1"],
      path: bin,
      collects: [false, isMac, true],
      frozen: true,
    });
    expect(exitCode).toBe("7");
  });

  it("has the name by which `move-in collect` recognizes LangFlow", () => {
    expect(basename(program)).toBe("langflow");
  });
});
