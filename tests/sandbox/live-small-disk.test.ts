import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { FILL } from "../../sandbox/live/servers/smallDisk";

describe("what fills a disk of its own", () => {
  const folder = mkdtempSync(join(tmpdir(), "small-disk-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("writes nothing where that is not mounted yet, for then the room is the machine's", async () => {
    // As if there were hardly any left: whoever fills it all the same is soon done.
    writeFileSync(join(folder, "df"), "#!/bin/sh\necho Avail\necho 4\n", { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH}` };
    const filled = promisify(execFile)("/bin/sh", ["-c", FILL, "sh", folder], { env });
    await expect(filled).rejects.toMatchObject({ code: 1, stderr: "not mounted yet\n" });
    expect(readdirSync(folder)).toEqual(["df"]);
  });
});
