import { Inbox } from "../../sandbox/live/servers/inbox";

const alert = {
  status: "firing",
  labels: { alertname: "Watchdog" },
  annotations: {},
  startsAt: "2026-11-27T00:00:00Z",
};

describe("what Alertmanagers told their receivers", () => {
  it("is kept with its time, region and receiver, the newest thousand", () => {
    const inbox = new Inbox();
    const began = Date.now();
    for (let count = 0; count < 1_001; count++)
      inbox.take("us-east", `receiver-${count}`, { status: "firing", alerts: [alert], groupKey: "x" });
    expect(inbox.all()).toHaveLength(1_000);
    const { at, ...last } = inbox.all().at(-1) ?? { at: 0 };
    expect(last).toEqual({ region: "us-east", receiver: "receiver-1000", status: "firing", alerts: [alert] });
    expect(at).toBeGreaterThanOrEqual(began);
  });

  it("is no more than what was said where a body is none of Alertmanager's", () => {
    const inbox = new Inbox();
    inbox.take("us-east", "webhook-1", undefined);
    expect(inbox.all()).toMatchObject([{ status: "", alerts: [] }]);
  });
});
