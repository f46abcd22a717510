import { exportedFlow, type FlowFile, NotAFlow } from "../../../formats/flows/flowFile";
import { withoutCode } from "../../rehearsal/stage";
import { type Inspection, inspect } from "../inspect";
import type { Inventory } from "../inventory";

/** Expected state of a flow, based on the source. */
export interface ExpectedFlow {
  readonly id: string;
  readonly name: string;
  /** Id of the flow's user in the source. */
  readonly owner: string;
  /** Names of the global variables of the flow's user. */
  readonly variables: ReadonlySet<string>;
  readonly whole: Pick<FlowFile, "prints">;
  readonly codeless: Pick<FlowFile, "prints">;
}

export interface ExpectedSource {
  readonly inventory: Inventory;
  readonly flows: readonly ExpectedFlow[];
}

/**
 * Reads a source like {@link inspect}, and computes the fingerprints of its flows. Omits flows that cannot be recorded.
 */
export async function readSource(inspection: Inspection): Promise<ExpectedSource> {
  const flows: ExpectedFlow[] = [];
  const inventory = await inspect({
    ...inspection,
    onFlow: ({ id, owner, value, variables }, { name }) => {
      if (typeof value === "string" || owner === undefined) return;
      try {
        const file = exportedFlow(value, { variables });
        const [{ prints: whole }, { prints: codeless }] = [file, withoutCode(file)];
        flows.push({ id, name, owner, variables, whole: { prints: whole }, codeless: { prints: codeless } });
      } catch (error) {
        if (!(error instanceof NotAFlow)) throw error;
      }
    },
  });
  return { inventory, flows };
}
