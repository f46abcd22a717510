import { setTimeout as sleep } from "node:timers/promises";
import { LangFlow } from "../../../fleet/drill/langflow";
import type { Visit } from "../../../fleet/drill/report";
import { Visitors } from "../../../fleet/drill/visitors";
import { ReadBack } from "../../../fleet/drill/visitors/uploads";
import { FakeFleet } from "./fakeFleet";
import { GuardedFleet } from "./guardedFleet";

const HER = { id: "id", token: "token", apiKey: "key" };

/** Loses what was uploaded, or changes it, once it was acknowledged. */
class ForgetfulFleet extends FakeFleet {
  forget(): void {
    const [first = "", second = ""] = this.files.keys();
    this.files.delete(first);
    this.files.set(second, "another file");
  }
}

/** Its streams take a while. */
class LongFleet extends FakeFleet {
  protected override async stream(body: string): Promise<string> {
    await sleep(1_000);
    return super.stream(body);
  }
}

describe("visitors", () => {
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

  it("ask for all that users do, from the sides that they are told, and are answered well by one that is well", async () => {
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
    // Only what is short is a sample: the report's percentiles are of those.
    expect(new Set(visitors.samples.map(({ client }) => client))).toEqual(new Set([...sides("healthz"), "session"]));
    expect(visitors.uploads.acknowledged).toHaveLength(2);
  });

  it("come so many times as often as they are told, but for the browser, of which there is one", async () => {
    const many = new Visitors(fleet, 10);
    const began = Date.now();
    many.start(["us-east"], "us-east", HER);
    many.startLong(["us-east"], "flow", HER);
    const made = (errand: string) => many.visits.filter((each) => each.errand === errand).length;
    // Without the factor it would take ten seconds.
    while (made("healthz") < 20 && Date.now() - began < 9_000) await sleep(50);
    const elapsed = Date.now() - began;
    await many.stop();
    expect(made("healthz")).toBeGreaterThanOrEqual(20);
    expect(made("whoami")).toBeLessThanOrEqual(1 + elapsed / 1_000);
    // Every half a second, and every second.
    expect(made("upload")).toBeGreaterThan(1);
    expect(made("upload")).toBeLessThanOrEqual(1 + elapsed / 500);
    expect(made("stream")).toBeLessThanOrEqual(1 + elapsed / 1_000);
  });

  it("are each counted as their own answer went, whatever the others' did", async () => {
    visitors.start(["us-east"], "us-east", { ...HER, id: "eve" });
    visitors.startLong(["us-east"], "no-flow", HER);
    await sleep(300);
    await visitors.stop();
    expect(endsOf(visitors.visits)).toEqual(new Set(["healthz good", "whoami wrong", "stream cut", "upload good"]));
    expect(visitors.samples.filter(({ ok }) => !ok).map(({ client }) => client)).toEqual(["session"]);
  });

  it("find of what was acknowledged that which is gone, and that which is another by now", async () => {
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
      said: expect.stringMatching(/^1 of 3; the first that does not/),
    });
  });

  it("leave the streams that are under way at their end, but for those that began before what was asked about", async () => {
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

describe("visitors of a name that Cloudflare Access guards", () => {
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

  it("bring the fleet's token, and the browser from its first answer on only the cookie, beside that of its region", async () => {
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

  it("are told apart from those who had to sign in again", async () => {
    visitors.start(["us-east"], "us-east", HER);
    await sleep(500);
    fleet.cookie = "second";
    await sleep(2_500);
    await visitors.stop();
    expect(fleet.cameBy.slice(0, 3)).toEqual(["token", "session", "token,session"]);
    expect(visitors.signInChecks()).toMatchObject([{ passed: false, said: "2 times since the drill began" }]);
  });

  it("have nothing to sign in to where it is off", () => {
    expect(new Visitors(new FakeFleet()).signInChecks()).toEqual([]);
  });
});
