import { type Notifications, tellsFromOutside } from "./alertmanager";
import type { ObservedPeer } from "./scrape";

/** What a region's observability is set to, as far as it can be too little. */
export interface Completeness {
  readonly region: string;
  readonly awsRegion: string;
  readonly peers: readonly ObservedPeer[];
  readonly notifications: Notifications;
  /** Connections that the database takes; absent where its class is not known. */
  readonly connectionsMax?: number | undefined;
  readonly instanceClass: string;
}

/** What is allowed and yet leaves a gap, one sentence each: what will not be seen, and what to set. */
export function shortcomings(settings: Completeness): string[] {
  const { region, awsRegion, peers, notifications, connectionsMax, instanceClass } = settings;
  const found: string[] = [];
  if (!tellsFromOutside(notifications.receivers, awsRegion))
    found.push(
      `observability.receivers names nobody outside ${awsRegion}: if ${region} dies, no one hears of it from there; add a webhook, pagerduty, or an address of another AWS region`,
    );
  if (!notifications.deadMansSwitch)
    found.push(
      `observability.deadMansSwitch.secrets has no ${region}: when its alerts stop arriving, nobody notices; name a secret with the URL of a service that expects calls`,
    );
  for (const { region: peer, origin } of peers)
    if (origin === undefined)
      found.push(
        `observability.origins has no ${peer}: ${region} does not check it; set its hostname and addresses (pulumi stack output -s ${peer}: originHostname, egressAddresses)`,
      );
  if (connectionsMax === undefined)
    found.push(
      `database.instanceClass ${instanceClass} is of a size that is not known here (model/databaseClass.ts): nothing warns before its connections run out`,
    );
  return found;
}
