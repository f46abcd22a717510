import { z } from "zod";
import { FAULTS } from "../faults";
import { type DrillReport, ENDS, ERRANDS, PHASES, SPANS } from "../report";

const amount = z.number();
const checks = z.array(z.object({ name: z.string(), passed: z.boolean(), said: z.string() }));
const traffic = z.object({ requests: amount, failed: amount, hung: amount.optional(), p50: amount, p95: amount });

/** Schema of the report file, version 1. Ignores unknown fields, which a later release may have added. */
export const drillReportShape: z.ZodType<DrillReport> = z.object({
  version: z.literal(1),
  id: z.string(),
  local: z.boolean(),
  region: z.string(),
  fault: z.enum(FAULTS),
  topology: z.enum(["active-active", "active-standby"]),
  regions: z.array(z.string()),
  monitor: z.object({
    intervalSeconds: amount,
    timeoutSeconds: amount,
    retries: amount,
    consecutiveDown: amount,
    consecutiveUp: amount,
  }),
  expectedFailoverSeconds: amount,
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  phases: z.array(z.object({ phase: z.enum(PHASES), at: amount })),
  baseline: traffic,
  untilDetection: traffic,
  afterDetection: traffic.optional(),
  whole: traffic,
  load: z
    .object({
      factor: amount,
      region: z.string(),
      podsBefore: amount,
      podsMost: amount,
      podsAllowed: amount.optional(),
      readySeconds: amount.optional(),
      scaling: traffic,
      scaled: traffic.optional(),
    })
    .optional(),
  detectionSeconds: amount.optional(),
  recoverySeconds: amount.optional(),
  failbackSeconds: amount.optional(),
  convergenceSeconds: amount.optional(),
  losses: z.array(
    z.object({
      store: z.enum(["flows", "files", "uploads", "database"]),
      seconds: amount.optional(),
      said: z.string(),
    }),
  ),
  checks,
  returnChecks: checks.optional(),
  alertSeconds: amount.optional(),
  alerts: z
    .array(
      z.object({
        seenBy: z.string(),
        name: z.string(),
        labels: z.record(z.string(), z.string()),
        pendingAt: amount,
        firingAt: amount.optional(),
        overAt: amount.optional(),
      }),
    )
    .optional(),
  targets: z.array(
    z.object({
      name: z.string(),
      unit: z.enum(["s", "%"]),
      measured: amount.optional(),
      predicted: amount.optional(),
      limit: amount,
      met: z.boolean(),
    }),
  ),
  aborted: z.string().optional(),
  samples: z.array(
    z.object({
      at: amount,
      client: z.string(),
      ok: z.boolean(),
      status: amount,
      latency: amount,
      region: z.string().optional(),
    }),
  ),
  visitCounts: z
    .array(
      z.object({
        errand: z.enum(ERRANDS),
        span: z.enum(SPANS),
        visits: amount,
        good: amount,
        cut: amount,
        hung: amount,
        wrong: amount,
        refused: amount,
        longestSeconds: amount,
      }),
    )
    .optional(),
  visits: z
    .array(
      z.object({
        errand: z.enum(ERRANDS),
        at: amount,
        client: z.string(),
        end: z.enum(ENDS),
        latency: amount,
        region: z.string().optional(),
      }),
    )
    .optional(),
});
