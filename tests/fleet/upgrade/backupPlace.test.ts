import type { Project } from "../../../fleet/stacks/project";
import type { Session } from "../../../fleet/stacks/session";
import { backupPlace } from "../../../fleet/upgrade/backupPlace";
import { ExitCode } from "../../../model/errors";

/** Of a foundation that was deployed before the region was in the config. */
const session = { has: () => true, run: async () => JSON.stringify({ regions: {} }), options: { local: false } };

describe("where a region's backups are read", () => {
  it("is nowhere where the foundation has made no bucket for it: exit 6, and what makes it", async () => {
    const opened = { session: session as unknown as Session, project: {} as Project };
    await expect(backupPlace("us-east", opened, new AbortController().signal)).rejects.toMatchObject({
      exitCode: ExitCode.StackMissing,
      message: "us-east has no bucket yet; `up foundation` makes it",
    });
  });
});
