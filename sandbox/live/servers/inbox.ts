import { list, record, text } from "../../resources/values";
import type { Notification, NotifiedAlert } from "../status";

/** Maximum number of notifications to keep; the oldest are dropped. */
const NOTIFICATIONS_MAX = 1_000;

/** Stores the notifications of every Alertmanager in memory. No notification leaves the machine. */
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

  /** Returns the notifications, oldest first. */
  all(): readonly Notification[] {
    return this.notifications;
  }
}
