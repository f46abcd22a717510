import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { FILL } from "../../../../sandbox/live/servers/smallDisk";

describe("the script that fills a small disk", () => {
  const folder = mkdtempSync(join(tmpdir(), "small-disk-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("writes nothing if the disk is not mounted yet, because it would fill the machine's own disk", async () => {
    // Pretends that the disk is almost full, so that a script that fills it anyway ends soon.
    writeFileSync(join(folder, "df"), "#!/bin/sh\necho Avail\necho 4\n", { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH}` };
    const filled = promisify(execFile)("/bin/sh", ["-c", FILL, "sh", folder], { env });
    await expect(filled).rejects.toMatchObject({ code: 1, stderr: "not mounted yet\n" });
    expect(readdirSync(folder)).toEqual(["df"]);
  });
});
