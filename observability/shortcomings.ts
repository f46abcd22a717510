import { type Notifications, tellsFromOutside } from "./alertmanager";
import type { ObservedPeer } from "./scrape";

/** Settings of a region's monitoring that may be insufficient. */
export interface Completeness {
  readonly region: string;
  readonly awsRegion: string;
  readonly peers: readonly ObservedPeer[];
  readonly notifications: Notifications;
  /** Maximum connections of the database. Absent if it is not known for the instance class. */
  readonly connectionsMax?: number | undefined;
  readonly instanceClass: string;
}

/** Returns a sentence for each valid setting that leaves a gap, with its consequence and its remedy. */
export function shortcomings(settings: Completeness): string[] {
  const { region, awsRegion, peers, notifications, connectionsMax, instanceClass } = settings;
  const found: string[] = [];
  if (!tellsFromOutside(notifications.receivers, awsRegion))
    found.push(
      `observability.receivers has no receiver outside ${awsRegion}: if ${region} fails, its alerts are not delivered; add a webhook, pagerduty, or an address of another AWS region`,
    );
  if (!notifications.deadMansSwitch)
    found.push(
      `observability.deadMansSwitch.secrets has no ${region}: if its alerts stop arriving, no one is notified; set a secret with the URL of a service that expects regular calls`,
    );
  for (const { region: peer, origin } of peers)
    if (origin === undefined)
      found.push(
        `observability.origins has no ${peer}: ${region} does not check its health; set its hostname and addresses (pulumi stack output -s ${peer}: originHostname, egressAddresses)`,
      );
  if (connectionsMax === undefined)
    found.push(
      `database.instanceClass ${instanceClass} is not listed in model/databaseClass.ts: no alert fires before its connections run out`,
    );
  return found;
}
