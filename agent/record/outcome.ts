import type { Field, Problem } from "../../formats/flows/version";
import type { HeldDeletes } from "./deletes";

/** A flow that waits to be recorded or imported, and the kind of its problem. */
export interface Held extends Problem {
  readonly kind: "flow" | "secret" | "deletes";
}

/** Why a flow waits. */
export type Trouble = Omit<Held, "path">;

export const CONFLICT_KINDS = ["edited-twice", "edit-survives-delete"] as const;
export interface Conflict {
  readonly kind: (typeof CONFLICT_KINDS)[number];
  readonly id: string;
  readonly fields?: readonly Field[];
  /** The flow that keeps the other version of the graph. */
  readonly keptAs?: string;
}

/** The result of a cycle for one user's folder. */
export interface Outcome {
  readonly workspace: string;
  /** Number of flows that were written to LangFlow, including deletes. */
  imported: number;
  /** Number of flows that were written to Git, including deletes. */
  exported: number;
  /** Number of flows in Git. */
  flows: number;
  readonly conflicts: Conflict[];
  /** Files in Git that are skipped, with the reason. */
  readonly problems: Problem[];
  readonly held: Held[];
  heldDeletes?: HeldDeletes;
}

export const outcomeOf = (workspace: string): Outcome => ({
  workspace,
  imported: 0,
  exported: 0,
  flows: 0,
  conflicts: [],
  problems: [],
  held: [],
});

export const pathOf = (id: string): string => `LangFlow ${id}`;
