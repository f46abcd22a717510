import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehearse } from "../../../../fleet/verbs/rehearse/handler";
import { ExitCode } from "../../../../model/errors";

const ROOT = join(__dirname, "../../../..");

describe("rehearse", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "rehearse-"));
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin/python"), "");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const rehearsed = (given: object) =>
    rehearse({
      langflow: "1.13.1",
      region: undefined,
      backup: undefined,
      oldPython: undefined,
      newPython: join(folder, "bin"),
      withoutOld: false,
      out: undefined,
      local: true,
      json: false,
      project: ROOT,
      directory: folder,
      signal: new AbortController().signal,
      ...given,
    });

  it.each<[string, object, RegExp]>([
    [
      "a release series instead of a version",
      { langflow: "1.13" },
      /^--langflow 1\.13 is not a LangFlow release: use a version from PyPI, such as 1\.13\.1$/,
    ],
    ["an image tag", { langflow: "1.13.0-1" }, /^--langflow 1\.13\.0-1 is not a LangFlow release/],
    ["a folder without Python", { newPython: "/nowhere" }, /^--new-python \/nowhere contains no python: pass /],
    ["both --old-python and --without-old", { oldPython: "folder", withoutOld: true }, /exclude each other/],
    [
      "a page in a folder that does not exist",
      { out: "/nowhere/page.html" },
      /^\/nowhere does not exist: create the folder of --out/,
    ],
  ])("rejects %s with exit code 2 and explains the fix", async (_, given, message) => {
    const inPlace = Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, value === "folder" ? join(folder, "bin") : value]),
    );
    await expect(rehearsed(inPlace)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(message),
    });
  });
});
