import { ExitCode, UserError } from "../../../model/errors";
import type { Finding } from "../../checks/checkResult";
import { CheckRun } from "../../checks/checkRun";
import { findingsReport } from "../../checks/findingsReport";
import { begin } from "../../doctor/checks";
import { clients } from "../../doctor/clients";
import { terminalLines } from "../../report/terminal";
import { print } from "../../terminal/messages";
import type { DoctorOptions } from "./verb";

/** Environment variables whose values are redacted, even if an error quotes them. */
const SECRETS = [
  "CLOUDFLARE_API_TOKEN",
  "CLOUDFLARE_API_KEY",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "PULUMI_ACCESS_TOKEN",
  "PULUMI_CONFIG_PASSPHRASE",
  "GITHUB_TOKEN",
];

/**
 * Checks whether this machine can deploy the fleet: tools, config, AWS, state, Cloudflare. Changes nothing.
 *
 * Exit 0 if nothing is broken, even with warnings. Otherwise the first that applies: 3 if a cloud rejects credentials
 * or permissions; 2 if something is missing or misconfigured, or 6 if only a stack is missing; 10 if a service does not
 * answer; 1 for anything else.
 */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const findings = await examine(options);
  const exitCode = exitCodeOf(findings);
  if (options.json) print(JSON.stringify({ verb: "doctor", exitCode, checks: findings }, null, 2));
  else print(...terminalLines(findingsReport("Doctor", findings)));
  return exitCode;
}

async function examine({ first, project, signal }: DoctorOptions): Promise<Finding[]> {
  const say = (message: string) => process.stderr.write(`${withoutSecrets(message)}\n`);
  const run = new CheckRun(({ check, result }) => say(`${check}: ${result}`));
  begin(run, {
    directory: project,
    environment: process.env,
    nodeVersion: process.versions.node,
    first,
    clients: clients(process.env),
    signal,
    report: say,
  });
  const interrupted = new Promise<never>((_, reject) => {
    const stop = () => reject(new UserError("interrupted; nothing was changed", ExitCode.Cancelled));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  const findings = await Promise.race([run.findings(), interrupted]);
  return findings.map((finding) => ({
    ...finding,
    finding: withoutSecrets(finding.finding),
    ...(finding.fix && { fix: withoutSecrets(finding.fix) }),
  }));
}

/** Exit codes in the order in which their causes should be fixed. The first one found is returned. */
const PRECEDENCE = [ExitCode.Unauthenticated, ExitCode.BadInput, ExitCode.StackMissing, ExitCode.Unreachable];

export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const codes = findings.flatMap(({ result, exitCode }) => (result === "broken" ? [exitCode] : []));
  if (codes.length === 0) return ExitCode.Success;
  return PRECEDENCE.find((code) => codes.includes(code)) ?? codes[0] ?? ExitCode.Failure;
}

function withoutSecrets(text: string): string {
  return SECRETS.map((name) => process.env[name])
    .filter((value) => value !== undefined && value !== "")
    .reduce<string>((shown, value) => shown.replaceAll(value as string, "[secret]"), text);
}
