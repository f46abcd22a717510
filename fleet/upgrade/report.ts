import { countFacts, flowChapters } from "../rehearsal/flowChapters";
import { chapter, graded, type Report, type Tone, toned } from "../report/report";
import type { Step } from "./steps";
import { mayUpgrade, type UpgradeRehearsal } from "./upgradeRehearsal";

const TONES: Readonly<Record<Step["result"], Tone>> = { passed: "good", warning: "warning", failed: "bad" };

/**
 * Returns each step, the flows that differ, and the number of flows for each result, for people.
 *
 * @param date day in ISO 8601, such as 2026-11-29
 */
export function upgradeReport(rehearsal: UpgradeRehearsal, date: string): Report {
  const { region, backup, releases, steps, flows, counts, seconds } = rehearsal;
  return {
    title: "Upgrade rehearsal",
    date,
    verdict: graded(mayUpgrade(rehearsal), resultOf(rehearsal)),
    facts: {
      Region: region,
      Backup: `${backup.id}, of LangFlow ${backup.langflowVersion}`,
      Old: releases.old === undefined ? "none to compare with" : `LangFlow ${releases.old}`,
      New: releases.new === undefined ? "did not start" : `LangFlow ${releases.new}`,
      On: `${date}, in ${seconds} s`,
      ...countFacts(counts, "upgrade"),
    },
    chapters: [
      chapter({ title: "Steps", note: "The rehearsal used a temporary database; the region was not changed." }, steps, {
        step: "name",
        result: ({ result }) => toned(TONES[result], result),
        seconds: "seconds",
        details: "said",
      }),
      ...flowChapters(
        flows.map((flow) => (flow.from === "starter" ? { ...flow, user: "starter flow" } : flow)),
        {
          head: "old, migrated",
          note: "The last column is the old LangFlow on the migrated database, compared with its answer before the migration.",
        },
      ),
    ],
  };
}

function resultOf(rehearsal: UpgradeRehearsal): string {
  const { steps, flows, counts } = rehearsal;
  const [stopped] = steps.filter(({ result }) => result === "failed");
  if (stopped) return `no: ${stopped.name}: ${stopped.said}`;
  if (counts.differs > 0)
    return `no: ${counts.differs} of ${flows.length} flows ${counts.differs === 1 ? "differs" : "differ"}`;
  const warnings = steps.filter(({ result }) => result === "warning").length;
  const known = warnings === 0 ? "" : `; ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
  return `yes: no blocking difference in ${flows.length} ${flows.length === 1 ? "flow" : "flows"}${known}`;
}
