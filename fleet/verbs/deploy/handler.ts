import type { Stack } from "@pulumi/pulumi/automation";
import { ExitCode, UserError } from "../../../model/errors";
import { connectLive } from "../../../sandbox/live/client";
import type { Recording } from "../../engine/changes";
import { followed, liveAfterwords, liveDirectory } from "../../local/live";
import { gate } from "../../rollout/gate";
import { healthProbe } from "../../rollout/probes";
import { update, updateTable } from "../../rollout/update";
import { requireFormerName } from "../../stacks/publicName";
import { afterwords, asJson, countsOf, exitCodeOf } from "../../stacks/report";
import { runStacks } from "../../stacks/stackRun";
import { type Opened, withSession } from "../../stacks/withSession";
import { print } from "../../terminal/messages";
import { showAndConfirm } from "../up/handler";
import type { DeployOptions } from "./verb";

/** Poll interval. Cloudflare's monitor does not update its verdict more often. */
const LOOK_MS = { clouds: 15_000, local: 1_000 };

/**
 * Deploys one stack after the other: foundation, each region, edge. Before the next stack is changed, a region must
 * become healthy and remain healthy during the soak time. The first failure stops the deployment. Exit 9: a region did
 * not become healthy in time; 4: a region became unhealthy during the soak time.
 */
export async function deploy(options: DeployOptions): Promise<ExitCode> {
  const times = { withinMs: options.healthyWithin * 1000, soakMs: options.soak * 1000 };
  return withSession(options, { localCloud: "start", changes: true }, async (opened) => {
    await requireFormerName(opened);
    if (!options.local && !options.yes) await showAndConfirm(opened);
    const order = opened.order.flat().map((stack) => [stack]);
    const runs = await runStacks(
      { session: opened.session, order, stopAtFirst: true, summarise: (changes) => countsOf(changes, "done") },
      async (stack, recording) => {
        const extra = await update(opened, stack, recording, { refresh: false, silenceMinutes: options.silence });
        await liveRollout(opened, stack, recording);
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

/**
 * Waits until the local fleet's processes run the deployed version. On the clouds, Pulumi waits for the pods itself.
 *
 * @throws UserError if the processes do not run
 */
async function liveRollout({ session }: Opened, { name }: Stack, recording: Recording): Promise<void> {
  const { local, directory, signal } = session.options;
  const live = local ? await connectLive(liveDirectory(directory)) : undefined;
  if (!live) return;
  const run = await followed(live, signal, (message) => {
    recording.current = message;
  });
  if (run.exitCode !== ExitCode.Success)
    throw new UserError(
      `${name} is deployed, but its processes are not running, so later stacks were not changed; run the command again once they run: ${liveAfterwords(run.status).join("; ")}`,
      run.exitCode,
    );
}

async function throughGate(
  { project, session }: Opened,
  stack: Stack,
  recording: Recording,
  times: { withinMs: number; soakMs: number },
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
    intervalMs: session.options.local ? LOOK_MS.local : LOOK_MS.clouds,
    signal: session.options.signal,
    observed({ said }, healthyForMs) {
      recording.current = `${said}, for ${Math.round(healthyForMs / 1000)} of ${times.soakMs / 1000} s`;
    },
  });
  if (!failed) return;
  const { health, wasHealthy } = failed;
  throw new UserError(
    `${stack.name} is deployed and ${wasHealthy ? "became unhealthy again" : `was not healthy within ${times.withinMs / 1000} s`} (${health.said}); later stacks were not changed`,
    wasHealthy ? ExitCode.ResourceFailed : ExitCode.TimedOut,
  );
}
