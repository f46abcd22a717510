import type { Notifications } from "../../observability/alertmanager";
import type { DashboardSettings } from "../../observability/dashboards/dashboard";
import type { RuleSettings } from "../../observability/files";
import { HEALTH_CHECK } from "../../observability/healthChecks";
import { runbookPage } from "../../observability/rules";
import type { Watched } from "../../observability/scrape";

/** Region with all optional targets. */
export const WATCHED: Watched = {
  region: "us-east",
  hostname: "langflow.example.com",
  peers: [{ region: "eu-west", origin: "eu-west.elb.example.com" }, { region: "ap-south" }],
  repositoryUrl: "https://git.example.com/acme/flows.git",
  healthCheck: HEALTH_CHECK,
  hasCollector: true,
  remoteWrite: { url: "https://series.example.com/api/v1/write", secret: "STORE_TOKEN" },
};

export const RULE_SETTINGS: RuleSettings = {
  healthCheck: HEALTH_CHECK,
  sync: { intervalSeconds: 10, backupGapSeconds: 86_400 },
  record: { intervalSeconds: 10, isNamed: true, hasWitness: true },
  connectionsMax: 800,
  databaseStorageGib: 100,
  hasCollector: true,
  isSentOn: true,
};

export const DASHBOARD_SETTINGS: DashboardSettings = {
  region: "us-east",
  rules: RULE_SETTINGS,
  runbooks: runbookPage("acme/fleet"),
};

/** Notifications with one receiver of each kind. */
export const NOTIFICATIONS: Notifications = {
  receivers: {
    webhook: [{ secret: "CHAT_URL" }],
    email: [
      {
        to: "oncall@example.com",
        from: "alerts@example.com",
        smarthost: "smtp.example.com:587",
        username: "alerts",
        secret: "SMTP_PASSWORD",
      },
    ],
    sns: [{ topicArn: "arn:aws:sns:us-west-2:123456789012:alerts" }],
    pagerduty: [{ secret: "PAGERDUTY_KEY" }],
  },
  deadMansSwitch: { secret: "SWITCH_URL", intervalSeconds: 300 },
};
