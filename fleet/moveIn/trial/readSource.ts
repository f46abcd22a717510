import { exportedFlow, type FlowFile, NotAFlow } from "../../../agent/flows/flowFile";
import { withoutCode } from "../../rehearsal/stage";
import { type Inspection, inspect } from "../inspect";
import type { Inventory } from "../inventory";

/** A flow of the source, as far as a comparison needs it. */
export interface ExpectedFlow {
  readonly id: string;
  readonly name: string;
  /** Id of its user in the source. */
  readonly owner: string;
  /** Names of its user's global variables. */
  readonly variables: ReadonlySet<string>;
  readonly whole: Pick<FlowFile, "prints">;
  readonly codeless: Pick<FlowFile, "prints">;
}

export interface ExpectedSource {
  readonly inventory: Inventory;
  readonly flows: readonly ExpectedFlow[];
}

/** Reads a source as {@link inspect} does, with the prints of its flows. A flow that cannot be recorded is not among them. */
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
