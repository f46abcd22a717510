import { list, record, text } from "../../resources/values";
import type { Notification, NotifiedAlert } from "../status";

/** Notifications that are remembered, the newest ones. */
const NOTIFICATIONS_MAX = 1_000;

/** What every Alertmanager tells its receivers: it is kept, in memory, and nothing of it leaves the machine. */
export class Inbox {
  private notifications: Notification[] = [];

  /** @param body of Alertmanager's webhook (Alertmanager documentation, "webhook_config") */
  take(region: string, receiver: string, body: unknown): void {
    const { status, alerts } = record(body);
    const told = {
      at: Date.now(),
      region,
      receiver,
      status: text(status) ?? "",
      alerts: list(alerts) as readonly NotifiedAlert[],
    };
    this.notifications = [...this.notifications, told].slice(-NOTIFICATIONS_MAX);
  }

  /** Oldest first. */
  all(): readonly Notification[] {
    return this.notifications;
  }
}
