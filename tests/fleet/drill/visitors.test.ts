import { setTimeout as sleep } from "node:timers/promises";
import { LangFlow } from "../../../fleet/drill/langflow";
import type { Visit } from "../../../fleet/drill/report";
import { Visitors } from "../../../fleet/drill/visitors";
import { ReadBack } from "../../../fleet/drill/visitors/uploads";
import { FakeFleet } from "./fakeFleet";
import { GuardedFleet } from "./guardedFleet";

const HER = { id: "id", token: "token", apiKey: "key" };

/** A fleet that loses one acknowledged upload and changes another. */
class ForgetfulFleet extends FakeFleet {
  forget(): void {
    const [first = "", second = ""] = this.files.keys();
    this.files.delete(first);
    this.files.set(second, "another file");
  }
}

/** A fleet that delays each stream by a second. */
class LongFleet extends FakeFleet {
  protected override async stream(body: string): Promise<string> {
    await sleep(1_000);
    return super.stream(body);
  }
}

describe("a drill's visitors", () => {
  let fleet: ForgetfulFleet;
  let visitors: Visitors;
  beforeEach(async () => {
    fleet = new ForgetfulFleet();
    await fleet.listen();
    visitors = new Visitors(fleet);
  });
  afterEach(async () => {
    await visitors.stop();
    await fleet.close();
  });

  const endsOf = (visits: readonly Visit[]) => new Set(visits.map(({ errand, end }) => `${errand} ${end}`));

  it("send every kind of request from clients near the given regions, and a healthy fleet answers all of them", async () => {
    visitors.start(["us-east", "eu-west", "ap-south"], "us-east", HER);
    visitors.startLong(["us-east", "eu-west"], "flow", HER);
    await sleep(1_300);
    await visitors.stop();
    expect(endsOf(visitors.visits)).toEqual(new Set(["healthz good", "whoami good", "stream good", "upload good"]));
    const sides = (errand: string) =>
      new Set(visitors.visits.filter((each) => each.errand === errand).map(({ client }) => client));
    expect(sides("healthz")).toEqual(new Set(["near us-east", "near eu-west", "near ap-south"]));
    expect(sides("stream")).toEqual(new Set(["near us-east", "near eu-west"]));
    expect(sides("upload")).toEqual(sides("stream"));
    // Only short requests are samples, because the report computes percentiles from samples.
    expect(new Set(visitors.samples.map(({ client }) => client))).toEqual(new Set([...sides("healthz"), "session"]));
    expect(visitors.uploads.acknowledged).toHaveLength(2);
  });

  it("multiply their requests by the load factor, except for the single browser", async () => {
    const many = new Visitors(fleet, 10);
    const began = Date.now();
    many.start(["us-east"], "us-east", HER);
    many.startLong(["us-east"], "flow", HER);
    const made = (errand: string) => many.visits.filter((each) => each.errand === errand).length;
    // Without the factor this would take ten seconds.
    while (made("healthz") < 20 && Date.now() - began < 9_000) await sleep(50);
    const elapsed = Date.now() - began;
    await many.stop();
    expect(made("healthz")).toBeGreaterThanOrEqual(20);
    expect(made("whoami")).toBeLessThanOrEqual(1 + elapsed / 1_000);
    // Uploads run every half second and streams every second.
    expect(made("upload")).toBeGreaterThan(1);
    expect(made("upload")).toBeLessThanOrEqual(1 + elapsed / 500);
    expect(made("stream")).toBeLessThanOrEqual(1 + elapsed / 1_000);
  });

  it("count each request by its own result, independently of the others", async () => {
    visitors.start(["us-east"], "us-east", { ...HER, id: "eve" });
    visitors.startLong(["us-east"], "no-flow", HER);
    await sleep(300);
    await visitors.stop();
    expect(endsOf(visitors.visits)).toEqual(new Set(["healthz good", "whoami wrong", "stream cut", "upload good"]));
    expect(visitors.samples.filter(({ ok }) => !ok).map(({ client }) => client)).toEqual(["session"]);
  });

  it("detect acknowledged uploads that are missing or changed", async () => {
    visitors.startLong(["us-east", "eu-west", "ap-south"], "flow", HER);
    await sleep(300);
    await visitors.stop();
    const { acknowledged } = visitors.uploads;
    const back = new ReadBack("eu-west", new LangFlow(fleet.publicUrl, {}), acknowledged);
    expect(back.check.passed).toBe(false);
    expect(await back.look()).toBe(true);
    expect(back.check).toMatchObject({ passed: true, said: "3 of 3" });
    fleet.forget();
    const later = new ReadBack("eu-west", new LangFlow(fleet.publicUrl, {}), acknowledged);
    expect(await later.look()).toBe(false);
    expect(later.check).toMatchObject({
      passed: false,
      said: expect.stringMatching(/^1 of 3; the first one that cannot/),
    });
  });

  it("close their open streams as abandoned when they stop, except streams that began before the given time", async () => {
    const long = new LongFleet();
    const ends = async (since?: number) => {
      const each = new Visitors(long);
      each.startLong(["us-east"], "flow", HER);
      await sleep(300);
      await each.stop(since);
      return endsOf(each.visits);
    };
    try {
      await long.listen();
      const before = Date.now() - 1_000;
      expect(await ends()).toEqual(new Set(["upload good"]));
      expect(await ends(before)).toEqual(new Set(["upload good"]));
      expect(await ends(Number.POSITIVE_INFINITY)).toEqual(new Set(["upload good", "stream good"]));
    } finally {
      await long.close();
    }
  });
});

describe("visitors of a hostname behind Cloudflare Access", () => {
  let fleet: GuardedFleet;
  let visitors: Visitors;
  beforeEach(async () => {
    fleet = new GuardedFleet();
    await fleet.listen();
    visitors = new Visitors(fleet);
  });
  afterEach(async () => {
    await visitors.stop();
    await fleet.close();
  });

  it("send the fleet's token, but the browser sends only cookies after its first response", async () => {
    visitors.start(["us-east"], "us-east", HER);
    visitors.startLong(["us-east"], "flow", HER);
    await sleep(2_500);
    await visitors.stop();
    expect(new Set(visitors.visits.map(({ end }) => end))).toEqual(new Set(["good"]));
    expect(fleet.cameBy).toEqual(["token", "cookie,session", "cookie,session"]);
    expect(visitors.signInChecks()).toEqual([
      { name: "a browser signed in at Cloudflare Access once", passed: true, said: "1 time since the drill began" },
    ]);
  });

  it("report a browser that had to sign in again", async () => {
    visitors.start(["us-east"], "us-east", HER);
    await sleep(500);
    fleet.cookie = "second";
    await sleep(2_500);
    await visitors.stop();
    expect(fleet.cameBy.slice(0, 3)).toEqual(["token", "session", "token,session"]);
    expect(visitors.signInChecks()).toMatchObject([{ passed: false, said: "2 times since the drill began" }]);
  });

  it("have no sign-in check if Access is off", () => {
    expect(new Visitors(new FakeFleet()).signInChecks()).toEqual([]);
  });
});
