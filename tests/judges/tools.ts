import { spawn } from "node:child_process";
import { join } from "node:path";
import { installerWith } from "../../fleet/local/installer";
import { ensureDebianProgram } from "../../sandbox/live/tools/debianProgram";
import { ensureGoProgram, type GoProgram } from "../../sandbox/live/tools/goProgram";
import { ALERTMANAGER, BLACKBOX_EXPORTER, COLLECTOR, PROMETHEUS } from "../../sandbox/live/tools/observers";
import { ensureEnvironment } from "../../sandbox/live/tools/pythonEnvironment";
import { findTool } from "../cluster/tools";

const KUBE_SCORE: GoProgram = {
  name: "kube-score",
  version: "v1.20.0",
  main: "github.com/zegl/kube-score/cmd/kube-score",
};

const PROMTOOL: GoProgram = {
  ...PROMETHEUS,
  name: "promtool",
  main: "github.com/prometheus/prometheus/cmd/promtool",
};

const AMTOOL: GoProgram = {
  name: "amtool",
  version: ALERTMANAGER.version,
  main: "github.com/prometheus/alertmanager/cmd/amtool",
};

const PYTHON = join(__dirname, "python");
const tools = installerWith((message) => process.stderr.write(`judges: ${message}\n`), new AbortController().signal);

/** The path of kube-score, built into the cache the first time. */
export const kubeScore = (): Promise<string> => findTool(KUBE_SCORE);

/** The path of promtool, which judges rules and configuration of the Prometheus that the live fleet runs; built into the cache the first time. */
export const promtool = (): Promise<string> => findTool(PROMTOOL);

/** The path of amtool, which judges the configuration of its Alertmanager; built into the cache the first time. */
export const amtool = (): Promise<string> => findTool(AMTOOL);

/** The path of OpenTelemetry's collector, the same that the live fleet runs. */
export const collector = (): Promise<string> => ensureGoProgram(tools, COLLECTOR);

/** The path of the blackbox exporter, the same that the live fleet runs. */
export const blackboxExporter = (): Promise<string> => ensureDebianProgram(tools, BLACKBOX_EXPORTER);

/** The path of Checkov, installed into the cache the first time. */
export async function checkov(): Promise<string> {
  const bin = await ensureEnvironment(tools, {
    name: "checkov",
    lock: join(PYTHON, "checkov.txt"),
    title: "installing Checkov (250 MB, once)",
    wantedBy: "Checkov",
    proof: "import checkov.main",
  });
  return join(bin, "checkov");
}

/** The Python that has botocore, parliament and moto, installed into the cache the first time. */
export async function awsPython(): Promise<string> {
  const bin = await ensureEnvironment(tools, {
    name: "aws-judges",
    lock: join(PYTHON, "aws.txt"),
    title: "installing botocore, parliament and moto (100 MB, once)",
    wantedBy: "botocore",
    proof: "import botocore, moto, parliament, regex",
  });
  return join(bin, "python");
}

/** The path of the AWS CLI, installed into the cache the first time. */
export async function awsCli(): Promise<string> {
  const bin = await ensureEnvironment(tools, {
    name: "aws-cli",
    lock: join(PYTHON, "awscli.txt"),
    title: "installing the AWS CLI (25 MB, once)",
    wantedBy: "the AWS CLI",
    proof: "import awscli",
  });
  return join(bin, "aws");
}

/**
 * Runs a judge to its end.
 *
 * @param input written to its stdin
 * @param endings exit codes that are no failure of the judge itself
 * @param env its environment
 * @returns what it printed
 */
export function run(
  command: string,
  args: readonly string[],
  input = "",
  endings = [0],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "pipe", env });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== null && endings.includes(code)) resolve(stdout);
      else reject(new Error(`${command} ended with ${code}\n${stderr.slice(-4000)}`));
    });
    // One that reads nothing may have ended before: its exit code says how.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** Asks one of the scripts in `python`, which take and give JSON. */
export async function ask<T>(script: string, input: object): Promise<T> {
  return JSON.parse(await run(await awsPython(), ["-W", "ignore", join(PYTHON, script)], JSON.stringify(input)));
}
