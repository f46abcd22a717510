import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prove } from "../../../fleet/verbs/prove/handler";
import { ExitCode } from "../../../model/errors";

describe("prove --resume", () => {
  const folder = mkdtempSync(join(tmpdir(), "resume-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** In a local fleet that is down: what is said is said before it is looked for. */
  const resuming = (file: string) =>
    prove({
      stacks: [],
      local: true,
      json: true,
      project: join(__dirname, "../../.."),
      directory: join(folder, "fleet"),
      signal: new AbortController().signal,
      disturb: false,
      resume: file,
      reports: undefined,
    });

  it.each([
    ["that is not there", undefined, /can't be read: ENOENT/],
    ["that is cut off", '{"begun": "2026', /can't be read: .*JSON/],
    ["of another verb", '{"verb": "drill"}', /is no report of `prove`: name its \.json/],
  ])("refuses a file %s, before anything is opened", async (_, content, message) => {
    const file = join(folder, "report.json");
    rmSync(file, { force: true });
    if (content !== undefined) writeFileSync(file, content);
    await expect(resuming(file)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(message),
    });
  });
});
