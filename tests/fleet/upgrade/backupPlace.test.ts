import type { Project } from "../../../fleet/stacks/project";
import type { Session } from "../../../fleet/stacks/session";
import { backupPlace } from "../../../fleet/upgrade/backupPlace";
import { ExitCode } from "../../../model/errors";

/** A session of a foundation that was deployed before the region was added to the config. */
const session = { has: () => true, run: async () => JSON.stringify({ regions: {} }), options: { local: false } };

describe("backupPlace", () => {
  it("fails with exit code 6 and the fix if the foundation has no bucket for the region", async () => {
    const opened = { session: session as unknown as Session, project: {} as Project };
    await expect(backupPlace("us-east", opened, new AbortController().signal)).rejects.toMatchObject({
      exitCode: ExitCode.StackMissing,
      message: "us-east has no bucket yet: create it with `up foundation`",
    });
  });
});
