import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stack } from "@pulumi/pulumi/automation";
import type { Session } from "../stacks/session";
import type { Begun } from "./begun";
import type { Recorded } from "./settle";

/** Relevant parts of an exported state. */
export interface Exported {
  readonly deployment?: {
    /** `time`: time of the last update, in ISO 8601. */
    manifest?: { readonly time?: string };
    resources?: Recorded[];
    pending_operations?: { readonly type: string; readonly resource: Begun }[];
  };
}

export async function exportState(session: Session, stack: string): Promise<Exported> {
  return JSON.parse(await session.run(stack, ["stack", "export"]));
}

/**
 * Imports cloud resources into the state and refreshes them at once. The refresh removes those that do not exist.
 * Clears the pending operations.
 */
export async function take(
  session: Session,
  stack: Stack,
  exported: Exported,
  found: readonly { readonly begun: Begun; readonly id: string }[],
): Promise<void> {
  const { pending_operations, ...rest } = exported.deployment ?? {};
  const resources = [...(rest.resources ?? []), ...found.map(({ begun, id }) => adopted(begun, id))];
  await importState(session, stack.name, { ...exported, deployment: { ...rest, resources } });
  const target = found.map(({ begun: { urn } }) => urn);
  if (target.length > 0) await stack.refresh({ target, signal: session.options.signal });
}

/** Additional output, by type, through which the real provider reads the resource. */
const READ_BY: Readonly<Record<string, string>> = {
  "aws:eks/podIdentityAssociation:PodIdentityAssociation": "associationId",
};

/**
 * Metadata that a package's provider stores with the outputs: their schema version. Without it, the bridge assumes an
 * older provider's schema and runs an unneeded upgrade (`schema_version` of Cloudflare's provider, v5).
 */
const META: Readonly<Record<string, string>> = { cloudflare: '{"schema_version":"500"}' };

export function adopted(begun: Begun, id: string) {
  const meta = META[begun.type.split(":")[0] ?? ""];
  return {
    ...begun,
    id,
    custom: true,
    outputs: { ...begun.inputs, id, [READ_BY[begun.type] ?? "id"]: id, ...(meta && { __meta: meta }) },
  };
}

async function importState(session: Session, stack: string, state: object): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "state-"));
  try {
    writeFileSync(join(folder, "state.json"), JSON.stringify(state), { mode: 0o600 });
    await session.run(stack, ["stack", "import", "--file", join(folder, "state.json")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
