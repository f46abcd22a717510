import type { Field, Version } from "../flows/version";

export type Side = "langflow" | "git";

/** One side's version of a flow, as merging sees it. */
export interface SideVersion extends Version {
  /** To be written anew with nothing changed: in Git, written otherwise than equal flows are; in LangFlow, half written. */
  readonly untidy?: boolean;
}
export type Versions = ReadonlyMap<string, SideVersion>;

/** Which side's version a field is taken from, and of which flow. */
export interface Source {
  readonly side: Side;
  readonly id: string;
}

/** What a flow shall be on both sides. */
export interface Wanted {
  readonly sources: Readonly<Record<Field, Source>>;
  readonly name: string;
  readonly project?: string;
  readonly endpointName?: string;
}

export const CONFLICT_KINDS = ["edited-twice", "name-taken", "endpoint-taken", "edit-survives-delete"] as const;
export interface Conflict {
  readonly kind: (typeof CONFLICT_KINDS)[number];
  readonly id: string;
  /** For `edited-twice`. */
  readonly fields?: readonly Field[];
  /** The id of the flow that keeps the other version; none where only places and switches were set twice. */
  readonly keptAs?: string;
}

/** The changes that make both sides hold the same. Undefined: delete. */
export interface Plan {
  readonly langflow: ReadonlyMap<string, Wanted | undefined>;
  readonly git: ReadonlyMap<string, Wanted | undefined>;
  readonly conflicts: readonly Conflict[];
}

/** What only some flows need, and costs more to know. */
export interface ConflictRules {
  /** Whether a field was edited later in LangFlow than in Git, where both sides edited it. */
  isLater(id: string, field: Field, langflow: Version, git: Version): boolean;
  /** Id and name under which a losing version is kept. The same for the same version, whoever asks. */
  keep(id: string, fields: readonly Field[], loser: Version, side: Side): { id: string; name: string };
  /** The n-th other name, from 1, for a flow whose name another flow has. */
  rename(name: string, attempt: number): string;
}
