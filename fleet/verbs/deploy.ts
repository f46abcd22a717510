import type { Stack } from "@pulumi/pulumi/automation";
import { ExitCode, UserError } from "../../model/errors";
import { type Opened, print, type VerbOptions, withSession } from "../cli/command";
import { afterwords, asJson, countsOf, exitCodeOf } from "../cli/report";
import { gate } from "../rollout/gate";
import { healthProbe } from "../rollout/probes";
import type { Recording } from "../stacks/changes";
import { runStacks } from "../stacks/runs";
import { update, updateTable } from "../stacks/update";
import { showAndConfirm } from "./up";

export interface DeployOptions extends VerbOptions {
  /** Do not ask before the clouds are changed. The local fleet never asks. */
  readonly yes: boolean;
  /** Minutes the engine may say nothing. */
  readonly silence: number;
  /** Seconds a region may take to be healthy after its update. */
  readonly healthyWithin: string;
  /** Seconds it must then stay healthy before the next stack. */
  readonly soak: string;
}

/** Cloudflare's monitor has no newer word more often than that. */
const LOOK_MS = { clouds: 15_000, local: 1_000 };

/**
 * Deploys one stack after the other: foundation, each region, edge. A region must be healthy, and stay so for a while,
 * before the next stack is touched; the first failure stops everything behind it. Exit 9: a region was not healthy in
 * time; 4: it fell during the soak.
 */
export async function deploy(options: DeployOptions): Promise<ExitCode> {
  const times = { within: seconds("healthy-within", options.healthyWithin), soak: seconds("soak", options.soak) };
  return withSession(options, { localCloud: "start", changes: true }, async (opened) => {
    if (!options.local && !options.yes) await showAndConfirm(opened);
    const order = opened.order.flat().map((stack) => [stack]);
    const runs = await runStacks(
      { session: opened.session, order, stopAtFirst: true, summarise: (changes) => countsOf(changes, "done") },
      async (stack, recording) => {
        const extra = await update(opened, stack, recording, { refresh: false, silence: options.silence });
        await throughGate(opened, stack, recording, times);
        return extra;
      },
    );
    const exitCode = exitCodeOf(runs);
    if (options.json) print(asJson("deploy", options.local, runs, exitCode));
    else print(updateTable(runs), ...afterwords(runs));
    return exitCode;
  });
}

async function throughGate(
  { project, session }: Opened,
  stack: Stack,
  recording: Recording,
  times: { within: number; soak: number },
): Promise<void> {
  const config = project.stacks.get(stack.name);
  if (config?.kind !== "region") return;
  const probe = await healthProbe(session, config);
  if (typeof probe === "string") {
    recording.notes.push(probe);
    return;
  }
  const failed = await gate(probe, {
    ...times,
    interval: session.options.local ? LOOK_MS.local : LOOK_MS.clouds,
    signal: session.options.signal,
    observed({ said }, healthyFor) {
      recording.current = `${said}, for ${Math.round(healthyFor / 1000)} of ${times.soak / 1000} s`;
    },
  });
  if (!failed) return;
  const { health, wasHealthy } = failed;
  throw new UserError(
    `${stack.name} is deployed and ${wasHealthy ? "fell after it had been healthy" : `was not healthy within ${times.within / 1000} s`} (${health.said}); nothing behind it was touched`,
    wasHealthy ? ExitCode.ResourceFailed : ExitCode.TimedOut,
  );
}

/** @returns milliseconds */
function seconds(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || text.trim() === "")
    throw new UserError(`--${option} is ${text}; must be whole seconds, 0 or more`, ExitCode.BadInput);
  return value * 1000;
}
