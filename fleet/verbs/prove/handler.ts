import { join, relative, resolve } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import type { Finding } from "../../checks/checkResult";
import { CheckRun } from "../../checks/checkRun";
import type { Deployment } from "../../prove/assumption";
import { goodIn, keep, proofPath, proofReport, readProof } from "../../prove/proof";
import { prove as look } from "../../prove/prove";
import { exportState } from "../../recovery";
import { terminalLines } from "../../report/terminal";
import { type Opened, withSession } from "../../stacks/withSession";
import { print } from "../../terminal/messages";
import { openDeployment } from "../deployment";
import type { ProveOptions } from "./verb";

/**
 * Checks everything about the deployed fleet that could not be verified before its deployment. Changes nothing except
 * for canaries, which it removes, and pods that it evicts with `--disturb`.
 *
 * Exit 0: every check that ran passed; 13: a check failed; 3 or 10: a service rejected the credentials or did not
 * answer, so some checks could not run. The report explains each finding with a fix.
 */
export async function prove(options: ProveOptions): Promise<ExitCode> {
  const earlier = options.resume === undefined ? undefined : readProof(options.resume);
  return withSession({ ...options, stacks: [] }, { localCloud: "require", changes: false }, async (opened) => {
    const deployment = await openDeployment(opened, options);
    const regions = regionsIn(deployment, options.regions);
    try {
      const deployed = await updateTimes(opened);
      const known = earlier ? goodIn(earlier, deployed) : [];
      const begun = new Date().toISOString();
      const { local, directory, project, reports = join(local ? directory : project, "proofs") } = options;
      const path = proofPath(resolve(reports), begun);
      const findings: Finding[] = [...known];
      let kept: Promise<void> = keep(path, { begun, deployed, findings: [] });
      const run = new CheckRun((finding) => {
        process.stderr.write(`${finding.check}: ${finding.result}\n`);
        findings.push(finding);
        kept = kept.then(() => keep(path, { begun, deployed, findings }));
      });
      const names = new Set(known.map(({ check }) => check));
      const order = await look(run, deployment, { regions, disturb: options.disturb, known: names });
      findings.sort((one, other) => order.indexOf(one.check) - order.indexOf(other.check));
      await kept.then(() => keep(path, { begun, deployed, findings }));
      const exitCode = options.signal.aborted ? ExitCode.Cancelled : exitCodeOf(findings);
      const report = `${path}.json`;
      if (options.json)
        print(JSON.stringify({ verb: "prove", local, exitCode, report, deployed, checks: findings }, null, 2));
      else {
        const files = [`${path}.md`, report].map((file) => relative("", file)).join(", ");
        print(...terminalLines(proofReport({ begun, deployed, findings })), `report: ${files}`);
      }
      return exitCode;
    } finally {
      await deployment.clouds.close();
    }
  });
}

/** Returns the regions to check, all by default. Only regions can be selected. */
function regionsIn({ regions }: Deployment, named: readonly string[]): string[] {
  const all = regions.map(({ region }) => region.name);
  const strangers = named.filter((each) => !all.includes(each));
  if (strangers.length > 0)
    throw new UserError(`unknown region ${strangers.join(", ")}; the regions are ${all.join(", ")}`, ExitCode.BadInput);
  return named.length === 0 ? all : [...named];
}

async function updateTimes({ session, project }: Opened): Promise<Record<string, string>> {
  const time = async (stack: string) => {
    const { deployment } = await exportState(session, stack);
    return [stack, String(deployment?.manifest?.time)];
  };
  return Object.fromEntries(await Promise.all([...project.stacks.keys()].map(time)));
}

/** Returns Disproved if any check failed. Otherwise returns the code of the first check that could not run. */
function exitCodeOf(findings: readonly Finding[]): ExitCode {
  // A warning means that the query was rejected, so nothing was verified.
  const codes = findings.flatMap(({ result, exitCode }) =>
    result === "warning" ? [ExitCode.Unauthenticated] : (exitCode ?? []),
  );
  return codes.includes(ExitCode.Disproved) ? ExitCode.Disproved : (codes[0] ?? ExitCode.Success);
}
