import type { CloudResource } from "../../cloud/client";
import { list, record, text } from "../../resources/values";

/** The health check of a pool's origins and its interval. */
export interface AppliedMonitor {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Accepted status codes: `200` or `2xx`, several separated by commas. */
  readonly expectedCodes: string;
  /** Text that the response body must contain, ignoring case. Empty: any body. */
  readonly expectedBody: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly consecutiveDown: number;
  readonly consecutiveUp: number;
}

/** Cloudflare's defaults for omitted numbers (API reference, Monitors). */
const DEFAULTS = { interval: 60, timeout: 5, retries: 2, consecutiveDown: 0, consecutiveUp: 0 };

/** @throws Error for a monitor that does not use HTTP */
export function monitorOf({ id, properties }: CloudResource): AppliedMonitor {
  const type = text(properties.type) ?? "http";
  if (type !== "http" && type !== "https") throw new Error(`the emulator does not support the monitor type ${type}`);
  const headers = Object.entries(record(properties.header)).map(([name, values]) => [name, list(values).join(", ")]);
  const number = (name: keyof typeof DEFAULTS) => {
    const value = properties[name];
    return typeof value === "number" ? value : DEFAULTS[name];
  };
  return {
    id,
    method: text(properties.method) ?? "GET",
    path: text(properties.path) ?? "/",
    headers: Object.fromEntries(headers),
    expectedCodes: text(properties.expectedCodes) ?? "200",
    expectedBody: text(properties.expectedBody) ?? "",
    intervalSeconds: number("interval"),
    timeoutSeconds: number("timeout"),
    retries: number("retries"),
    consecutiveDown: number("consecutiveDown"),
    consecutiveUp: number("consecutiveUp"),
  };
}
