import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "info" | "warn" | "error" | "debug">;

/**
 * Creates the log: one JSON object per line on stdout. Callers never pass secrets to it. It still removes credentials
 * from URLs, because git and database drivers include URLs in their messages.
 *
 * @param level pino's level: trace, debug, info, warn, error
 */
export function makeLog(level: string, region: string): Log {
  return pino({
    level,
    base: { region },
    messageKey: "message",
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    hooks: {
      streamWrite: (line) => withoutCredentials(line),
    },
  });
}

/** Replaces the credentials in URLs: `https://user:password@host` becomes `https://[credentials]@host`. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^/\s"@]+@/g, "://[credentials]@");
}
