/** Alertmanager's configuration: the receivers of each alert, and their transports. */
import { SECRETS_FOLDER } from "../model/mountedSecrets";
import { WATCHDOG } from "./alerts/monitoring";
import { duration } from "./promql";

/** A receiver with a secret URL, such as a chat or an incident service. */
export interface WebhookReceiver {
  /** Name of the secret that contains the URL. */
  readonly secret: string;
}

/** A mailbox. */
export interface EmailReceiver {
  readonly to: string;
  readonly from: string;
  /** Host and port of the mail server, which must support TLS: smtp.example.com:587. */
  readonly smarthost: string;
  /** User name at the mail server. Absent: no authentication. */
  readonly username?: string | undefined;
  /** Name of the secret that contains the password. */
  readonly secret?: string | undefined;
}

/** An Amazon SNS topic to which Alertmanager's own role may publish. */
export interface SnsReceiver {
  readonly topicArn: string;
}

/** A PagerDuty service. */
export interface PagerDutyReceiver {
  /** Name of the secret that contains the integration key (Events API v2). */
  readonly secret: string;
}

/** All receivers, by kind. PagerDuty gets only critical alerts, the others both severities. */
export interface Receivers {
  readonly webhook: readonly WebhookReceiver[];
  readonly email: readonly EmailReceiver[];
  readonly sns: readonly SnsReceiver[];
  readonly pagerduty: readonly PagerDutyReceiver[];
}

/** An external service that gets regular heartbeat calls and alerts people when the calls stop. */
export interface DeadMansSwitch {
  /**
   * Name of the secret that contains the URL to call. Each region needs its own; otherwise one region's calls would
   * mask that the calls of a different region stopped.
   */
  readonly secret: string;
  /** Seconds between two calls. */
  readonly intervalSeconds: number;
}

export interface Notifications {
  readonly receivers: Receivers;
  readonly deadMansSwitch?: DeadMansSwitch | undefined;
}

/** Seconds to collect alerts of a group before the first notification. */
const GROUP_WAIT_SECONDS = 15;
/** Seconds between notifications of a group that changed. */
const GROUP_INTERVAL_SECONDS = 300;
/** Seconds after which the notification of an unresolved alert is repeated. */
const REPEAT_SECONDS = 4 * 3_600;

/** Receiver without a transport: gets alerts that match no route, and all alerts if the config has no receivers. */
const NOBODY = "nobody";
const SWITCH = "dead-mans-switch";

const file = (secret: string) => `${SECRETS_FOLDER}/${secret}`;

/** A receiver in Alertmanager's format, with the severities that it gets. */
interface Way {
  readonly name: string;
  readonly severities: string;
  readonly settings: object;
}

function ways({ webhook, email, sns, pagerduty }: Receivers): Way[] {
  const both = "critical|warning";
  const named = <T>(kind: string, all: readonly T[], severities: string, settings: (each: T) => object): Way[] =>
    all.map((each, index) => ({ name: `${kind}-${index + 1}`, severities, settings: settings(each) }));
  return [
    ...named("webhook", webhook, both, ({ secret }) => ({
      webhook_configs: [{ url_file: file(secret), send_resolved: true }],
    })),
    ...named("email", email, both, ({ to, from, smarthost, username, secret }) => ({
      email_configs: [
        {
          to,
          from,
          smarthost,
          require_tls: true,
          send_resolved: true,
          ...(username !== undefined && { auth_username: username }),
          ...(secret !== undefined && { auth_password_file: file(secret) }),
        },
      ],
    })),
    ...named("sns", sns, both, ({ topicArn }) => ({
      sns_configs: [{ topic_arn: topicArn, sigv4: { region: topicArn.split(":")[3] }, send_resolved: true }],
    })),
    ...named("pagerduty", pagerduty, "critical", ({ secret }) => ({
      pagerduty_configs: [{ routing_key_file: file(secret), send_resolved: true }],
    })),
  ];
}

/**
 * Returns Alertmanager's configuration, as an object to be written as YAML. Secrets are in separate files and never
 * part of it.
 */
export function alertmanagerConfig({ receivers, deadMansSwitch }: Notifications): object {
  const all = ways(receivers);
  const switchRoute = deadMansSwitch && {
    receiver: SWITCH,
    matchers: [`alertname = ${WATCHDOG}`],
    group_wait: "0s",
    group_interval: duration(deadMansSwitch.intervalSeconds),
    // Alertmanager checks this only once per group interval and counts from the end of the previous call. With an equal
    // interval, the time would never be over at the check, and every second call would be skipped.
    repeat_interval: duration(Math.floor(deadMansSwitch.intervalSeconds / 2)),
  };
  const switchReceiver = deadMansSwitch && {
    name: SWITCH,
    webhook_configs: [{ url_file: file(deadMansSwitch.secret), send_resolved: false }],
  };
  return {
    route: {
      receiver: NOBODY,
      group_by: ["alertname", "region", "severity"],
      group_wait: duration(GROUP_WAIT_SECONDS),
      group_interval: duration(GROUP_INTERVAL_SECONDS),
      repeat_interval: duration(REPEAT_SECONDS),
      routes: [
        ...(switchRoute ? [switchRoute] : []),
        ...all.map(({ name, severities }) => ({
          receiver: name,
          matchers: [`severity =~ "${severities}"`],
          continue: true,
        })),
      ],
    },
    receivers: [
      { name: NOBODY },
      ...(switchReceiver ? [switchReceiver] : []),
      ...all.map(({ name, settings }) => ({ name, ...settings })),
    ],
    // Suppresses the warning if the critical alert for the same condition fires.
    inhibit_rules: [
      {
        source_matchers: ["severity = critical"],
        target_matchers: ["severity = warning"],
        equal: ["alertname", "region", "instance", "slo"],
      },
    ],
  };
}

/** Returns the names of the secrets that the notifications need, without duplicates. */
export function neededSecrets({ receivers, deadMansSwitch }: Notifications): string[] {
  const { webhook, email, pagerduty } = receivers;
  const names = [...webhook, ...email, ...pagerduty].flatMap(({ secret }) => secret ?? []);
  return [...new Set([...names, ...(deadMansSwitch ? [deadMansSwitch.secret] : [])])].sort();
}

/** Matches the AWS region in an ARN or in an AWS hostname, such as that of SES' mail servers. */
const AWS_ADDRESS = /^arn:[^:]+:[^:]+:([^:]+):|\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?(?::\d+)?$/;

/**
 * Whether at least one receiver would be notified of a region's failure without depending on that region. A secret URL
 * is assumed to point outside of the region.
 *
 * @param awsRegion of the failed region
 */
export function tellsFromOutside({ webhook, email, sns, pagerduty }: Receivers, awsRegion: string): boolean {
  const isElsewhere = (address: string) => {
    const [, ofArn, ofHost] = AWS_ADDRESS.exec(address) ?? [];
    return (ofArn ?? ofHost) !== awsRegion;
  };
  return (
    webhook.length + pagerduty.length > 0 ||
    email.some(({ smarthost }) => isElsewhere(smarthost)) ||
    sns.some(({ topicArn }) => isElsewhere(topicArn))
  );
}

/** Returns the ports of the mail servers, without duplicates. */
export function mailPorts({ email }: Receivers): number[] {
  return [...new Set(email.map(({ smarthost }) => Number(smarthost.split(":").at(-1))))].sort(
    (one, other) => one - other,
  );
}
