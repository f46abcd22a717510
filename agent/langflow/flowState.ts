import type { Field, Prints, Version } from "../flows/version";

/**
 * What both sides last agreed on about one flow, field by field: what LangFlow held when Git held that. They are two
 * prints, because a LangFlow may write a flow in another way than it was given it. A field that is not in it was never
 * agreed on.
 */
export type Agreed = Partial<Record<Field, { readonly langflow: string; readonly git: string }>>;

/** What is about to be written, so that after a crash it is known whether it was. */
export type Intent =
  /** To Git, by this commit: done where the host's newest commit comes after it. */
  | { readonly kind: "export"; readonly commit: string; readonly agreed: Agreed | undefined }
  /** To LangFlow: `prints` is what it will hold, under that name. */
  | ({ readonly kind: "import"; readonly prints: Prints; readonly name: string } & LockIntent)
  /** From LangFlow: locked, looked at again, then deleted. */
  | ({ readonly kind: "delete" } & LockIntent);

/** A lock that is opened for a write, or closed for a delete; nothing where it is left alone. */
interface LockIntent {
  readonly locked?: boolean;
}

/** What a flow's file is, without its being read. */
export interface KnownFile extends Omit<Version, "project" | "prints"> {
  readonly path: string;
  readonly blob: string;
  readonly prints: Omit<Prints, "project">;
}

/**
 * The form of what is remembered: a release that makes other prints of the same flow, or means something else by a state,
 * has another number. What was remembered in another form is forgotten: what both sides hold alike is agreed on anew,
 * where it would look edited on both.
 */
export const STATE_FORM = 2;

/** What the region remembers of one flow, in its own database: lost, restored and rolled back together with the flow. */
export interface FlowState {
  readonly agreed?: Agreed;
  readonly intent?: Intent;
  /** The row of that revision has these prints. Nothing but time is lost where it is missing. */
  readonly row?: { readonly revision: string; readonly prints: Omit<Prints, "project"> };
  /** Likewise for the file. */
  readonly file?: KnownFile;
}
