import { rmSync } from "node:fs";
import { ExitCode } from "../../model/errors";
import { failureOf } from "../engine/localFleet";
import { recordedLangFlow } from "../fleet/moveIn/recordedLangFlow";
import { LiveFleet } from "./liveFleet";

jest.setTimeout(600_000);

describe("`move-in try` with a LangFlow 1.7.2", () => {
  const fleet = new LiveFleet();
  const folder = recordedLangFlow([
    `UPDATE user SET username = 'dora' WHERE username = 'Bea'`,
    // The state of a LangFlow without login, whose account LangFlow would disable at a start because it has never
    // logged in.
    `INSERT INTO user (id, username, password, is_active, is_superuser, create_at, updated_at) SELECT '${"a".repeat(32)}', 'langflow', password, 1, 1, create_at, updated_at FROM user LIMIT 1`,
    `INSERT INTO flow (name, data, id, user_id, access_type) SELECT 'Of all', data, '${"b".repeat(32)}', '${"a".repeat(32)}', 'PRIVATE' FROM flow WHERE name = 'Plain'`,
  ]);
  beforeAll(async () => {
    const answer = await fleet.start();
    if (answer.exitCode !== ExitCode.Success) throw failureOf(answer);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await fleet.remove();
  });
  const trial = () => fleet.local.run(["move-in", "try", "--from", folder, "--region", "us-east"]);

  it("logs in each active user after LangFlow's restart in each region, and finds the same work as in the source", async () => {
    const { exitCode, json, stderr } = await trial();
    if (!json) throw failureOf({ exitCode, stderr });
    const differences = json.compared.flatMap((each: { differences: unknown[] }) => each.differences);
    // The flow refers to a file on its old machine, which `inspect` also reports.
    const foreseen = expect.objectContaining({ user: "dora", what: "flow Reads a file", isForeseen: true });
    expect({ exitCode, differences }).toEqual({ exitCode: ExitCode.Success, differences: [foreseen] });
    expect(json.compared.map(({ shown }: { shown: object }) => shown)).toEqual(
      ["eu-west", "us-east"].map((region) => expect.objectContaining({ region, users: expect.any(Number), files: 1 })),
    );
    const { processes } = await fleet.status();
    const restarts = processes.filter(({ name, region }) => name === "langflow" && region).map((each) => each.restarts);
    expect(restarts).toEqual([1, 1]);
  });

  it("reports a user who can no longer log in, a changed flow, a missing variable and a truncated file", async () => {
    await fleet.query("us-east", `UPDATE "user" SET is_active = false WHERE username = 'langflow'`);
    await fleet.query("us-east", `UPDATE flow SET description = 'changed' WHERE name = 'Plain'`);
    await fleet.query("us-east", "UPDATE file SET size = size + 1");
    const { exitCode, json } = await trial();
    expect(exitCode).toBe(ExitCode.Disproved);
    const [, us] = json.compared as { differences: { user: string; what: string; said: string }[] }[];
    expect(us?.differences.map(({ user, what, said }) => [user, what, said])).toEqual(
      expect.arrayContaining([
        ["langflow", "sign-in", "deactivated in the fleet"],
        [expect.any(String), "flow Plain", expect.stringMatching(/^other .*d/)],
        [expect.any(String), "file notes", "11 of 12 bytes"],
      ]),
    );
  });
});
