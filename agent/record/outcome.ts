import type { Field, Problem } from "../flows/version";
import type { HeldDeletes } from "./deletes";

/** A flow that waits, in the record or for LangFlow, and what kind of trouble it waits for. */
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

/** What a cycle did to one user's folder. */
export interface Outcome {
  readonly workspace: string;
  /** Flows written to LangFlow, deletes included. */
  imported: number;
  /** Flows written to Git, deletes included. */
  exported: number;
  /** Flows in Git. */
  flows: number;
  readonly conflicts: Conflict[];
  /** Files in Git that are left out, with the reason. */
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
