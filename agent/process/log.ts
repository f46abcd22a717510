import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "info" | "warn" | "error" | "debug">;

/**
 * Structured logs, one JSON object per line on stdout. Nothing secret is ever given to it; what looks like a credential
 * in a URL is cut out all the same, since the git program and database drivers put URLs into their messages.
 *
 * @param level pino's: trace, debug, info, warn, error
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

/** `https://user:password@host` as `https://[credentials]@host`. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^/\s"@]+@/g, "://[credentials]@");
}
