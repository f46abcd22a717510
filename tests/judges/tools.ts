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

/** Returns the path of kube-score, which is built into the cache on first use. */
export const kubeScore = (): Promise<string> => findTool(KUBE_SCORE);

/**
 * Returns the path of promtool for the Prometheus version of the live fleet. It is built into the cache on first use.
 */
export const promtool = (): Promise<string> => findTool(PROMTOOL);

/**
 * Returns the path of amtool for the Alertmanager version of the live fleet. It is built into the cache on first use.
 */
export const amtool = (): Promise<string> => findTool(AMTOOL);

/** Returns the path of the OpenTelemetry collector, which is the same as in the live fleet. */
export const collector = (): Promise<string> => ensureGoProgram(tools, COLLECTOR);

/** Returns the path of the blackbox exporter, which is the same as in the live fleet. */
export const blackboxExporter = (): Promise<string> => ensureDebianProgram(tools, BLACKBOX_EXPORTER);

/** Returns the path of Checkov, which is installed into the cache on first use. */
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

/** Returns the path of a Python with botocore, parliament and moto, which is installed into the cache on first use. */
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

/** Returns the path of the AWS CLI, which is installed into the cache on first use. */
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
 * Runs a tool until it exits.
 *
 * @param input text for its stdin
 * @param endings exit codes that do not mean a failure of the tool itself
 * @param env environment of the tool
 * @returns its stdout
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
    // A tool that does not read its input may exit before the write. Its exit code then shows the result.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** Runs one of the scripts in `python`, which exchange JSON over stdin and stdout. */
export async function ask<T>(script: string, input: object): Promise<T> {
  return JSON.parse(await run(await awsPython(), ["-W", "ignore", join(PYTHON, script)], JSON.stringify(input)));
}
