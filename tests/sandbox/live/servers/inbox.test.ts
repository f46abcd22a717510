import { Inbox } from "../../../../sandbox/live/servers/inbox";

const alert = {
  status: "firing",
  labels: { alertname: "Watchdog" },
  annotations: {},
  startsAt: "2026-11-27T00:00:00Z",
};

describe("the inbox for Alertmanager's notifications", () => {
  it("keeps the newest thousand notifications with their time, region and receiver", () => {
    const inbox = new Inbox();
    const began = Date.now();
    for (let count = 0; count < 1_001; count++)
      inbox.take("us-east", `receiver-${count}`, { status: "firing", alerts: [alert], groupKey: "x" });
    expect(inbox.all()).toHaveLength(1_000);
    const { at, ...last } = inbox.all().at(-1) ?? { at: 0 };
    expect(last).toEqual({ region: "us-east", receiver: "receiver-1000", status: "firing", alerts: [alert] });
    expect(at).toBeGreaterThanOrEqual(began);
  });

  it("keeps a notification without status and alerts if the body is not Alertmanager's", () => {
    const inbox = new Inbox();
    inbox.take("us-east", "webhook-1", undefined);
    expect(inbox.all()).toMatchObject([{ status: "", alerts: [] }]);
  });
});
