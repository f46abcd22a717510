import { LiveUp } from "../../../../fleet/local/live";
import type { Session } from "../../../../fleet/stacks/session";
import { up } from "../../../../fleet/verbs/up/handler";
import type { UpOptions } from "../../../../fleet/verbs/up/verb";
import { ExitCode } from "../../../../model/errors";

const given = (options: Partial<UpOptions>) => options as UpOptions;

describe("up --observe", () => {
  it.each([{ local: true }, { local: false }])(
    "is rejected without --live before any connection is opened, with the options %p",
    async (how) => {
      await expect(up(given({ ...how, live: false, observe: true }))).rejects.toMatchObject({
        message: "--observe needs the live fleet: add --local --live",
        exitCode: ExitCode.BadInput,
      });
    },
  );

  it("is rejected before tools are downloaded if the config has no observability", async () => {
    const stacks = new Map([["foundation", { fleet: {} }]]);
    const session = { options: { project: { stacks } } } as unknown as Session;
    const options = { honourPreStop: false, pods: 1, emptyDatabases: false, observe: true };
    await expect(LiveUp.prepare(session, options)).rejects.toMatchObject({
      message: expect.stringMatching(/^--observe needs `observability` in Pulumi\.yaml/),
      exitCode: ExitCode.BadInput,
    });
  });
});
