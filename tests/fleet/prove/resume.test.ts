import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prove } from "../../../fleet/verbs/prove/handler";
import { ExitCode } from "../../../model/errors";

describe("prove --resume", () => {
  const folder = mkdtempSync(join(tmpdir(), "resume-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Resumes in a local fleet that is down, so that only errors from before the first request can occur. */
  const resuming = (file: string) =>
    prove({
      regions: [],
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
    ["that does not exist", undefined, /cannot be read: ENOENT/],
    ["that is truncated", '{"begun": "2026', /cannot be read: .*JSON/],
    ["of a different verb", '{"verb": "drill"}', /is not a report of `prove`: pass the report's \.json/],
  ])("rejects a file %s before it contacts the fleet", async (_, content, message) => {
    const file = join(folder, "report.json");
    rmSync(file, { force: true });
    if (content !== undefined) writeFileSync(file, content);
    await expect(resuming(file)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(message),
    });
  });
});
