import type { Call } from "../providers/shared/server";

/** One thing the cloud was asked to do. Never holds a value, so never a secret. */
export interface Event {
  /** Counted from 1 since the daemon started. */
  readonly sequence: number;
  /** ISO 8601. */
  readonly time: string;
  readonly stack: string;
  readonly provider: string;
  readonly method: string;
  readonly type: string;
  readonly name: string;
  readonly preview: boolean;
  /** What went wrong; absent where nothing did. */
  readonly error?: string;
}

const KEPT = 2000;

/** The last events, in order. */
export class Journal {
  private events: Event[] = [];
  private sequence = 0;

  add(stack: string, call: Call, error?: string): void {
    this.sequence++;
    const { provider, method, type, name, preview } = call;
    const time = new Date().toISOString();
    this.events.push({
      sequence: this.sequence,
      time,
      stack,
      provider,
      method,
      type,
      name,
      preview,
      ...(error ? { error } : {}),
    });
    if (this.events.length > 2 * KEPT) this.events = this.events.slice(-KEPT);
  }

  /** Events after a sequence number, the last 2000 at most. */
  after(sequence: number): Event[] {
    return this.events.filter((event) => event.sequence > sequence).slice(-KEPT);
  }
}
