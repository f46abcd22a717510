import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehearseSource } from "../../../../fleet/verbs/moveIn/rehearsal";
import { ExitCode } from "../../../../model/errors";

describe("move-in rehearse", () => {
  let folder: string;
  let python: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "flows-"));
    python = join(folder, "bin");
    mkdirSync(python);
    writeFileSync(join(python, "python"), "");
    writeFileSync(join(folder, "flow.json"), JSON.stringify({ name: "Flow", data: { nodes: [], edges: [] } }));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const rehearsed = (given: object) =>
    rehearseSource({
      from: folder,
      config: undefined,
      oldPython: undefined,
      newPython: python,
      withoutOld: false,
      out: undefined,
      json: false,
      project: "",
      signal: new AbortController().signal,
      ...given,
    });

  it.each<[string, object, RegExp]>([
    ["a folder without Python", { oldPython: "/nowhere" }, /^--old-python \/nowhere contains no python: pass /],
    ["both --old-python and --without-old", { oldPython: "python", withoutOld: true }, /exclude each other/],
    [
      "a page in a folder that does not exist",
      { out: "/nowhere/page.html" },
      /^\/nowhere does not exist: create the folder of --out/,
    ],
    ["a source with an unknown release", {}, /^the source's LangFlow release is unknown/],
    ["a source that does not exist", { from: "/nowhere" }, /^\/nowhere does not exist/],
  ])("rejects %s with exit code 2 and explains the fix", async (_, given, message) => {
    const inPlace = Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, value === "python" ? python : value]),
    );
    await expect(rehearsed(inPlace)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(message),
    });
  });
});
