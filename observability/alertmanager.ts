/** Alertmanager's configuration: who is told of which alert, and by which way. */
import { SECRETS_FOLDER } from "../model/mountedSecrets";
import { WATCHDOG } from "./alerts/monitoring";
import { duration } from "./promql";

/** Somebody who is told, by a URL that is a secret: chat, an incident service. */
export interface WebhookReceiver {
  /** Name of the secret that holds the URL. */
  readonly secret: string;
}

/** A mailbox. */
export interface EmailReceiver {
  readonly to: string;
  readonly from: string;
  /** Host and port of the mail server, with TLS: smtp.example.com:587. */
  readonly smarthost: string;
  /** Who signs in there; absent: nobody does. */
  readonly username?: string | undefined;
  /** Name of the secret that holds the password. */
  readonly secret?: string | undefined;
}

/** A topic of Amazon SNS, to which Alertmanager's own role may publish. */
export interface SnsReceiver {
  readonly topicArn: string;
}

/** A service of PagerDuty's. */
export interface PagerDutyReceiver {
  /** Name of the secret that holds the integration key (Events API v2). */
  readonly secret: string;
}

/** All who are told, by kind. Each is told of both severities, but PagerDuty of critical alerts alone. */
export interface Receivers {
  readonly webhook: readonly WebhookReceiver[];
  readonly email: readonly EmailReceiver[];
  readonly sns: readonly SnsReceiver[];
  readonly pagerduty: readonly PagerDutyReceiver[];
}

/** Who misses us: a service that is called again and again, and tells people when the calls end. */
export interface DeadMansSwitch {
  /** Name of the secret that holds the URL to call. One per region, or one region's calls hide that another's ended. */
  readonly secret: string;
  /** Seconds between two calls. */
  readonly intervalSeconds: number;
}

export interface Notifications {
  readonly receivers: Receivers;
  readonly deadMansSwitch?: DeadMansSwitch | undefined;
}

/** Seconds alerts of one kind are gathered before the first word of them. */
const GROUP_WAIT_SECONDS = 15;
/** Seconds before a word of a group that changed. */
const GROUP_INTERVAL_SECONDS = 300;
/** Seconds until an alert that nobody resolved is told again. */
const REPEAT_SECONDS = 4 * 3_600;

/** Receivers without a way: what is not routed ends here, and so does everything where the config names nobody. */
const NOBODY = "nobody";
const SWITCH = "dead-mans-switch";

const file = (secret: string) => `${SECRETS_FOLDER}/${secret}`;

/** One receiver in Alertmanager's own form, with what it is told. */
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

/** Alertmanager's configuration, as an object to be written as YAML. Secrets are files beside it, never in it. */
export function alertmanagerConfig({ receivers, deadMansSwitch }: Notifications): object {
  const all = ways(receivers);
  const switchRoute = deadMansSwitch && {
    receiver: SWITCH,
    matchers: [`alertname = ${WATCHDOG}`],
    group_wait: "0s",
    group_interval: duration(deadMansSwitch.intervalSeconds),
    // Looked at once per group interval, and counted from the end of the call before: of the same length it would never be
    // over by then, and every second call would be left out.
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
    // The same thing twice, once worse: the worse is told.
    inhibit_rules: [
      {
        source_matchers: ["severity = critical"],
        target_matchers: ["severity = warning"],
        equal: ["alertname", "region", "instance", "slo"],
      },
    ],
  };
}

/** Names of the secrets that the notifications need, each once. */
export function neededSecrets({ receivers, deadMansSwitch }: Notifications): string[] {
  const { webhook, email, pagerduty } = receivers;
  const names = [...webhook, ...email, ...pagerduty].flatMap(({ secret }) => secret ?? []);
  return [...new Set([...names, ...(deadMansSwitch ? [deadMansSwitch.secret] : [])])].sort();
}

/** The AWS region in an address of AWS' own: an ARN's, or that of SES' mail servers and the like. */
const AWS_ADDRESS = /^arn:[^:]+:[^:]+:([^:]+):|\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?(?::\d+)?$/;

/**
 * Whether somebody would be told of a region's death by a way that does not lead through that region. What a secret URL
 * leads to is not known here, and taken to be outside.
 *
 * @param awsRegion of the region that dies
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

/** Ports of the mail servers, each once. */
export function mailPorts({ email }: Receivers): number[] {
  return [...new Set(email.map(({ smarthost }) => Number(smarthost.split(":").at(-1))))].sort(
    (one, other) => one - other,
  );
}
