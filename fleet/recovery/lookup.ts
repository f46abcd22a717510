import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProviderResource } from "@pulumi/pulumi";
import { LocalWorkspace, Stack } from "@pulumi/pulumi/automation";
import { ExitCode, UserError } from "../../model/errors";
import { failureOf } from "../engine/failure";
import type { Begun } from "./begun";
import { awsFinders } from "./finders/aws";
import { cloudflareFinders } from "./finders/cloudflare";
import type { Finders } from "./finders/finder";
import type { Recorded } from "./settle";

const FINDERS: Finders = { ...awsFinders, ...cloudflareFinders };

/** Exit codes of temporary failures. Continuing after one would forget resources that a later attempt could find. */
const PASSING: readonly ExitCode[] = [ExitCode.Unreachable, ExitCode.Unauthenticated];
const BUSY = /deadline exceeded|timed? ?out|throttl|rate exceeded|too many requests/i;

/**
 * Searches the clouds for resources that match the questions, by URN. A question has no answer if its type has no
 * finder or the cloud rejects the query.
 *
 * Data sources only work inside a program. This function therefore previews a program that contains nothing else, with
 * the stack's providers and environment, in a temporary project and backend.
 */
export async function lookUp(
  questions: readonly Begun[],
  recorded: readonly Recorded[],
  stack: Stack,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const answers = new Map<string, readonly string[]>();
  const known = questions.filter(({ type }) => FINDERS[type] !== undefined);
  if (known.length === 0) return answers;
  const obstacles: unknown[] = [];
  const program = async () => {
    const needed = new Set(known.map(providerOf));
    const providers = recorded.filter((each) => needed.has(each.urn) && isPlain(each));
    const made = new Map(providers.map((each, index) => [each.urn, sameProvider(each, `${index}`)]));
    const answered = known.map(async (question) => {
      const { urn, type, inputs = {} } = question;
      const provider = made.get(providerOf(question));
      if (!provider) return;
      await FINDERS[type]?.(inputs, { provider }).then(
        (ids) => answers.set(urn, ids),
        (error) => obstacles.push(error), // a rejected query leaves its question open
      );
    });
    await Promise.all(answered);
  };
  const folder = mkdtempSync(join(tmpdir(), "lookup-"));
  try {
    const workspace = await LocalWorkspace.create({
      workDir: folder,
      pulumiCommand: stack.workspace.pulumiCommand,
      envVars: {
        ...stack.workspace.envVars,
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: "nothing is kept",
      },
      projectSettings: { name: "lookup", runtime: "nodejs" },
      program,
    });
    await (await Stack.create("lookup", workspace)).preview({ signal });
  } finally {
    rmSync(folder, { recursive: true });
  }
  obstacles.forEach(refusePassing);
  return answers;
}

/** Returns the URN of a resource's provider. The provider reference ends with the provider's id. */
const providerOf = ({ provider = "" }: Begun): string => provider.slice(0, provider.lastIndexOf("::"));

class SameProvider extends ProviderResource {}

function sameProvider({ type, inputs = {} }: Recorded, name: string): ProviderResource {
  const { __internal, version, ...settings } = inputs;
  const given = typeof version === "string" ? { version } : {};
  return new SameProvider(type.split(":").at(-1) ?? "", name, settings, given);
}

/** Returns whether a provider's settings are readable, which excludes secrets. Our programs put no secrets there. */
function isPlain({ inputs = {} }: Recorded): boolean {
  const { __internal, ...settings } = inputs;
  return Object.values(settings).every((value) => typeof value === "string");
}

/** Throws on a temporary failure, so that the open resources remain recorded for the next run. */
function refusePassing(error: unknown): void {
  const { message, exitCode } = failureOf(error);
  const passes = PASSING.includes(exitCode);
  if (!passes && !BUSY.test(message)) return;
  throw new UserError(
    `an earlier update was interrupted, and the resources it left cannot be searched for; run this again once the service answers: ${message}`,
    passes ? exitCode : ExitCode.Unreachable,
  );
}
