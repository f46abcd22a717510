import { drill } from "../../../fleet/drill/drill";
import type { Plan } from "../../../fleet/drill/plan";
import { lossChapter } from "../../../fleet/drill/report/chapters";
import { restorableByRds } from "../../../fleet/drill/restorable";
import { FakeFleet, PLAN } from "./fakeFleet";

const HOUR_MS = 3_600_000;

describe("the database that could be restored after a drill's fault", () => {
  async function drilled(dumpedAt: number | undefined, more: Partial<Plan> = {}) {
    const fleet = await new FakeFleet().listen();
    fleet.dumpedAt = dumpedAt;
    const around = { backend: fleet, signal: new AbortController().signal, report: () => undefined };
    const plan = Object.assign({}, PLAN, { limits: { databaseSeconds: 25 * 3600 } }, more);
    try {
      return await drill(plan, around);
    } finally {
      await fleet.close();
    }
  }
  const lostIn = (report: Awaited<ReturnType<typeof drilled>>) =>
    lossChapter(report).rows.find(([store]) => store === "database");

  it("is as old as the newest dump at the time of the fault, because the drill makes no dump itself", async () => {
    const report = await drilled(Date.now() - 20 * HOUR_MS);
    const loss = report.losses.find(({ store }) => store === "database");
    expect(loss?.seconds).toBeCloseTo(20 * 3600, -2);
    expect(report.targets).toEqual([expect.objectContaining({ name: "RPO of the database", met: true })]);
    expect((await drilled(Date.now() - 30 * HOUR_MS)).targets).toMatchObject([{ met: false }]);
  }, 60_000);

  it("is missing without a dump, which misses a target on the clouds but not locally", async () => {
    const local = await drilled(undefined);
    expect(lostIn(local)).toEqual(["database", "nothing to restore yet", "a dump"]);
    expect(local.targets).toEqual([]);
    const clouds = await drilled(undefined, { local: false });
    expect(lostIn(clouds)?.[1]).toBe("nothing to restore yet");
    expect(clouds.targets).toEqual([expect.objectContaining({ name: "RPO of the database", met: false })]);
  }, 60_000);

  describe("on the clouds", () => {
    const ARN = "arn:aws:rds:us-east-1:123456789012:db:database-east";
    const database = {
      region: "us-east",
      awsRegion: "us-east-1",
      identifier: "database-east",
      backupRegion: "eu-west",
      backupAwsRegion: "eu-west-1",
    };
    /** @param copies the automated backups in the backup region */
    const rds = (copies: object[]) => async (args: readonly string[]) => {
      const asked = args.join(" ");
      if (asked === "rds describe-db-instances --region us-east-1 --db-instance-identifier database-east --output json")
        return JSON.stringify({ DBInstances: [{ DBInstanceArn: ARN, LatestRestorableTime: "2026-11-28T12:00:00Z" }] });
      if (asked === "rds describe-db-instance-automated-backups --region eu-west-1 --output json")
        return JSON.stringify({ DBInstanceAutomatedBackups: copies });
      throw new Error(asked);
    };
    const copy = (arn: string, LatestTime: string) => ({ DBInstanceArn: arn, RestoreWindow: { LatestTime } });

    it("is the newest state in the backup region's copies, not in the database's own region", async () => {
      const copies = [copy(`${ARN}-other`, "2026-11-28T11:59:00Z"), copy(ARN, "2026-11-28T11:40:00Z")];
      expect(await restorableByRds(database, rds(copies))).toEqual({
        at: Date.parse("2026-11-28T11:40:00Z"),
        said: "the newest point to which RDS can restore in eu-west, from copied backups; in us-east itself: 2026-11-28T12:00:00Z",
      });
    });

    it("is missing if no backup was copied or no copy is restorable yet", async () => {
      for (const copies of [[], [copy(`${ARN}-other`, "2026-11-28T11:59:00Z")], [{ DBInstanceArn: ARN }]])
        expect(await restorableByRds(database, rds(copies))).not.toHaveProperty("at");
    });
  });
});
