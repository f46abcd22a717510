import type { FlowFile } from "../flows/flowFile";
import type { Repository } from "../git/repository";
import type { SnapshotReader } from "../git/snapshot";
import type { Holds } from "../holds";
import type { LangFlow } from "../langflow/client";
import type { FlowStore, Owner } from "../langflow/store";
import type { DeleteLimit } from "./breaker";
import type { OnClockAhead } from "./edits";
import type { Trouble } from "./held";
import type { Releases } from "./release";

/** One user's flows: a folder in the repository. */
export interface Workspace extends Owner {
  readonly langflow: Pick<
    LangFlow,
    "answers" | "flow" | "put" | "create" | "patch" | "setLock" | "delete" | "makeProject"
  >;
}

/** Whose flows are synced. */
export interface Workspaces {
  /**
   * @param head Git's newest commit
   * @returns the workspaces in the order of their folders; Git's newest commit by now, since new folders are noted down in it
   * @throws Raced, GitUnreachable, DatabaseUnreachable
   */
  at(
    head: string | undefined,
  ): Promise<{ readonly head: string | undefined; readonly workspaces: readonly Workspace[] }>;
}

/** What an agent works with. */
export interface Region {
  /** Our name of the region. */
  readonly name: string;
  readonly store: Pick<FlowStore, "look" | "contents" | "outlines" | "remember" | "giveVersionToken">;
  readonly repository: Pick<
    Repository,
    | "fetch"
    | "leadsTo"
    | "read"
    | "store"
    | "commit"
    | "push"
    | "lastChange"
    | "lastKnownChange"
    | "findContents"
    | "files"
  >;
  readonly reader: Pick<SnapshotReader, "read">;
  readonly holds: Holds<Trouble>;
  readonly deletes: DeleteLimit;
  /** What a person released. */
  readonly releases: Pick<Releases, "has" | "take">;
  /** What looks like a secret in a file, but for what is allowed by name. */
  findSecrets(file: FlowFile): Promise<readonly { readonly field: string; readonly rule: string }[]>;
  readonly onClockAhead: OnClockAhead;
}

/** Another region pushed between our look and our push, or a user edited: look again. */
export class Raced extends Error {}

export const flowPath = (id: string): string => `LangFlow ${id}`;
