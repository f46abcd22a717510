import { alertmanagerConfig, mailPorts, neededSecrets, tellsFromOutside } from "../../observability/alertmanager";
import { alertmanagerFiles } from "../../observability/files";
import { shortcomings } from "../../observability/shortcomings";
import { NOTIFICATIONS } from "./settings";

const NOBODY = { webhook: [], email: [], sns: [], pagerduty: [] };
const mail = (smarthost: string) => ({ ...NOBODY, email: [{ to: "a@example.com", from: "b@example.com", smarthost }] });
const topic = (awsRegion: string) => ({
  ...NOBODY,
  sns: [{ topicArn: `arn:aws:sns:${awsRegion}:123456789012:alerts` }],
});

describe("Alertmanager's configuration", () => {
  it("reads each secret from a file and contains none", () => {
    const text = Object.values(alertmanagerFiles(NOTIFICATIONS)).join("");
    for (const secret of ["CHAT_URL", "SMTP_PASSWORD", "PAGERDUTY_KEY", "SWITCH_URL"])
      expect(text).toContain(`_file: /mnt/secrets/${secret}`);
    expect(text.match(/^\s*(url|routing_key|auth_password|service_key):/m)).toBeNull();
  });

  it("calls the dead man's switch at each of its intervals", () => {
    const { route } = alertmanagerConfig(NOTIFICATIONS) as {
      route: { routes: { receiver: string; group_interval: string; repeat_interval: string }[] };
    };
    const [first] = route.routes;
    expect(first).toMatchObject({ receiver: "dead-mans-switch", group_interval: "5m", repeat_interval: "150s" });
  });

  it("requires each secret once, and the ports of its mail servers", () => {
    expect(neededSecrets(NOTIFICATIONS)).toEqual(["CHAT_URL", "PAGERDUTY_KEY", "SMTP_PASSWORD", "SWITCH_URL"]);
    expect(neededSecrets({ receivers: NOBODY })).toEqual([]);
    expect(
      mailPorts({ ...NOBODY, email: [...mail("a.example.com:587").email, ...mail("b.example.com:587").email] }),
    ).toEqual([587]);
  });

  it.each([
    ["no receivers", NOBODY, false],
    ["an SNS topic in us-east-1", topic("us-east-1"), false],
    ["an SNS topic in a different region", topic("us-west-2"), true],
    ["AWS's mail server in us-east-1", mail("email-smtp.us-east-1.amazonaws.com:587"), false],
    ["AWS's mail server in a different region", mail("email-smtp.eu-west-1.amazonaws.com:587"), true],
    ["an external mail server", mail("smtp.example.com:587"), true],
    ["a service on the internet", { ...NOBODY, webhook: [{ secret: "CHAT_URL" }] }, true],
  ])("with %s gets the correct verdict whether alerts still arrive if us-east-1 is down", (_, receivers, outside) => {
    expect(tellsFromOutside(receivers, "us-east-1")).toBe(outside);
  });
});

describe("shortcomings()", () => {
  const whole = {
    region: "us-east",
    awsRegion: "us-east-1",
    peers: [{ region: "eu-west", origin: "eu-west.elb.example.com" }],
    notifications: NOTIFICATIONS,
    connectionsMax: 800,
    instanceClass: "db.m7g.large",
  };

  it("returns an empty list for a complete config", () => {
    expect(shortcomings(whole)).toEqual([]);
  });

  it("describes each gap once, with its consequence and the setting to change", () => {
    const found = shortcomings({
      ...whole,
      peers: [{ region: "eu-west" }],
      notifications: { receivers: topic("us-east-1") },
      connectionsMax: undefined,
      instanceClass: "db.x9.large",
    });
    expect(found.map((sentence) => sentence.split(" ")[0])).toEqual([
      "observability.receivers",
      "observability.deadMansSwitch.secrets",
      "observability.origins",
      "database.instanceClass",
    ]);
  });
});
