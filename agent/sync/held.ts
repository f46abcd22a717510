import type { Problem } from "../flows/version";

/** A flow that waits, and what kind of trouble it waits for. */
export interface Held extends Problem {
  readonly kind: "flow" | "secret" | "deletes";
}

/** Why a flow waits. */
export type Trouble = Omit<Held, "path">;
