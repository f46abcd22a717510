import type { Call } from "../providers/shared/server";

/** One provider call. Events contain no property values, and therefore no secrets. */
export interface Event {
  /** Sequence number, counted from 1 since the daemon started. */
  readonly sequence: number;
  /** Time of the call, in ISO 8601. */
  readonly time: string;
  readonly stack: string;
  readonly provider: string;
  readonly method: string;
  readonly type: string;
  readonly name: string;
  readonly preview: boolean;
  /** Error message of a failed call. Absent if the call succeeded. */
  readonly error?: string;
}

const KEPT = 2000;

/** The most recent events, in order. */
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

  /** Returns the events after a sequence number, at most the last 2000. */
  after(sequence: number): Event[] {
    return this.events.filter((event) => event.sequence > sequence).slice(-KEPT);
  }
}
